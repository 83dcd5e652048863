// franz-go against a broker.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"sentinel/interop/checks"
)

var (
	broker string
	client *kgo.Client
	admin  *kadm.Client
)

func within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), checks.WaitMax)
}

func newClient(options ...kgo.Opt) *kgo.Client {
	base := []kgo.Opt{
		kgo.SeedBrokers(broker), kgo.FetchMaxWait(100 * time.Millisecond), kgo.AllowAutoTopicCreation(),
		kgo.MetadataMinAge(50 * time.Millisecond),
	}
	made, err := kgo.NewClient(append(base, options...)...)
	if err != nil {
		panic(err)
	}
	return made
}

func createTopic(name string, partitions int32, configs map[string]*string) (string, error) {
	ctx, cancel := within()
	defer cancel()
	topic := checks.Fresh("franz-" + name)
	if _, err := admin.CreateTopic(ctx, partitions, 1, configs, topic); err != nil {
		return "", err
	}
	return topic, checks.Until(func() bool {
		listed, err := admin.ListEndOffsets(ctx, topic)
		return err == nil && listed.Error() == nil && len(listed[topic]) == int(partitions)
	}, func() string { return "every partition is served" })
}

func produce(records []*kgo.Record, options ...kgo.Opt) error {
	ctx, cancel := within()
	defer cancel()
	producer := newClient(options...)
	defer producer.Close()
	return producer.ProduceSync(ctx, records...).FirstErr()
}

func numberedRecords(topic string, values []string) []*kgo.Record {
	records := make([]*kgo.Record, len(values))
	for index, value := range values {
		records[index] = &kgo.Record{Topic: topic, Key: []byte(value), Value: []byte(value)}
	}
	return records
}

func take(consumer *kgo.Client, count int) ([]*kgo.Record, error) {
	ctx, cancel := within()
	defer cancel()
	var records []*kgo.Record
	for len(records) < count {
		fetches := consumer.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			return nil, fmt.Errorf("%d of %d records: %w", len(records), count, err)
		}
		for _, failure := range fetches.Errors() {
			return nil, failure.Err
		}
		records = append(records, fetches.Records()...)
	}
	return records, checks.Equal(len(records), count, "the number of records")
}

