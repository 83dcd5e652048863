"""confluent-kafka-python (the newest librdkafka) against a broker: confluent_kafka_checks.py HOST:PORT.

Prints the lines that test/clients/checks.mjs describes.
"""

import os
import sys
import threading
import time
import uuid

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka import ConsumerGroupTopicPartitions, ConsumerGroupState, IsolationLevel
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
)

BROKER = sys.argv[1]
BASE = {"bootstrap.servers": BROKER, "log_level": 0}
WAIT_S_MAX = 40
admin = AdminClient(BASE)


def check(capability, what):
    def run(body):
        try:
            body()
            print(f"ok {capability}: {what}", flush=True)
        except Exception as error:  # what a check throws is its failure
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:500]
            print(f"failed {capability}: {what}: {reason}", flush=True)

    return run


def equal(found, wanted, what="value"):
    if found != wanted:
        raise AssertionError(f"{what} is {str(found)[:200]}, not {str(wanted)[:200]}")


def until(is_done, what):
    end = time.monotonic() + WAIT_S_MAX
    while not is_done():
        if time.monotonic() > end:
            raise AssertionError(f"after {WAIT_S_MAX} s not yet: {what()}")
        time.sleep(0.02)


def fresh(name):
    return f"confluent-{name}-{uuid.uuid4().hex[:8]}"


def settled(futures):
    return {key: future.result(WAIT_S_MAX) for key, future in futures.items()}


def create_topic(name, partitions=1, config=None):
    topic = fresh(name)
    settled(admin.create_topics([NewTopic(topic, partitions, 1, config=config or {})]))
    until(lambda: len(metadata_of(topic)) == partitions, lambda: "every partition has a leader")
    return topic


def metadata_of(topic):
    found = admin.list_topics(topic, timeout=10).topics[topic].partitions
    return [partition for partition in found.values() if partition.leader >= 0]


def numbered(count, start=0):
    return [f"record {index}" for index in range(start, start + count)]


def produce(topic, records, **options):
    """Sends records as (value) or dicts; raises what any delivery reports. Returns the (partition, offset)s."""
    failures, delivered = [], []

    def report(error, message):
        if error is not None:
            failures.append(error)
        else:
            delivered.append((message.partition(), message.offset()))

    producer = Producer({**BASE, "linger.ms": 2, **options})
    for record in records:
        fields = record if isinstance(record, dict) else {"value": record}
        producer.produce(topic, on_delivery=report, **fields)
        producer.poll(0)
    left = producer.flush(WAIT_S_MAX)
    if failures or left:
        raise AssertionError(f"{left} not delivered, {failures[:1]}")
    return delivered


def member(group, topic, **options):
    consumer = Consumer({
        **BASE,
        "group.id": group,
        "auto.offset.reset": "earliest",
        "auto.commit.interval.ms": 200,
        "fetch.wait.max.ms": 100,
        **options,
    })
    consumer.subscribe([topic])
    return consumer


CLASSIC = {"session.timeout.ms": 10000, "heartbeat.interval.ms": 300}


def take(consumer, count):
    messages = []
    end = time.monotonic() + WAIT_S_MAX
    while len(messages) < count and time.monotonic() < end:
        message = consumer.poll(0.2)
        if message is None:
            continue
        if message.error():
            if message.error().retriable() or message.error().code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                continue
            raise KafkaException(message.error())
        messages.append(message)
    equal(len(messages), count, "the number of records")
    return messages


def read_all(topic, count, partitions=1):
    consumer = Consumer({**BASE, "group.id": fresh("read"), "enable.auto.commit": False, "fetch.wait.max.ms": 100})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
    try:
        return take(consumer, count)
    finally:
        consumer.close()


def values_of(messages):
    return [message.value().decode() for message in messages]


@check("produce", "keys and values of all shapes, acks all")
def _():
    topic = create_topic("shapes")
    records = [
        {"key": b"plain", "value": b"value"},
        {"key": None, "value": b"without a key"},
        {"key": b"tombstone", "value": None},
        {"key": b"", "value": b""},
        {"key": "ключ".encode(), "value": bytes(range(256))},
        {"key": b"large", "value": b"Sentinel " * 20000},
    ]
    produce(topic, records)
    found = [{"key": message.key(), "value": message.value()} for message in read_all(topic, len(records))]
    equal(found, records)


