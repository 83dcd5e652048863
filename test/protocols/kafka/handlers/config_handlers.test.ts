/** DescribeConfigs, AlterConfigs, IncrementalAlterConfigs and ListConfigResources, as frames over a broker in memory. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../../../../src/base/limits.ts";
import { alterConfigsApi } from "../../../../src/protocols/kafka/wire/messages/alter_configs.ts";
import { describeConfigsApi } from "../../../../src/protocols/kafka/wire/messages/describe_configs.ts";
import { incrementalAlterConfigsApi } from "../../../../src/protocols/kafka/wire/messages/incremental_alter_configs.ts";
import { listConfigResourcesApi } from "../../../../src/protocols/kafka/wire/messages/list_config_resources.ts";
import { type AdminSession, openAdminSession } from "./admin_session.ts";

const TOPIC = 2;
const BROKER = 4;
const LOGGER = 8;
const METRICS = 16;
const GROUP = 32;

const [SET, DELETE, APPEND, SUBTRACT] = [0, 1, 2, 3];

type Config = readonly [string, number, string | null];

async function alter(
  session: AdminSession,
  resourceType: number,
  resourceName: string,
  configs: readonly Config[],
  validateOnly = false,
): Promise<readonly [number, string | null]> {
  const { responses } = await session.ask(incrementalAlterConfigsApi, 1, {
    resources: [{
      resourceType,
      resourceName,
      configs: configs.map(([name, configOperation, value]) => ({ name, configOperation, value })),
    }],
    validateOnly,
  });
  const [{ errorCode, errorMessage, ...resource }] = responses as unknown as [(typeof responses)[number]];
  deepEqual(resource, { resourceType, resourceName });
  return [errorCode, errorMessage];
}

async function describe(
  session: AdminSession,
  resourceType: number,
  resourceName: string,
  configurationKeys: readonly string[] | null = null,
  version = 4,
  options: { readonly includeSynonyms?: boolean; readonly includeDocumentation?: boolean } = {},
) {
  const resources = [{ resourceType, resourceName, configurationKeys }];
  const { results } = await session.ask(describeConfigsApi, version, { resources, ...options });
  const [result] = results;
  deepEqual([result!.resourceType, result!.resourceName], [resourceType, resourceName]);
  return result!;
}

test("DescribeConfigs describes a topic in every version, with what the version can tell", async () => {
  await using session = await openAdminSession();
  await session.broker.createTopic("orders", { config: { "retention.bytes": "5" } });
  for (let version = 1; version <= 4; version++) {
    const options = { includeSynonyms: true, ...(version < 3 ? {} : { includeDocumentation: true }) };
    const result = await describe(session, TOPIC, "orders", ["retention.bytes"], version, options);
    deepEqual([result.errorCode, result.errorMessage, result.configs.length], [0, "", 1]);
    const { documentation, ...config } = result.configs[0]!;
    deepEqual(config, {
      name: "retention.bytes",
      value: "5",
      readOnly: false,
      configSource: 1,
      isSensitive: false,
      synonyms: [{ name: "retention.bytes", value: "5", source: 1 }, {
        name: "log.retention.bytes",
        value: "-1",
        source: 5,
      }],
      configType: version < 3 ? 0 : 5,
    });
    ok(version < 3 ? documentation === "" : documentation!.length > 10);
  }
  const plain = await describe(session, TOPIC, "orders", ["retention.bytes"]);
  deepEqual([plain.configs[0]!.synonyms, plain.configs[0]!.documentation], [[], null]);
});

test("DescribeConfigs describes all settings, or those that are named, once", async () => {
  await using session = await openAdminSession();
  await session.broker.createTopic("orders");
  const all = session.broker.describeTopicConfig("orders")!.map(({ name }) => name);
  const names = async (keys: readonly string[] | null) =>
    (await describe(session, TOPIC, "orders", keys)).configs.map(({ name }) => name);
  deepEqual(await names(null), all);
  deepEqual(await names([]), all);
  deepEqual(await names(["segment.ms", "no.such", "retention.ms", "segment.ms"]), ["retention.ms", "segment.ms"]);
  deepEqual(await names(["no.such"]), []);
});

test("DescribeConfigs tells every type of a setting by Kafka's number", async () => {
  await using session = await openAdminSession();
  await session.broker.createTopic("orders");
  const { configs } = await describe(session, TOPIC, "orders");
  const types = Object.fromEntries(configs.map(({ name, configType }) => [name, configType]));
  deepEqual(
    [
      "preallocate",
      "message.timestamp.type",
      "segment.bytes",
      "retention.ms",
      "min.cleanable.dirty.ratio",
      "cleanup.policy",
    ]
      .map((name) => types[name]),
    [1, 2, 3, 5, 6, 7],
  );
});

test("DescribeConfigs describes this broker, and nothing that is set for all", async () => {
  await using session = await openAdminSession({ nodeId: 1, partitionsDefault: 4 });
  for (const name of ["1", "01", "+1"]) {
    const { errorCode, configs } = await describe(session, BROKER, name, ["num.partitions", "node.id"]);
    deepEqual([errorCode, configs.map((config) => [config.name, config.value, config.readOnly, config.configSource])], [
      0,
      [["node.id", "1", true, 4], ["num.partitions", "4", true, 4]],
    ]);
  }
  deepEqual((await describe(session, BROKER, "1")).configs.length, session.broker.describeBrokerConfig().length);
  const forAll = await describe(session, BROKER, "");
  deepEqual([forAll.errorCode, forAll.configs], [0, []]);
});

test("DescribeConfigs says in Kafka's words what it cannot describe", async () => {
  await using session = await openAdminSession();
  const bad = "contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'";
  const wrong: readonly (readonly [number, string, number, string])[] = [
    [TOPIC, "none", 3, ""],
    [TOPIC, "", 17, "Topic name is invalid: the empty string is not allowed"],
    [TOPIC, "a b", 17, `Topic name is invalid: 'a b' ${bad}`],
    [BROKER, "7", 42, "Unexpected broker id, expected 1 or empty string, but received 7"],
    [BROKER, "-1", 42, "Unexpected broker id, expected 1 or empty string, but received -1"],
    [BROKER, "x", 42, "Broker id must be an integer, but it is: x"],
    [BROKER, " 1", 42, "Broker id must be an integer, but it is:  1"],
    [BROKER, "2147483648", 42, "Broker id must be an integer, but it is: 2147483648"],
    [LOGGER, "", 42, "Broker id must not be empty"],
    [LOGGER, "x", 42, "Broker id must be an integer, but it is: x"],
    [LOGGER, "7", 42, "Unexpected broker id, expected 1 but received 7"],
    [METRICS, "", 42, "Client metrics subscription name must not be empty"],
    [GROUP, "", 42, "Group name must not be empty"],
  ];
  for (const [type, name, errorCode, errorMessage] of wrong) {
    const result = await describe(session, type, name);
    deepEqual([result.errorCode, result.errorMessage, result.configs], [errorCode, errorMessage, []]);
  }
  for (const [type, name] of [[LOGGER, "1"], [METRICS, "m"], [GROUP, "g"]] as const) {
    const result = await describe(session, type, name);
    deepEqual([result.errorCode, result.configs], [0, []]);
  }
});

test("DescribeConfigs refuses a whole request with a type that it does not know", async () => {
  await using session = await openAdminSession();
  await session.broker.createTopic("orders");
  for (const type of [0, 3, 99, -1]) {
    const { results } = await session.ask(describeConfigsApi, 4, {
      resources: [{ resourceType: TOPIC, resourceName: "orders", configurationKeys: null }, {
        resourceType: type,
        resourceName: "x",
        configurationKeys: null,
      }],
    });
    deepEqual(results.map(({ errorCode, configs }) => [errorCode, configs.length]), [[42, 0], [42, 0]]);
    ok(results[0]!.errorMessage!.startsWith("This most likely occurs because of a request being malformed"));
  }
  deepEqual((await session.ask(describeConfigsApi, 4, { resources: [] })).results, []);
});

test("DescribeConfigs tells no more settings than one request may have", async () => {
  await using session = await openAdminSession();
  const each = session.broker.describeBrokerConfig().length;
  const answered = Math.ceil(LIMITS.describedSettingsMax / each);
  const resource = { resourceType: BROKER, resourceName: "1", configurationKeys: null };
  const resources = Array.from({ length: answered + 2 }, () => resource);
  const { results } = await session.ask(describeConfigsApi, 4, { resources });
  deepEqual(results.slice(0, answered).filter(({ errorCode }) => errorCode !== 0), []);
  deepEqual(results.slice(answered).map(({ errorCode, configs }) => [errorCode, configs.length]), [[44, 0], [44, 0]]);
});

test("IncrementalAlterConfigs sets, unsets and leaves what it does not name, in every version", async () => {
  await using session = await openAdminSession();
  await session.broker.createTopic("orders", { config: { "segment.ms": "5" } });
  for (let version = 0; version <= 1; version++) {
    const configs = [{ name: "retention.ms", configOperation: SET!, value: `${version + 1}` }];
    const { responses } = await session.ask(incrementalAlterConfigsApi, version, {
      resources: [{ resourceType: TOPIC, resourceName: "orders", configs }],
      validateOnly: false,
    });
    deepEqual(responses, [{ errorCode: 0, errorMessage: null, resourceType: TOPIC, resourceName: "orders" }]);
    const { config } = session.broker.describeTopic("orders")!;
    deepEqual(config, { "segment.ms": "5", "retention.ms": `${version + 1}` });
  }
  const configs: readonly Config[] = [["retention.ms", DELETE!, "ignored"], ["no.such", DELETE!, null]];
  deepEqual(await alter(session, TOPIC, "orders", configs), [0, null]);
  deepEqual(session.broker.describeTopic("orders")!.config, { "segment.ms": "5" });
  deepEqual(await alter(session, TOPIC, "orders", []), [0, null]);
  deepEqual(await alter(session, TOPIC, "orders", [["segment.ms", SET!, "9"]], true), [0, null]);
  deepEqual(session.broker.describeTopic("orders")!.config, { "segment.ms": "5" });
});

test("IncrementalAlterConfigs adds to a list and takes from it", async () => {
  await using session = await openAdminSession();
  await session.broker.createTopic("orders");
  deepEqual(await alter(session, TOPIC, "orders", [["cleanup.policy", APPEND!, "delete"]]), [0, null]);
  deepEqual(await alter(session, TOPIC, "orders", [["cleanup.policy", SUBTRACT!, "compact"]]), [0, null]);
  deepEqual(session.broker.describeTopic("orders")!.config, {});
  const [errorCode] = await alter(session, TOPIC, "orders", [["cleanup.policy", SUBTRACT!, "delete"]]);
  equal(errorCode, 40);
});

test("IncrementalAlterConfigs says in Kafka's words and order what is wrong, and changes nothing then", async () => {
  await using session = await openAdminSession();
  await session.broker.createTopic("orders");
  const notList = (verb: string, name: string) => `Can't ${verb} to key ${name} because its type is not LIST.`;
  const dynamic = (names: string) => `Cannot update these configs dynamically: [${names}]`;
  const wrong: readonly (readonly [number, string, readonly Config[], number, string])[] = [
    [TOPIC, "none", [["retention.ms", SET!, "5"]], 3, "The topic 'none' does not exist."],
    [TOPIC, "none", [], 3, "The topic 'none' does not exist."],
    [TOPIC, "", [["retention.ms", SET!, "5"]], 42, "Default topic resources are not allowed."],
    [
      TOPIC,
      "a b",
      [],
      17,
      "Topic name is invalid: 'a b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
    ],
    [TOPIC, "orders", [["no.such", SET!, "5"]], 40, "Unknown topic config name: no.such"],
    [
      TOPIC,
      "orders",
      [["retention.ms", SET!, "x"]],
      40,
      "Invalid value x for configuration retention.ms: Not a number of type LONG",
    ],
    [TOPIC, "orders", [["retention.ms", SET!, null]], 42, "Null value not supported for : retention.ms"],
    [
      TOPIC,
      "none",
      [["retention.ms", SET!, null], ["segment.ms", APPEND!, null]],
      42,
      "Null value not supported for : retention.ms, segment.ms",
    ],
    [TOPIC, "orders", [["retention.ms", APPEND!, "5"]], 40, notList("APPEND", "retention.ms")],
    [TOPIC, "none", [["retention.ms", SUBTRACT!, "5"]], 40, notList("SUBTRACT", "retention.ms")],
    [TOPIC, "orders", [["no.such", APPEND!, "5"]], 40, notList("APPEND", "no.such")],
    [TOPIC, "orders", [["retention.ms", 4, "5"]], 42, "Unknown operation 4 on retention.ms"],
    [TOPIC, "orders", [["retention.ms", -1, "5"]], 42, "Unknown operation -1 on retention.ms"],
    [
      TOPIC,
      "none",
      [["retention.ms", SET!, null], ["retention.ms", DELETE!, "5"]],
      42,
      "Error due to duplicate config keys",
    ],
    [BROKER, "1", [["num.partitions", SET!, "5"], ["broker.id", SET!, "1"]], 42, dynamic("num.partitions, broker.id")],
    [BROKER, "", [["num.partitions", SET!, "5"]], 42, dynamic("num.partitions")],
    [BROKER, "7", [], 42, "Unexpected broker id, expected 1, but received 7"],
    [BROKER, "x", [], 42, "Node id must be an integer, but it is: x"],
    [LOGGER, "1", [["root", SET!, "INFO"]], 40, "Logger root does not exist!"],
    [LOGGER, "7", [], 42, "Unexpected node id. Expected 1, but received 7"],
    [LOGGER, "", [], 42, "Node id must be an integer, but it is: "],
    [METRICS, "m", [], 42, "Unknown resource type 16"],
    [GROUP, "g", [], 42, "Unknown resource type 32"],
    [3, "orders", [], 42, "Unknown resource type 3"],
  ];
  for (const validateOnly of [true, false]) {
    for (const [type, name, configs, errorCode, errorMessage] of wrong) {
      deepEqual(await alter(session, type, name, configs, validateOnly), [errorCode, errorMessage]);
    }
  }
  deepEqual(session.broker.describeTopic("orders")!.config, {});
  for (const [type, configs] of [[BROKER, [["num.partitions", DELETE!, null]]], [LOGGER, []]] as const) {
    deepEqual(await alter(session, type, "1", configs), [0, null]);
  }
});

test("a resource that is named twice is refused each time, the others are altered", async () => {
  await using session = await openAdminSession();
  await session.broker.createTopic("orders");
  await session.broker.createTopic("other");
  const resource = (resourceName: string, value: string) => ({
    resourceType: TOPIC,
    resourceName,
    configs: [{ name: "retention.ms", configOperation: SET!, value }],
  });
  const resources = [resource("orders", "1"), resource("other", "2"), resource("orders", "3")];
  const twice = "Each resource must appear at most once.";
  const expected = [[42, twice], [0, null], [42, twice]];
  const { responses } = await session.ask(incrementalAlterConfigsApi, 1, { resources, validateOnly: false });
  deepEqual(responses.map(({ errorCode, errorMessage }) => [errorCode, errorMessage]), expected);
  const whole = await session.ask(alterConfigsApi, 2, {
    resources: resources.map(({ configs, ...rest }) => ({
      ...rest,
      configs: configs.map(({ name, value }) => ({ name, value })),
    })),
    validateOnly: false,
  });
  deepEqual(whole.responses.map(({ errorCode, errorMessage }) => [errorCode, errorMessage]), expected);
  deepEqual(session.broker.describeTopic("orders")!.config, {});
  deepEqual(session.broker.describeTopic("other")!.config, { "retention.ms": "2" });
});

test("AlterConfigs replaces all settings of a topic, in every version", async () => {
  await using session = await openAdminSession();
  await session.broker.createTopic("orders", { config: { "segment.ms": "5" } });
  const ask = async (version: number, configs: readonly { name: string; value: string | null }[], name = "orders") => {
    const resources = [{ resourceType: TOPIC, resourceName: name, configs }];
    const { responses } = await session.ask(alterConfigsApi, version, { resources, validateOnly: version === 2 });
    return [responses[0]!.errorCode, responses[0]!.errorMessage];
  };
  deepEqual(await ask(0, [{ name: "retention.ms", value: "7" }]), [0, null]);
  deepEqual(session.broker.describeTopic("orders")!.config, { "retention.ms": "7" });
  deepEqual(await ask(2, []), [0, null]);
  deepEqual(session.broker.describeTopic("orders")!.config, { "retention.ms": "7" });
  deepEqual(await ask(1, []), [0, null]);
  deepEqual(session.broker.describeTopic("orders")!.config, {});
  deepEqual(await ask(1, [{ name: "segment.ms", value: null }]), [42, "Null value not supported for : segment.ms"]);
  deepEqual(await ask(1, [{ name: "no.such", value: "1" }]), [40, "Unknown topic config name: no.such"]);
  deepEqual(await ask(1, [], "none"), [3, "The topic 'none' does not exist."]);
});

test("AlterConfigs names no loggers, and no setting of a broker", async () => {
  await using session = await openAdminSession();
  const ask = async (resourceType: number, ...names: readonly string[]) => {
    const configs = names.map((name) => ({ name, value: "1" }));
    const resources = [{ resourceType, resourceName: "1", configs }];
    const { responses } = await session.ask(alterConfigsApi, 2, { resources, validateOnly: false });
    return [responses[0]!.errorCode, responses[0]!.errorMessage];
  };
  deepEqual(await ask(LOGGER, "root"), [42, "Unknown resource type 8"]);
  deepEqual(await ask(BROKER, "num.partitions"), [42, "Cannot update these configs dynamically: [num.partitions]"]);
  deepEqual(await ask(BROKER), [0, null]);
});

test("ListConfigResources lists what has settings, by type", async () => {
  await using session = await openAdminSession();
  await session.broker.createTopic("orders");
  const ask = async (version: number, resourceTypes: readonly number[]) => {
    const request = version === 0 ? { resourceTypes: [] } : { resourceTypes };
    const { errorCode, configResources } = await session.ask(listConfigResourcesApi, version, request);
    return [errorCode, ...configResources.map(({ resourceName, resourceType }) => `${resourceType}/${resourceName}`)];
  };
  deepEqual(await ask(0, []), [0]);
  deepEqual(await ask(1, []), [0, "2/orders", "4/1"]);
  deepEqual(await ask(1, [TOPIC]), [0, "2/orders"]);
  deepEqual(await ask(1, [BROKER, TOPIC, BROKER]), [0, "4/1", "2/orders"]);
  deepEqual(await ask(1, [LOGGER, METRICS, GROUP]), [0]);
  for (const type of [0, 3, 99, -1]) deepEqual(await ask(1, [BROKER, type]), [35]);
});