func readAll(topic string, count int) ([]*kgo.Record, error) {
	consumer := newClient(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer consumer.Close()
	return take(consumer, count)
}

func values(records []*kgo.Record) []string {
	found := make([]string, len(records))
	for index, record := range records {
		found[index] = string(record.Value)
	}
	return found
}

func produceChecks() {
	checks.Check("produce", "keys and values of all shapes, acks all", func() error {
		topic, err := createTopic("shapes", 1, nil)
		if err != nil {
			return err
		}
		large := []byte(strings.Repeat("Sentinel ", 20_000))
		shapes := [][2][]byte{
			{[]byte("plain"), []byte("value")}, {nil, []byte("without a key")}, {[]byte("tombstone"), nil},
			{{}, {}}, {[]byte("ключ"), {0, 255, 10}}, {[]byte("large"), large},
		}
		var records []*kgo.Record
		for _, shape := range shapes {
			records = append(records, &kgo.Record{Topic: topic, Key: shape[0], Value: shape[1]})
		}
		if err := produce(records); err != nil {
			return err
		}
		read, err := readAll(topic, len(shapes))
		if err != nil {
			return err
		}
		for index, record := range read {
			if (record.Key == nil) != (shapes[index][0] == nil) || (record.Value == nil) != (shapes[index][1] == nil) {
				return fmt.Errorf("record %d: null and empty are mixed up", index)
			}
			if err := checks.Equal([2][]byte{record.Key, record.Value}, shapes[index], "a record"); err != nil {
				return err
			}
		}
		return checks.Equal(read[5].Offset, 5, "the last offset")
	})
	for name, acks := range map[string]kgo.Acks{"1": kgo.LeaderAck(), "0": kgo.NoAck()} {
		checks.Check("produce", "acks "+name, func() error {
			topic, err := createTopic("acks", 1, nil)
			if err != nil {
				return err
			}
			options := []kgo.Opt{kgo.RequiredAcks(acks), kgo.DisableIdempotentWrite()}
			if err := produce(numberedRecords(topic, checks.Numbered(1000, 0)), options...); err != nil {
				return err
			}
			return holdsInOrder(topic, checks.Numbered(1000, 0))
		})
	}
	checks.Check("produce", "a topic that the producer creates", func() error {
		topic := checks.Fresh("franz-created-by-producing")
		if err := produce(numberedRecords(topic, checks.Numbered(1, 0))); err != nil {
			return err
		}
		return holdsInOrder(topic, checks.Numbered(1, 0))
	})
	checks.Check("headers", "several, of one name, null, empty and binary", func() error {
		topic, err := createTopic("headers", 1, nil)
		if err != nil {
			return err
		}
		headers := []kgo.RecordHeader{
			{Key: "one", Value: []byte("1")}, {Key: "one", Value: []byte("2")}, {Key: "null", Value: nil},
			{Key: "", Value: []byte{}}, {Key: "имя", Value: []byte{0, 255}},
		}
		if err := produce([]*kgo.Record{{Topic: topic, Value: []byte("v"), Headers: headers}}); err != nil {
			return err
		}
		read, err := readAll(topic, 1)
		if err != nil {
			return err
		}
		return checks.Equal(read[0].Headers, headers, "headers")
	})
}

// holdsInOrder reads a topic of one partition from its start.
func holdsInOrder(topic string, wanted []string) error {
	read, err := readAll(topic, len(wanted))
	if err != nil {
		return err
	}
	return checks.Equal(values(read), wanted, "what is read")
}

func codecAndTimeChecks() {
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	for _, name := range checks.Codecs {
		checks.Check("codecs", name, func() error {
			topic, err := createTopic("codec-"+name, 1, nil)
			if err != nil {
				return err
			}
			wanted := checks.Numbered(5000, 0)
			for index := range wanted {
				wanted[index] = strings.Repeat(wanted[index], 20)
			}
			if err := produce(numberedRecords(topic, wanted), kgo.ProducerBatchCompression(codecs[name])); err != nil {
				return err
			}
			return holdsInOrder(topic, wanted)
		})
	}
	checks.Check("idempotent", "50,000 records, each once and in order", func() error {
		topic, err := createTopic("idempotent", 1, nil)
		if err != nil {
			return err
		}
		options := []kgo.Opt{kgo.ProducerBatchMaxBytes(4_000)}
		if err := produce(numberedRecords(topic, checks.Numbered(50_000, 0)), options...); err != nil {
			return err
		}
		return holdsInOrder(topic, checks.Numbered(50_000, 0))
	})
	checks.Check("offsets by time", "the first offset at or after a time; start, end, newest", func() error {
		ctx, cancel := within()
		defer cancel()
		topic, err := createTopic("times", 1, nil)
		if err != nil {
			return err
		}
		start := time.Now().Add(-100 * time.Second).Truncate(time.Millisecond)
		var records []*kgo.Record
		for index := range 10 {
			at := start.Add(time.Duration(index) * time.Second)
			records = append(records, &kgo.Record{Topic: topic, Value: []byte("v"), Timestamp: at})
		}
		if err := produce(records); err != nil {
			return err
		}
		var found []int64
		for _, after := range []int64{-1, 0, 3_500, 9_000, 9_001} {
			listed, err := admin.ListOffsetsAfterMilli(ctx, start.UnixMilli()+after, topic)
			if err != nil {
				return err
			}
			found = append(found, listed[topic][0].Offset)
		}
		ends, _ := admin.ListEndOffsets(ctx, topic)
		starts, _ := admin.ListStartOffsets(ctx, topic)
		found = append(found, starts[topic][0].Offset, ends[topic][0].Offset)
		// After the last record kadm puts the end in place of Kafka's −1.
		return checks.Equal(found, []int64{0, 0, 4, 9, 10, 0, 10}, "offsets")
	})
}

func groupOptions(group, topic string) []kgo.Opt {
	return []kgo.Opt{
		kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.SessionTimeout(10 * time.Second), kgo.HeartbeatInterval(300 * time.Millisecond),
		kgo.AutoCommitInterval(200 * time.Millisecond),
	}
}

func committed(group string) int64 {
	ctx, cancel := within()
	defer cancel()
	offsets, err := admin.FetchOffsets(ctx, group)
	if err != nil {
		return -1
	}
	sum := int64(0)
	offsets.Each(func(offset kadm.OffsetResponse) { sum += offset.At })
	return sum
}

func groupChecks() {
	checks.Check("group", "commits are kept, the next member goes on after them", func() error {
		topic, err := createTopic("group", 3, nil)
		if err != nil {
			return err
		}
		group := checks.Fresh("franz-group")
		for _, from := range []int{0, 40} {
			wanted := checks.Numbered(40, from)
			if err := produce(numberedRecords(topic, wanted)); err != nil {
				return err
			}
			member := newClient(groupOptions(group, topic)...)
			read, err := take(member, 40)
			if err == nil {
				err = member.CommitUncommittedOffsets(context.Background())
			}
			member.Close()
			if err != nil {
				return err
			}
			found := values(read)
			sort.Strings(found)
			sort.Strings(wanted)
			if err := checks.Equal(found, wanted, "what the member is given"); err != nil {
				return err
			}
			if err := checks.Equal(committed(group), from+40, "the sum of committed offsets"); err != nil {
				return err
			}
		}
		return nil
	})
	checks.Check("group", "list, describe, set offsets, delete", groupAdmin)
	balancers := map[string]kgo.GroupBalancer{"cooperative": kgo.CooperativeStickyBalancer(), "eager": kgo.RangeBalancer()}
	for name, balancer := range balancers {
		checks.Check("rebalance", name+": members come and go while a producer writes, no record is missed", func() error {
			return rebalance(kgo.Balancers(balancer))
		})
	}
}

func groupAdmin() error {
	ctx, cancel := within()
	defer cancel()
	topic, err := createTopic("group-admin", 1, nil)
	if err != nil {
		return err
	}
	group := checks.Fresh("franz-group-admin")
	if err := produce(numberedRecords(topic, checks.Numbered(5, 0))); err != nil {
		return err
	}
	member := newClient(groupOptions(group, topic)...)
	if _, err := take(member, 5); err != nil {
		return err
	}
	described, err := admin.DescribeGroups(ctx, group)
	if err != nil {
		return err
	}
	if err := checks.Equal([]any{described[group].State, len(described[group].Members)}, []any{"Stable", 1}, "the group"); err != nil {
		return err
	}
	member.Close()
	listed, err := admin.ListGroups(ctx)
	if err != nil {
		return err
	}
	if _, isThere := listed[group]; !isThere {
		return errors.New("the group is not listed")
	}
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: topic, Partition: 0, At: 2, LeaderEpoch: -1, Metadata: "метаданные"})
	if err := admin.CommitAllOffsets(ctx, group, offsets); err != nil {
		return err
	}
	member = newClient(groupOptions(group, topic)...)
	read, err := take(member, 3)
	member.Close()
	if err != nil {
		return err
	}
	if err := checks.Equal(values(read), checks.Numbered(3, 2), "what is read after the seek"); err != nil {
		return err
	}
	_, err = admin.DeleteGroup(ctx, group)
	return err
}