for acks in ["1", "0"]:

    @check("produce", f"acks {acks}")
    def _():
        topic = create_topic(f"acks-{acks}")
        produce(topic, numbered(1000), acks=acks)
        equal(values_of(read_all(topic, 1000)), numbered(1000))


@check("produce", "a topic that the producer creates")
def _():
    topic = fresh("created-by-producing")
    produce(topic, numbered(1))
    equal(values_of(read_all(topic, 1, len(metadata_of(topic)))), numbered(1))


@check("produce", "a record that is too large is refused, those beside it are not")
def _():
    topic = create_topic("too-large", config={"max.message.bytes": "20000"})
    try:
        produce(topic, ["a" * 30000])
        raise AssertionError("it is taken")
    except AssertionError as error:
        if "MSG_SIZE_TOO_LARGE" not in str(error):
            raise
    produce(topic, ["small"])
    equal(values_of(read_all(topic, 1)), ["small"])


@check("headers", "several, of one name, null, empty and binary")
def _():
    topic = create_topic("headers")
    headers = [("one", b"1"), ("one", b"2"), ("null", None), ("empty", b""), ("имя", bytes([0, 255]))]
    produce(topic, [{"value": b"v", "headers": headers}, {"value": b"none"}])
    first, second = read_all(topic, 2)
    equal(first.headers(), headers)
    equal(second.headers(), None)


for codec in ["none", "gzip", "snappy", "lz4", "zstd"]:

    @check("codecs", codec)
    def _():
        topic = create_topic(f"codec-{codec}")
        values = [value * 20 for value in numbered(5000)]
        produce(topic, values, **{"compression.type": codec})
        equal(values_of(read_all(topic, 5000)), values)


@check("idempotent", "50,000 records, each once and in order")
def _():
    topic = create_topic("idempotent")
    produce(topic, numbered(50000), **{"enable.idempotence": True})
    equal(values_of(read_all(topic, 50000)), numbered(50000))


@check("offsets by time", "the first offset at or after a time; start, end, newest; none after the last")
def _():
    topic = create_topic("times")
    start = int(time.time() * 1000) - 100_000
    produce(topic, [{"value": str(index), "timestamp": start + index * 1000} for index in range(10)])
    consumer = Consumer({**BASE, "group.id": fresh("times")})
    times = [start - 1, start, start + 3500, start + 9000, start + 9001]
    found = [consumer.offsets_for_times([TopicPartition(topic, 0, at)], timeout=10)[0].offset for at in times]
    consumer.close()
    equal(found[:4], [0, 0, 4, 9])
    equal(found[4] in (-1, -1001), True, f"after the last: {found[4]}")
    specs = [OffsetSpec.earliest(), OffsetSpec.latest(), OffsetSpec.max_timestamp(), OffsetSpec.for_timestamp(start + 1)]
    answers = [list(settled(admin.list_offsets({TopicPartition(topic, 0): spec})).values())[0].offset for spec in specs]
    equal(answers, [0, 10, 9, 1], "listed offsets")


# The heartbeat of the consumer protocol (KIP-848).
OFFERS_CONSUMER_PROTOCOL = "68" in os.environ.get("SENTINEL_BROKER_APIS", "68").split(",")


def offered(protocols):
    if OFFERS_CONSUMER_PROTOCOL:
        return protocols
    print("none group: consumer protocol: the broker does not offer it")
    return {name: options for name, options in protocols.items() if "group.protocol" not in options}


for protocol, options in offered({"classic": CLASSIC, "consumer": {"group.protocol": "consumer"}}).items():

    @check("group", f"{protocol} protocol: commits are kept, the next member goes on after them")
    def _():
        topic, group = create_topic("group", 3), fresh("group")
        for start in [0, 40]:
            produce(topic, [{"key": value, "value": value} for value in numbered(40, start)])
            consumer = member(group, topic, **options)
            found = values_of(take(consumer, 40))
            consumer.commit(asynchronous=False)
            consumer.close()
            equal(sorted(found), sorted(numbered(40, start)))


