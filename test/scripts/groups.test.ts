import { ERRORS } from "../../src/base/errors.ts";
import type { ErrorCode } from "../../src/base/errors.ts";
import type { GroupAnswer, TopicPartition } from "../../src/broker/groups/group_types.ts";
import {
  formatAnswer,
  formatAssignment,
  formatRecord,
  GROUP_SETTINGS,
  GroupDriver,
} from "../broker/groups/group_driver.ts";
import { runScripts } from "./run_scripts.ts";

interface Named {
  memberId: string;
  generation: number;
  instanceId: string | null;
}

/**
 * `join NAME [id=ID] [instance=I] [protocols=a,b] [topics=t] [session=MS] [rebalance=MS] [type=T] [v3] [v8]` (v3: no id is
 * asked for first; v8: cannot skip an assignment) · `sync NAME [MEMBER=t-0,t-1 …] [generation=N]` · `heartbeat NAME` ·
 * `leave NAME [NAME …]` · `commit NAME t-0 OFFSET` (`-` for nobody) · `offset t-0` · `advance MS` · `stored` ·
 * `refused CODE` · `slow` (appends wait for `stored`; without it they are stored at once) · `expire` · `delete` ·
 * `state` · `restart` · `retention MS` (begins anew with it). A name stands for the id and the generation that it was told last.
 */
class GroupInterpreter {
  #driver = new GroupDriver();
  readonly #named = new Map<string, Named>();
  readonly #asked = new Map<number, string>();
  #lines: string[] = [];
  #isSlow = false;

  constructor() {
    this.#driver.onAnswer = (ticket, answer) => this.#onAnswer(ticket, answer);
  }

  async run(command: string, words: readonly string[]): Promise<string> {
    this.#lines = [];
    const answer = this.#do(command, words);
    this.#take();
    return [...(answer === "" ? [] : [answer]), ...this.#lines].join("\n");
  }

  #do(command: string, words: readonly string[]): string {
    const { group } = this.#driver;
    const [name = "", second = "", third = ""] = words;
    switch (command) {
      case "join":
        return this.#join(name, optionsOf(words.slice(1)));
      case "sync":
        return this.#sync(name, optionsOf(words.slice(1)));
      case "heartbeat":
        return group.heartbeat(this.#of(name), this.#driver.now) ?? "fine";
      case "leave":
        return group.leave(words.map((each) => leavingOf(this.#of(each), each)), this.#driver.now)
          .map(({ error }) => error ?? "left").join(", ");
      case "commit": {
        const claim = name === "-" ? { memberId: "", generation: -1 } : this.#of(name);
        this.#asked.set(this.#driver.commit(claim, partitionOf(second), Number(third)), `commit ${name}`);
        return "";
      }
      case "offset": {
        const { topic, partition } = partitionOf(name);
        return String(group.offsets.get(topic, partition)?.offset ?? "none");
      }
      default:
        return this.#control(command, name);
    }
  }

  #control(command: string, word: string): string {
    const { group } = this.#driver;
    switch (command) {
      case "advance":
        this.#driver.advance(Number(word), () => this.#take());
        return "";
      case "slow":
        this.#isSlow = true;
        return "";
      case "stored":
        this.#driver.settle(null);
        return "";
      case "refused":
        this.#driver.settle(codeOf(word));
        return "";
      case "expire":
        group.expire(this.#driver.now);
        return "";
      case "delete":
        this.#asked.set(this.#driver.ask((ticket) => group.delete(ticket, this.#driver.now)), "delete");
        return "";
      case "state": {
        const { state, generation, protocol, leader, members } = group.describe();
        const listed = members.map(({ memberId, assignment }) => `${memberId} ${formatAssignment(assignment)}`);
        return [`${state}, generation ${generation}, ${protocol || "no protocol"}, leader ${leader}`, ...listed].join(
          "\n",
        );
      }
      case "retention":
        this.#driver = new GroupDriver({ ...GROUP_SETTINGS, offsetsRetentionMs: Number(word) });
        this.#driver.onAnswer = (ticket, answer) => this.#onAnswer(ticket, answer);
        return "";
      case "restart":
        this.#driver.restart();
        return "";
      default:
        throw new Error(`There is no command ${command}`);
    }
  }

  #join(name: string, options: ReadonlyMap<string, string>): string {
    const named = this.#of(name);
    named.instanceId = options.get("instance") ?? named.instanceId;
    const list = (option: string) => options.get(option)?.split(",");
    const number = (option: string) => (options.has(option) ? Number(options.get(option)) : undefined);
    const ticket = this.#driver.join(name, {
      memberId: options.get("id") ?? named.memberId,
      instanceId: named.instanceId,
      protocols: list("protocols") ?? ["range"],
      topics: list("topics") ?? ["t"],
      sessionMs: number("session") ?? 10_000,
      rebalanceMs: number("rebalance") ?? 20_000,
      protocolType: options.get("type") ?? "consumer",
      requiresKnownMemberId: !options.has("v3"),
      supportsSkippingAssignment: !options.has("v8"),
    });
    this.#asked.set(ticket, `join ${name}`);
    return "";
  }

  #sync(name: string, options: ReadonlyMap<string, string>): string {
    const named = this.#of(name);
    const assignments = new Map<string, TopicPartition[]>();
    for (const [member, partitions] of options) {
      if (member === "generation") continue;
      assignments.set(this.#of(member).memberId, partitions.split(",").filter((text) => text !== "").map(partitionOf));
    }
    const generation = Number(options.get("generation") ?? named.generation);
    this.#asked.set(this.#driver.sync({ ...named, generation }, assignments), `sync ${name}`);
    return "";
  }

  #onAnswer(ticket: number, answer: GroupAnswer): void {
    const [kind = "", name = ""] = this.#asked.get(ticket)!.split(" ");
    this.#lines.push(`${kind} ${name}: ${formatAnswer(answer)}`.replace(" : ", ": "));
    if (answer.kind !== "join") return;
    if (answer.error === null || answer.error === "member_id_required") this.#of(name).memberId = answer.memberId;
    if (answer.error === null) this.#of(name).generation = answer.generation;
  }

  #take(): void {
    for (let effects = this.#driver.take(); effects.length > 0; effects = this.#driver.take()) {
      for (const effect of effects) {
        if (effect.kind === "append") this.#lines.push(`append: ${effect.records.map(formatRecord).join("; ")}`);
      }
      while (!this.#isSlow && this.#driver.pending.size > 0) this.#driver.settle(null);
    }
  }

  #of(name: string): Named {
    let named = this.#named.get(name);
    if (named === undefined) {
      named = { memberId: "", generation: -1, instanceId: null };
      this.#named.set(name, named);
    }
    return named;
  }
}

function leavingOf(named: Named, name: string): { memberId: string; instanceId: string | null } {
  return named.memberId === "" && named.instanceId === null
    ? { memberId: name, instanceId: null }
    : { memberId: named.memberId, instanceId: named.instanceId };
}

function optionsOf(words: readonly string[]): Map<string, string> {
  return new Map(words.map((word) => {
    const [name = "", value = ""] = word.split("=");
    return [name, value];
  }));
}

function partitionOf(text: string): TopicPartition {
  const at = text.lastIndexOf("-");
  return { topic: text.slice(0, at), partition: Number(text.slice(at + 1)) };
}

function codeOf(text: string): ErrorCode {
  if (!Object.hasOwn(ERRORS, text)) throw new Error(`There is no error code ${text}`);
  return text as ErrorCode;
}

runScripts("groups", () => {
  const interpreter = new GroupInterpreter();
  return (command, words) => interpreter.run(command, words);
});
