"""Load from confluent-kafka-python (librdkafka), the same for every broker: confluent_load.py HOST:PORT JSON.

JSON is one of, with the answer as one line of JSON:
  {"do": "create", "topic", "partitions", "config"}              {}
  {"do": "delete", "topic"}                                      {}
  {"do": "produce", "topic", "bytes", "seconds"}                 {"records", "seconds"}: acknowledged by all
  {"do": "consume", "topic", "partitions", "records"}            {"records", "bytes", "seconds"}
  {"do": "latency", "topic", "rate", "seconds"}                  {"p50", "p99", "records"}: ms from send to poll
"""

import json
import struct
import sys
import threading
import time

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

BASE = {"bootstrap.servers": sys.argv[1], "log_level": 0}
WAIT_S_MAX = 60


def settle(futures):
    for future in futures.values():
        future.result(WAIT_S_MAX)


def create(topic, partitions, config):
    admin = AdminClient(BASE)
    settle(admin.create_topics([NewTopic(topic, partitions, 1, config=config)]))
    end = time.monotonic() + WAIT_S_MAX
    while time.monotonic() < end:
        found = admin.list_topics(topic, timeout=10).topics[topic].partitions
        if sum(partition.leader >= 0 for partition in found.values()) == partitions:
            return {}
        time.sleep(0.05)
    raise TimeoutError(topic)


def delete(topic):
    admin = AdminClient(BASE)
    settle(admin.delete_topics([topic]))
    return {}


def produce(topic, bytes, seconds):
    failures = []
    producer = Producer({
        **BASE,
        "acks": "all",
        "linger.ms": 5,
        "batch.size": 1_000_000,
        "queue.buffering.max.messages": 200_000,
        "delivery.report.only.error": True,
        "on_delivery": lambda error, _: failures.append(error),
    })
    value = (b"Sentinel 0123456789 abcdefghijklmnopqrstuvwxyz " * (bytes // 40 + 1))[:bytes]
    start = time.monotonic()
    count = 0
    while time.monotonic() - start < seconds:
        for _ in range(500):
            while True:
                try:
                    producer.produce(topic, value)
                    break
                except BufferError:
                    producer.poll(0.01)
        count += 500
        producer.poll(0)
    left = producer.flush(WAIT_S_MAX)
    if left or failures:
        raise RuntimeError(f"{left} not delivered, {failures[:1]}")
    return {"records": count, "seconds": time.monotonic() - start}


def consume(topic, partitions, records):
    consumer = Consumer({**BASE, "group.id": "bench", "enable.auto.commit": False, "fetch.message.max.bytes": 4_000_000,
                         "queued.min.messages": 1_000_000, "queued.max.messages.kbytes": 131_072})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
    start = time.monotonic()
    count = size = 0
    while count < records and time.monotonic() - start < WAIT_S_MAX:
        for message in consumer.consume(10_000, 0.5):
            if message.error():
                raise RuntimeError(message.error())
            count += 1
            size += len(message)
    seconds = time.monotonic() - start
    consumer.close()
    if count < records:
        raise RuntimeError(f"{count} of {records} records")
    return {"records": count, "bytes": size, "seconds": seconds}


def latency(topic, rate, seconds):
    total = rate * seconds
    found = []
    consumer = Consumer({**BASE, "group.id": "bench", "enable.auto.commit": False, "fetch.wait.max.ms": 500})
    consumer.assign([TopicPartition(topic, 0, 0)])

    def read():
        while len(found) < total:
            # One by one: a batch would wait until it is full.
            message = consumer.poll(1.0)
            if message is not None:
                found.append(time.monotonic_ns() - struct.unpack_from(">q", message.value())[0])

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    producer = Producer({**BASE, "acks": "all", "linger.ms": 1})
    start = time.monotonic()
    padding = b"x" * 92
    for sent in range(total):
        ahead = start + sent / rate - time.monotonic()
        if ahead > 0.001:
            time.sleep(ahead)
        producer.produce(topic, struct.pack(">q", time.monotonic_ns()) + padding, partition=0)
        producer.poll(0)
    producer.flush(WAIT_S_MAX)
    reader.join(WAIT_S_MAX)
    # The first second pays for connections and compilers.
    counted = sorted(found[rate:])
    if len(found) < total:
        raise RuntimeError(f"{len(found)} of {total} records")
    at = lambda share: counted[min(len(counted) - 1, int(len(counted) * share))] / 1e6
    return {"p50": at(0.5), "p99": at(0.99), "records": len(counted)}


options = json.loads(sys.argv[2])
run = {"create": create, "delete": delete, "produce": produce, "consume": consume, "latency": latency}[options.pop("do")]
print(json.dumps(run(**options)))
