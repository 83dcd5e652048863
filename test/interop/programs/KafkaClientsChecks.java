import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Kafka's own Java client against a broker; prints the lines that test/clients/checks.mjs describes. */
public final class KafkaClientsChecks {
    private static final int WAIT_S_MAX = 40;
    private static String broker;
    private static Admin admin;

    interface Body {
        void run() throws Exception;
    }

    static void check(String capability, String what, Body body) {
        try {
            body.run();
            System.out.println("ok " + capability + ": " + what);
        } catch (Throwable thrown) {
            StringBuilder reason = new StringBuilder();
            for (Throwable at = thrown; at != null; at = at.getCause()) reason.append(" <- ").append(at);
            System.out.println("failed " + capability + ": " + what + ": " + reason.substring(4).replaceAll("\\s+", " "));
        }
    }

    static void equal(Object found, Object wanted, String what) {
        if (!Objects.equals(found, wanted)) {
            String text = what + " is " + found + ", not " + wanted;
            throw new AssertionError(text.substring(0, Math.min(400, text.length())));
        }
    }

    static void until(Callable<Boolean> isDone, Callable<String> what) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(WAIT_S_MAX);
        while (!isDone.call()) {
            if (System.nanoTime() > end) throw new AssertionError("not after " + WAIT_S_MAX + " s: " + what.call());
            Thread.sleep(20);
        }
    }

    static <T> T result(Future<T> future) throws Exception {
        return future.get(WAIT_S_MAX, TimeUnit.SECONDS);
    }

    static String fresh(String name) {
        return "java-" + name + "-" + UUID.randomUUID().toString().substring(0, 8);
    }

    static String createTopic(String name, int partitions, Map<String, String> config) throws Exception {
        String topic = fresh(name);
        result(admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1).configs(config))).all());
        until(() -> isServed(topic, partitions), () -> "every partition is served");
        return topic;
    }

    static String createTopic(String name, int partitions) throws Exception {
        return createTopic(name, partitions, Map.of());
    }

    /** Kafka's metadata names leaders that do not know of it yet; a listing of offsets is answered by them. */
    static boolean isServed(String topic, int partitions) throws Exception {
        Map<TopicPartition, OffsetSpec> asked = new HashMap<>();
        for (int index = 0; index < partitions; index++) asked.put(new TopicPartition(topic, index), OffsetSpec.latest());
        try {
            result(admin.listOffsets(asked).all());
            return true;
        } catch (ExecutionException notYet) {
            return false;
        }
    }

    static int leaders(String topic) throws Exception {
        try {
            TopicDescription found = result(admin.describeTopics(List.of(topic)).allTopicNames()).get(topic);
            return (int) found.partitions().stream().filter(partition -> partition.leader() != null).count();
        } catch (ExecutionException unknownYet) {
            return 0;
        }
    }

    static byte[] bytes(String text) {
        return text == null ? null : text.getBytes(StandardCharsets.UTF_8);
    }

    static String text(byte[] bytes) {
        return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
    }

    static List<String> numbered(int count, int from) {
        return IntStream.range(from, from + count).mapToObj(index -> "record " + index).collect(Collectors.toList());
    }

    static Map<String, Object> base(Map<String, Object> more) {
        Map<String, Object> config = new HashMap<>(Map.of("bootstrap.servers", broker));
        config.putAll(more);
        return config;
    }

    static KafkaProducer<byte[], byte[]> producer(Map<String, Object> options) {
        return new KafkaProducer<>(base(options), new ByteArraySerializer(), new ByteArraySerializer());
    }

    static List<RecordMetadata> produce(List<ProducerRecord<byte[], byte[]>> records, Map<String, Object> options)
            throws Exception {
        try (KafkaProducer<byte[], byte[]> producer = producer(options)) {
            List<Future<RecordMetadata>> futures = new ArrayList<>();
            for (ProducerRecord<byte[], byte[]> record : records) futures.add(producer.send(record));
            List<RecordMetadata> found = new ArrayList<>();
            for (Future<RecordMetadata> future : futures) found.add(result(future));
            return found;
        }
    }

    static List<RecordMetadata> produce(String topic, List<String> values, Map<String, Object> options) throws Exception {
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (String value : values) records.add(new ProducerRecord<>(topic, bytes(value), bytes(value)));
        return produce(records, options);
    }

    static KafkaConsumer<byte[], byte[]> consumer(String group, Map<String, Object> options) {
        Map<String, Object> config = base(Map.of("group.id", group, "auto.offset.reset", "earliest",
            "fetch.max.wait.ms", 100, "auto.commit.interval.ms", 200));
        config.putAll(options);
        return new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    static List<ConsumerRecord<byte[], byte[]>> take(KafkaConsumer<byte[], byte[]> consumer, int count) {
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(WAIT_S_MAX);
        while (records.size() < count && System.nanoTime() < end) {
            consumer.poll(Duration.ofMillis(200)).forEach(records::add);
        }
        equal(records.size(), count, "the number of records");
        return records;
    }

    static List<ConsumerRecord<byte[], byte[]>> readAll(String topic, int partitions, int count) {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(fresh("read"), Map.of("enable.auto.commit", false))) {
            List<TopicPartition> assigned = IntStream.range(0, partitions)
                .mapToObj(partition -> new TopicPartition(topic, partition)).collect(Collectors.toList());
            consumer.assign(assigned);
            consumer.seekToBeginning(assigned);
            return take(consumer, count);
        }
    }

    static List<String> values(List<ConsumerRecord<byte[], byte[]>> records) {
        return records.stream().map(record -> text(record.value())).collect(Collectors.toList());
    }

    static void produceChecks() {
        check("produce", "keys and values of all shapes, acks all", () -> {
            String topic = createTopic("shapes", 1);
            String[][] shapes = {{"plain", "value"}, {null, "without a key"}, {"tombstone", null}, {"", ""},
                {"ключ 鍵", "значение 💡"}, {"large", "Sentinel ".repeat(20000)}};
            List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
            for (String[] shape : shapes) records.add(new ProducerRecord<>(topic, bytes(shape[0]), bytes(shape[1])));
            List<Long> offsets = produce(records, Map.of()).stream().map(RecordMetadata::offset).collect(Collectors.toList());
            equal(offsets, List.of(0L, 1L, 2L, 3L, 4L, 5L), "offsets");
            List<List<String>> found = new ArrayList<>();
            for (ConsumerRecord<byte[], byte[]> record : readAll(topic, 1, shapes.length)) {
                found.add(Arrays.asList(text(record.key()), text(record.value())));
            }
            equal(found, Arrays.stream(shapes).map(Arrays::asList).collect(Collectors.toList()), "what is read");
        });
        for (String acks : List.of("1", "0")) {
            check("produce", "acks " + acks, () -> {
                String topic = createTopic("acks-" + acks, 1);
                produce(topic, numbered(1000, 0), Map.of("acks", acks, "enable.idempotence", false));
                equal(values(readAll(topic, 1, 1000)), numbered(1000, 0), "what is read");
            });
        }
        check("produce", "a topic that the producer creates", () -> {
            String topic = fresh("created-by-producing");
            produce(topic, numbered(1, 0), Map.of());
            equal(values(readAll(topic, leaders(topic), 1)), numbered(1, 0), "what is read");
        });
        check("produce", "a record that is too large for the topic is refused", () -> {
            String topic = createTopic("too-large", 1, Map.of("max.message.bytes", "20000"));
            try {
                produce(topic, List.of("a".repeat(30000)), Map.of());
                throw new AssertionError("it is taken");
            } catch (ExecutionException refused) {
                equal(refused.getCause().getClass(), RecordTooLargeException.class, "the refusal");
            }
        });
        check("headers", "several, of one name, null, empty and binary", () -> {
            String topic = createTopic("headers", 1);
            List<Header> headers = List.of(new RecordHeader("one", bytes("1")), new RecordHeader("one", bytes("2")),
                new RecordHeader("null", (byte[]) null), new RecordHeader("", bytes("")),
                new RecordHeader("имя", new byte[] {0, -1}));
            produce(List.of(new ProducerRecord<>(topic, null, null, null, bytes("v"), headers)), Map.of());
            equal(List.of(readAll(topic, 1, 1).get(0).headers().toArray()), headers, "headers");
        });
    }

    static void codecAndTimeChecks() {
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            check("codecs", codec, () -> {
                String topic = createTopic("codec-" + codec, 1);
                List<String> wanted = numbered(5000, 0).stream().map(value -> value.repeat(20)).collect(Collectors.toList());
                produce(topic, wanted, Map.of("compression.type", codec, "linger.ms", 5));
                equal(values(readAll(topic, 1, 5000)), wanted, "what is read");
            });
        }
        check("idempotent", "50,000 records, five requests in flight, each record once and in order", () -> {
            String topic = createTopic("idempotent", 1);
            produce(topic, numbered(50000, 0), Map.of("enable.idempotence", true, "batch.size", 4000));
            equal(values(readAll(topic, 1, 50000)), numbered(50000, 0), "what is read");
        });
        check("offsets by time", "the first offset at or after a time; start, end, newest; none after the last", () -> {
            String topic = createTopic("times", 1);
            TopicPartition partition = new TopicPartition(topic, 0);
            long start = System.currentTimeMillis() - 100_000;
            List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
            for (int index = 0; index < 10; index++) {
                records.add(new ProducerRecord<>(topic, 0, start + index * 1000L, null, bytes("" + index)));
            }
            produce(records, Map.of());
            List<Long> found = new ArrayList<>();
            try (KafkaConsumer<byte[], byte[]> consumer = consumer(fresh("times"), Map.of())) {
                for (long at : new long[] {start - 1, start, start + 3500, start + 9000, start + 9001}) {
                    OffsetAndTimestamp answer = consumer.offsetsForTimes(Map.of(partition, at)).get(partition);
                    found.add(answer == null ? -1 : answer.offset());
                }
            }
            equal(found, List.of(0L, 0L, 4L, 9L, -1L), "offsets for times");
            List<Long> listed = new ArrayList<>();
            for (OffsetSpec spec : List.of(OffsetSpec.earliest(), OffsetSpec.latest(), OffsetSpec.maxTimestamp())) {
                listed.add(result(admin.listOffsets(Map.of(partition, spec)).partitionResult(partition)).offset());
            }
            equal(listed, List.of(0L, 10L, 9L), "listed offsets");
        });
    }

    static final Map<String, Map<String, Object>> GROUP_OPTIONS = Map.of(
        "classic protocol, eager", Map.of("heartbeat.interval.ms", 300, "session.timeout.ms", 10000,
            "partition.assignment.strategy", "org.apache.kafka.clients.consumer.RangeAssignor"),
        "classic protocol, cooperative", Map.of("heartbeat.interval.ms", 300, "session.timeout.ms", 10000,
            "partition.assignment.strategy", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"),
        "consumer protocol", Map.of("group.protocol", "consumer"));

    static long committed(String group) throws Exception {
        return result(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata()).values().stream()
            .mapToLong(OffsetAndMetadata::offset).sum();
    }

    static void groupChecks() {
        // The heartbeat of the consumer protocol (KIP-848).
        String apis = System.getenv().getOrDefault("SENTINEL_BROKER_APIS", "68");
        boolean offersConsumerProtocol = List.of(apis.split(",")).contains("68");
        for (String name : new TreeSet<>(GROUP_OPTIONS.keySet())) {
            if (name.equals("consumer protocol") && !offersConsumerProtocol) {
                System.out.println("none group: consumer protocol: the broker does not offer it");
                continue;
            }
            Map<String, Object> options = GROUP_OPTIONS.get(name);
            check("group", name + ": commits are kept, the next member goes on after them", () -> {
                String topic = createTopic("group", 3);
                String group = fresh("group");
                for (int from : new int[] {0, 40}) {
                    produce(topic, numbered(40, from), Map.of());
                    try (KafkaConsumer<byte[], byte[]> member = consumer(group, options)) {
                        member.subscribe(List.of(topic));
                        equal(new TreeSet<>(values(take(member, 40))), new TreeSet<>(numbered(40, from)), "what is given");
                        member.commitSync();
                    }
                    equal(committed(group), from + 40L, "the sum of committed offsets");
                }
            });
            check("rebalance", name + ": members come and go while a producer writes, no record is missed",
                () -> rebalance(options));
        }
        check("group", "static member; list, describe, offsets: set, delete; delete the group", () -> {
            String topic = createTopic("group-admin", 1);
            String group = fresh("group-admin");
            produce(topic, numbered(5, 0), Map.of());
            try (KafkaConsumer<byte[], byte[]> member = consumer(group, Map.of("group.instance.id", "static-1"))) {
                member.subscribe(List.of(topic));
                take(member, 5);
                member.commitSync(Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(5, "метаданные")));
                var described = result(admin.describeConsumerGroups(List.of(group)).all()).get(group);
                equal(described.groupState(), GroupState.STABLE, "the state");
                equal(described.members().iterator().next().groupInstanceId(), Optional.of("static-1"), "the instance");
                boolean isListed = result(admin.listGroups().all()).stream().anyMatch(one -> one.groupId().equals(group));
                equal(isListed, true, "listed");
                var found = result(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata());
                equal(found.get(new TopicPartition(topic, 0)).metadata(), "метаданные", "the metadata of the commit");
            }
            result(admin.removeMembersFromConsumerGroup(group,
                new org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions()).all());
            result(admin.alterConsumerGroupOffsets(group,
                Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(2))).all());
            try (KafkaConsumer<byte[], byte[]> member = consumer(group, Map.of("enable.auto.commit", false))) {
                member.subscribe(List.of(topic));
                equal(values(take(member, 3)), numbered(3, 2), "after the seek");
            }
            result(admin.deleteConsumerGroupOffsets(group, Set.of(new TopicPartition(topic, 0))).all());
            equal(committed(group), 0L, "offsets after their deletion");
            result(admin.deleteConsumerGroups(List.of(group)).all());
        });
    }

    static void rebalance(Map<String, Object> options) throws Exception {
        String topic = createTopic("rebalance", 6);
        String group = fresh("rebalance");
        int count = 1500;
        Set<String> seen = ConcurrentHashMap.newKeySet();
        List<AtomicBoolean> stops = new ArrayList<>();
        List<Thread> threads = new ArrayList<>();
        AtomicReference<Throwable> failure = new AtomicReference<>();
        Runnable join = () -> {
            AtomicBoolean stop = new AtomicBoolean();
            stops.add(stop);
            Thread thread = new Thread(() -> {
                try (KafkaConsumer<byte[], byte[]> member = consumer(group, options)) {
                    member.subscribe(List.of(topic));
                    while (!stop.get()) member.poll(Duration.ofMillis(100)).forEach(record -> seen.add(text(record.value())));
                } catch (Throwable thrown) {
                    failure.set(thrown);
                }
            });
            threads.add(thread);
            thread.start();
        };
        join.run();
        try (KafkaProducer<byte[], byte[]> producer = producer(Map.of())) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (String value : numbered(count, 0)) {
                sent.add(producer.send(new ProducerRecord<>(topic, bytes(value), bytes(value))));
                Thread.sleep(2);
                if (sent.size() == 400 || sent.size() == 1000) join.run();
                if (sent.size() == 700) stops.get(0).set(true);
            }
            for (Future<RecordMetadata> future : sent) result(future);
        }
        try {
            until(() -> seen.size() == count, () -> seen.size() + " of " + count + " records, " + failure.get());
        } finally {
            stops.forEach(stop -> stop.set(true));
            for (Thread thread : threads) thread.join();
        }
        equal(failure.get(), null, "a member's failure");
        equal(committed(group), (long) count, "the sum of committed offsets");
    }

    static String configOf(ConfigResource resource, String name) throws Exception {
        return result(admin.describeConfigs(List.of(resource)).all()).get(resource).get(name).value();
    }

    static void alter(ConfigResource resource, String value, AlterConfigOp.OpType type) throws Exception {
        AlterConfigOp operation = new AlterConfigOp(new ConfigEntry("retention.ms", value), type);
        result(admin.incrementalAlterConfigs(Map.of(resource, List.of(operation))).all());
    }

    static void adminChecks() {
        check("admin", "topics: create, refuse a second, list, grow, delete", () -> {
            String topic = createTopic("admin", 2, Map.of("retention.ms", "123456"));
            try {
                result(admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all());
                throw new AssertionError("created again");
            } catch (ExecutionException refused) {
                equal(refused.getCause().getClass(), TopicExistsException.class, "the refusal");
            }
            equal(result(admin.listTopics().names()).contains(topic), true, "listed");
            result(admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(5))).all());
            until(() -> leaders(topic) == 5, () -> "five partitions");
            result(admin.deleteTopics(List.of(topic)).all());
            until(() -> !result(admin.listTopics().names()).contains(topic), () -> "the topic is gone");
        });
        check("admin", "settings: describe, set, delete one", () -> {
            String topic = createTopic("config", 1, Map.of("retention.ms", "123456"));
            ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
            equal(configOf(resource, "retention.ms"), "123456", "retention.ms");
            alter(resource, "654321", AlterConfigOp.OpType.SET);
            until(() -> configOf(resource, "retention.ms").equals("654321"), () -> "the new value");
            alter(resource, "", AlterConfigOp.OpType.DELETE);
            until(() -> configOf(resource, "retention.ms").equals("604800000"), () -> "the default");
        });
        check("admin", "delete records, log directories, the cluster, producers", () -> {
            String topic = createTopic("trim", 1);
            TopicPartition partition = new TopicPartition(topic, 0);
            produce(topic, numbered(10, 0), Map.of());
            var deleted = admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(4)));
            equal(result(deleted.lowWatermarks().get(partition)).lowWatermark(), 4L, "the start");
            int id = result(admin.describeCluster().controller()).id();
            var directories = result(admin.describeLogDirs(List.of(id)).allDescriptions()).get(id).values();
            long size = directories.stream().flatMap(directory -> directory.replicaInfos().entrySet().stream())
                .filter(entry -> entry.getKey().equals(partition)).mapToLong(entry -> entry.getValue().size()).sum();
            equal(size > 0, true, "the partition has a size");
            var producers = result(admin.describeProducers(List.of(partition)).partitionResult(partition));
            equal(producers.activeProducers().size(), 1, "active producers");
        });
    }

    public static void main(String[] args) {
        broker = args[0];
        admin = Admin.create(base(Map.of()));
        produceChecks();
        codecAndTimeChecks();
        groupChecks();
        adminChecks();
        admin.close();
        System.exit(0);
    }
}