func rebalance(balancers kgo.Opt) error {
	topic, err := createTopic("rebalance", 6, nil)
	if err != nil {
		return err
	}
	group, count := checks.Fresh("franz-rebalance"), 1500
	var lock sync.Mutex
	var members []*kgo.Client
	var running sync.WaitGroup
	seen := map[string]bool{}
	join := func() {
		member := newClient(append(groupOptions(group, topic), balancers)...)
		members = append(members, member)
		running.Go(func() {
			for {
				fetches := member.PollFetches(context.Background())
				if fetches.IsClientClosed() {
					return
				}
				lock.Lock()
				fetches.EachRecord(func(record *kgo.Record) { seen[string(record.Value)] = true })
				lock.Unlock()
			}
		})
	}
	size := func() int {
		lock.Lock()
		defer lock.Unlock()
		return len(seen)
	}
	join()
	producer := newClient()
	var failure error
	for index, record := range numberedRecords(topic, checks.Numbered(count, 0)) {
		producer.Produce(context.Background(), record, func(_ *kgo.Record, err error) {
			if err != nil {
				lock.Lock()
				failure = err
				lock.Unlock()
			}
		})
		time.Sleep(2 * time.Millisecond)
		if index == 400 || index == 1000 {
			join()
		}
		if index == 700 {
			members[0].Close()
		}
	}
	ctx, cancel := within()
	defer cancel()
	err = errors.Join(producer.Flush(ctx), failure)
	producer.Close()
	if err == nil {
		err = checks.Until(func() bool { return size() == count }, func() string { return fmt.Sprintf("%d of %d records", size(), count) })
	}
	for _, member := range members[1:] {
		if err == nil {
			err = member.CommitUncommittedOffsets(ctx)
		}
		member.Close()
	}
	running.Wait()
	if err != nil {
		return err
	}
	return checks.Equal(committed(group), count, "the sum of committed offsets")
}