@check("group", "list, describe, offsets: read, set, delete the group")
def _():
    topic, group = create_topic("group-admin"), fresh("group-admin")
    produce(topic, numbered(5))
    consumer = member(group, topic, **CLASSIC)
    take(consumer, 5)
    consumer.commit(asynchronous=False)
    listed = admin.list_consumer_groups().result(WAIT_S_MAX).valid
    equal([one.state for one in listed if one.group_id == group], [ConsumerGroupState.STABLE], "listed")
    described = settled(admin.describe_consumer_groups([group]))[group]
    equal((described.state, len(described.members)), (ConsumerGroupState.STABLE, 1), "described")
    consumer.close()
    request = [ConsumerGroupTopicPartitions(group)]
    found = settled(admin.list_consumer_group_offsets(request))[group]
    equal([one.offset for one in found.topic_partitions], [5], "committed")
    moved = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0, 2)])
    settled(admin.alter_consumer_group_offsets([moved]))
    consumer = member(group, topic, **CLASSIC)
    equal(values_of(take(consumer, 3)), numbered(3, 2), "after the seek")
    consumer.close()
    settled(admin.delete_consumer_groups([group]))
    listed = admin.list_consumer_groups().result(WAIT_S_MAX).valid
    equal([one for one in listed if one.group_id == group], [], "listed after the deletion")


def rebalance(options):
    topic, group, count = create_topic("rebalance", 6), fresh("rebalance"), 1500
    seen, stops, threads, failures = set(), [], [], []

    def read(stop):
        consumer = member(group, topic, **options)
        try:
            while not stop.is_set():
                message = consumer.poll(0.1)
                if message is not None and not message.error():
                    seen.add(message.value().decode())
        except Exception as error:
            failures.append(error)
        finally:
            consumer.close()

    def join():
        stops.append(threading.Event())
        threads.append(threading.Thread(target=read, args=(stops[-1],)))
        threads[-1].start()

    join()
    producer = Producer({**BASE, "linger.ms": 2})
    for index, value in enumerate(numbered(count)):
        producer.produce(topic, value, key=value)
        producer.poll(0.002)
        if index in (400, 1000):
            join()
        if index == 700:
            stops[0].set()
    equal(producer.flush(WAIT_S_MAX), 0, "not delivered")
    try:
        until(lambda: len(seen) == count, lambda: f"{len(seen)} of {count} records, {failures}")
    finally:
        for stop in stops:
            stop.set()
        for thread in threads:
            thread.join()
    equal(failures, [])


for name, options in offered({
    "eager": CLASSIC,
    "cooperative": {**CLASSIC, "partition.assignment.strategy": "cooperative-sticky"},
    "consumer protocol": {"group.protocol": "consumer"},
}).items():

    @check("rebalance", f"{name}: members come and go while a producer writes, no record is missed")
    def _():
        rebalance(options)


@check("admin", "topics: create, refuse a second, describe, grow, delete")
def _():
    topic = create_topic("admin", 2, {"retention.ms": "123456"})
    try:
        settled(admin.create_topics([NewTopic(topic, 1, 1)]))
        raise AssertionError("created again")
    except KafkaException as error:
        equal(error.args[0].code(), KafkaError.TOPIC_ALREADY_EXISTS)
    settled(admin.create_partitions([NewPartitions(topic, 5)]))
    until(lambda: len(metadata_of(topic)) == 5, lambda: "five partitions")
    settled(admin.delete_topics([topic]))
    until(lambda: topic not in admin.list_topics(timeout=10).topics, lambda: "the topic is gone")


@check("admin", "settings: describe, set and delete one")
def _():
    topic = create_topic("config", 1, {"retention.ms": "123456"})
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)

    def read():
        return settled(admin.describe_configs([resource]))[resource]

    equal(read()["retention.ms"].value, "123456")

    def alter(operation, value):
        entry = ConfigEntry("retention.ms", value, incremental_operation=operation)
        changed = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
        settled(admin.incremental_alter_configs([changed]))

    alter(AlterConfigOpType.SET, "654321")
    until(lambda: read()["retention.ms"].value == "654321", lambda: "the new value")
    alter(AlterConfigOpType.DELETE, None)
    until(lambda: read()["retention.ms"].value == "604800000", lambda: "the default")


@check("admin", "delete records, describe the cluster")
def _():
    topic = create_topic("trim")
    produce(topic, numbered(10))
    found = settled(admin.delete_records([TopicPartition(topic, 0, 4)]))
    equal([one.low_watermark for one in found.values()], [4])
    cluster = admin.describe_cluster().result(WAIT_S_MAX)
    equal(cluster.controller.id in [node.id for node in cluster.nodes], True, "the controller is a broker")