func adminChecks() {
	ctx, cancel := within()
	defer cancel()
	checks.Check("admin", "topics: create, refuse a second, list, grow, delete", func() error {
		topic, err := createTopic("admin", 2, nil)
		if err != nil {
			return err
		}
		if _, err := admin.CreateTopic(ctx, 1, 1, nil, topic); !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("created again: %v", err)
		}
		if _, err := admin.UpdatePartitions(ctx, 5, topic); err != nil {
			return err
		}
		err = checks.Until(func() bool {
			listed, err := admin.ListTopics(ctx, topic)
			return err == nil && len(listed[topic].Partitions) == 5
		}, func() string { return "five partitions" })
		if err != nil {
			return err
		}
		if _, err := admin.DeleteTopic(ctx, topic); err != nil {
			return err
		}
		return checks.Until(func() bool {
			listed, err := admin.ListTopics(ctx)
			return err == nil && !listed.Has(topic)
		}, func() string { return "the topic is gone" })
	})
	checks.Check("admin", "settings: describe and alter", func() error {
		value := "123456"
		topic, err := createTopic("config", 1, map[string]*string{"retention.ms": &value})
		if err != nil {
			return err
		}
		read := func() string {
			described, err := admin.DescribeTopicConfigs(ctx, topic)
			if err != nil {
				return err.Error()
			}
			for _, config := range described[0].Configs {
				if config.Key == "retention.ms" {
					return config.MaybeValue()
				}
			}
			return "nothing"
		}
		if err := checks.Equal(read(), value, "retention.ms"); err != nil {
			return err
		}
		changed := "654321"
		_, err = admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: &changed}}, topic)
		if err != nil {
			return err
		}
		return checks.Until(func() bool { return read() == changed }, read)
	})
	checks.Check("admin", "delete records, describe the cluster", func() error {
		topic, err := createTopic("trim", 1, nil)
		if err != nil {
			return err
		}
		if err := produce(numberedRecords(topic, checks.Numbered(10, 0))); err != nil {
			return err
		}
		offsets := kadm.Offsets{}
		offsets.Add(kadm.Offset{Topic: topic, Partition: 0, At: 4})
		deleted, err := admin.DeleteRecords(ctx, offsets)
		if err != nil {
			return err
		}
		cluster, err := admin.BrokerMetadata(ctx)
		if err != nil {
			return err
		}
		return checks.Equal([]any{deleted[topic][0].LowWatermark, len(cluster.Brokers)}, []any{4, 1}, "start, brokers")
	})
}

func main() {
	broker = checks.Broker()
	client = newClient()
	admin = kadm.NewClient(client)
	produceChecks()
	codecAndTimeChecks()
	groupChecks()
	adminChecks()
	os.Exit(0)
}
