// sarama against a broker.
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

	"github.com/IBM/sarama"
	"sentinel/interop/checks"
)

var (
	broker string
	admin  sarama.ClusterAdmin
	client sarama.Client
)

func newConfig() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.V4_0_0_0
	config.Producer.Return.Successes = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Consumer.MaxWaitTime = 100 * time.Millisecond
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Interval = 200 * time.Millisecond
	config.Consumer.Group.Session.Timeout = 10 * time.Second
	config.Consumer.Group.Heartbeat.Interval = 300 * time.Millisecond
	config.Metadata.Retry.Backoff = 50 * time.Millisecond
	return config
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func createTopic(name string, partitions int32, configs map[string]*string) (string, error) {
	topic := checks.Fresh("sarama-" + name)
	detail := &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: configs}
	if err := admin.CreateTopic(topic, detail, false); err != nil {
		return "", err
	}
	return topic, checks.Until(func() bool {
		if client.RefreshMetadata(topic) != nil {
			return false
		}
		for partition := range partitions {
			if _, err := client.GetOffset(topic, partition, sarama.OffsetNewest); err != nil {
				return false
			}
		}
		return true
	}, func() string { return "every partition is served" })
}

func produce(messages []*sarama.ProducerMessage, change func(*sarama.Config)) error {
	config := newConfig()
	if change != nil {
		change(config)
	}
	producer, err := sarama.NewSyncProducer([]string{broker}, config)
	if err != nil {
		return err
	}
	defer producer.Close()
	return producer.SendMessages(messages)
}

func numberedMessages(topic string, values []string) []*sarama.ProducerMessage {
	messages := make([]*sarama.ProducerMessage, len(values))
	for index, value := range values {
		encoded := sarama.StringEncoder(value)
		messages[index] = &sarama.ProducerMessage{Topic: topic, Key: encoded, Value: encoded}
	}
	return messages
}

// readAll reads partition 0 from its start.
func readAll(topic string, count int) ([]*sarama.ConsumerMessage, error) {
	consumer, err := sarama.NewConsumer([]string{broker}, newConfig())
	if err != nil {
		return nil, err
	}
	defer consumer.Close()
	partition, err := consumer.ConsumePartition(topic, 0, sarama.OffsetOldest)
	if err != nil {
		return nil, err
	}
	defer partition.Close()
	var messages []*sarama.ConsumerMessage
	late := time.After(checks.WaitMax)
	for len(messages) < count {
		select {
		case message := <-partition.Messages():
			messages = append(messages, message)
		case <-late:
			return nil, fmt.Errorf("%d of %d records", len(messages), count)
		}
	}
	return messages, nil
}

func holdsInOrder(topic string, wanted []string) error {
	read, err := readAll(topic, len(wanted))
	if err != nil {
		return err
	}
	found := make([]string, len(read))
	for index, message := range read {
		found[index] = string(message.Value)
	}
	return checks.Equal(found, wanted, "what is read")
}

func produceChecks() {
	checks.Check("produce", "keys and values of all shapes, acks all", func() error {
		topic, err := createTopic("shapes", 1, nil)
		if err != nil {
			return err
		}
		large := strings.Repeat("Sentinel ", 20_000)
		messages := []*sarama.ProducerMessage{
			{Topic: topic, Key: sarama.StringEncoder("plain"), Value: sarama.StringEncoder("value")},
			{Topic: topic, Value: sarama.StringEncoder("without a key")},
			{Topic: topic, Key: sarama.StringEncoder("tombstone")},
			{Topic: topic, Key: sarama.StringEncoder(""), Value: sarama.StringEncoder("")},
			{Topic: topic, Key: sarama.StringEncoder("large"), Value: sarama.StringEncoder(large)},
		}
		if err := produce(messages, nil); err != nil {
			return err
		}
		read, err := readAll(topic, len(messages))
		if err != nil {
			return err
		}
		var found []any
		for _, message := range read {
			found = append(found, message.Key == nil, string(message.Key), message.Value == nil, string(message.Value), message.Offset)
		}
		wanted := []any{
			false, "plain", false, "value", 0, true, "", false, "without a key", 1, false, "tombstone", true, "", 2,
			false, "", false, "", 3, false, "large", false, large, 4,
		}
		return checks.Equal(found, wanted, "what is read")
	})
	for name, acks := range map[string]sarama.RequiredAcks{"1": sarama.WaitForLocal, "0": sarama.NoResponse} {
		checks.Check("produce", "acks "+name, func() error {
			topic, err := createTopic("acks", 1, nil)
			if err != nil {
				return err
			}
			change := func(config *sarama.Config) { config.Producer.RequiredAcks = acks }
			if err := produce(numberedMessages(topic, checks.Numbered(1000, 0)), change); err != nil {
				return err
			}
			return holdsInOrder(topic, checks.Numbered(1000, 0))
		})
	}
	checks.Check("headers", "several, of one name, empty and binary", func() error {
		topic, err := createTopic("headers", 1, nil)
		if err != nil {
			return err
		}
		headers := []sarama.RecordHeader{
			{Key: []byte("one"), Value: []byte("1")}, {Key: []byte("one"), Value: []byte("2")},
			{Key: []byte("empty"), Value: []byte{}}, {Key: []byte("имя"), Value: []byte{0, 255}},
		}
		if err := produce([]*sarama.ProducerMessage{{Topic: topic, Headers: headers}}, nil); err != nil {
			return err
		}
		read, err := readAll(topic, 1)
		if err != nil {
			return err
		}
		var found []sarama.RecordHeader
		for _, header := range read[0].Headers {
			found = append(found, *header)
		}
		return checks.Equal(found, headers, "headers")
	})
}

func codecAndTimeChecks() {
	codecs := map[string]sarama.CompressionCodec{
		"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP, "snappy": sarama.CompressionSnappy,
		"lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD,
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
			change := func(config *sarama.Config) { config.Producer.Compression = codecs[name] }
			if err := produce(numberedMessages(topic, wanted), change); err != nil {
				return err
			}
			return holdsInOrder(topic, wanted)
		})
	}
	checks.Check("idempotent", "20,000 records, each once and in order", func() error {
		topic, err := createTopic("idempotent", 1, nil)
		if err != nil {
			return err
		}
		change := func(config *sarama.Config) {
			config.Producer.Idempotent = true
			config.Net.MaxOpenRequests = 1
			config.Producer.Flush.MaxMessages = 100
		}
		if err := produce(numberedMessages(topic, checks.Numbered(20_000, 0)), change); err != nil {
			return err
		}
		return holdsInOrder(topic, checks.Numbered(20_000, 0))
	})
	checks.Check("offsets by time", "the first offset at or after a time; none after the last; start, end", func() error {
		topic, err := createTopic("times", 1, nil)
		if err != nil {
			return err
		}
		start := time.Now().Add(-100 * time.Second).Truncate(time.Millisecond)
		var messages []*sarama.ProducerMessage
		for index := range 10 {
			at := start.Add(time.Duration(index) * time.Second)
			messages = append(messages, &sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder("v"), Timestamp: at})
		}
		if err := produce(messages, nil); err != nil {
			return err
		}
		var found []int64
		for _, after := range []int64{-1, 0, 3_500, 9_000, 9_001} {
			found = append(found, must(client.GetOffset(topic, 0, start.UnixMilli()+after)))
		}
		found = append(found, must(client.GetOffset(topic, 0, sarama.OffsetOldest)), must(client.GetOffset(topic, 0, sarama.OffsetNewest)))
		return checks.Equal(found, []int64{0, 0, 4, 9, -1, 0, 10}, "offsets")
	})
}

// member reads as a member of a group until it is told to leave.
type member struct {
	take  func(*sarama.ConsumerMessage)
	group sarama.ConsumerGroup
	stop  context.CancelFunc
	ended chan error
}

func (*member) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (*member) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		m.take(message)
		session.MarkMessage(message, "метаданные")
	}
	return nil
}

func join(group, topic string, strategy sarama.BalanceStrategy, take func(*sarama.ConsumerMessage)) *member {
	config := newConfig()
	config.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{strategy}
	ctx, stop := context.WithCancel(context.Background())
	joined := &member{take, must(sarama.NewConsumerGroup([]string{broker}, group, config)), stop, make(chan error, 1)}
	go func() {
		var err error
		for ctx.Err() == nil && err == nil {
			err = joined.group.Consume(ctx, []string{topic}, joined)
		}
		joined.ended <- errors.Join(err, joined.group.Close())
	}()
	return joined
}

func (m *member) leave() error {
	m.stop()
	return <-m.ended
}

// seen collects what members are given.
type seen struct {
	lock   sync.Mutex
	values map[string]bool
}

func (s *seen) take(message *sarama.ConsumerMessage) {
	s.lock.Lock()
	s.values[string(message.Value)] = true
	s.lock.Unlock()
}

func (s *seen) sorted() []string {
	s.lock.Lock()
	defer s.lock.Unlock()
	found := make([]string, 0, len(s.values))
	for value := range s.values {
		found = append(found, value)
	}
	sort.Strings(found)
	return found
}

func committed(group string) (sum int64) {
	offsets := must(admin.ListConsumerGroupOffsets(group, nil))
	for _, partitions := range offsets.Blocks {
		for _, block := range partitions {
			sum += block.Offset
		}
	}
	return sum
}

func groupChecks() {
	checks.Check("group", "commits are kept, the next member goes on after them", func() error {
		topic, err := createTopic("group", 3, nil)
		if err != nil {
			return err
		}
		group := checks.Fresh("sarama-group")
		for _, from := range []int{0, 40} {
			wanted := checks.Numbered(40, from)
			if err := produce(numberedMessages(topic, wanted), nil); err != nil {
				return err
			}
			given := &seen{values: map[string]bool{}}
			one := join(group, topic, sarama.NewBalanceStrategyRange(), given.take)
			err := checks.Until(func() bool { return len(given.sorted()) >= 40 }, func() string { return fmt.Sprint(len(given.sorted())) })
			if err := errors.Join(err, one.leave()); err != nil {
				return err
			}
			sort.Strings(wanted)
			if err := checks.Equal(given.sorted(), wanted, "what the member is given"); err != nil {
				return err
			}
			if err := checks.Equal(committed(group), from+40, "the sum of committed offsets"); err != nil {
				return err
			}
		}
		described, err := admin.DescribeConsumerGroups([]string{group})
		if err != nil {
			return err
		}
		if err := checks.Equal(described[0].State, "Empty", "the state"); err != nil {
			return err
		}
		return admin.DeleteConsumerGroup(group)
	})
	strategies := map[string]sarama.BalanceStrategy{"range": sarama.NewBalanceStrategyRange(), "sticky": sarama.NewBalanceStrategySticky()}
	for name, strategy := range strategies {
		checks.Check("rebalance", name+": members come and go while a producer writes, no record is missed", func() error {
			return rebalance(strategy)
		})
	}
}

func rebalance(strategy sarama.BalanceStrategy) error {
	topic, err := createTopic("rebalance", 6, nil)
	if err != nil {
		return err
	}
	group, count := checks.Fresh("sarama-rebalance"), 1500
	given := &seen{values: map[string]bool{}}
	members := []*member{join(group, topic, strategy, given.take)}
	producer := must(sarama.NewSyncProducer([]string{broker}, newConfig()))
	for index := 0; index < count; index += 10 {
		if err := producer.SendMessages(numberedMessages(topic, checks.Numbered(10, index))); err != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
		if index == 400 || index == 1000 {
			members = append(members, join(group, topic, strategy, given.take))
		}
		if index == 700 {
			if err := members[0].leave(); err != nil {
				return err
			}
		}
	}
	err = producer.Close()
	if err == nil {
		size := func() int { return len(given.sorted()) }
		err = checks.Until(func() bool { return size() == count }, func() string { return fmt.Sprintf("%d of %d records", size(), count) })
	}
	for _, one := range members[1:] {
		err = errors.Join(err, one.leave())
	}
	if err != nil {
		return err
	}
	return checks.Equal(committed(group), count, "the sum of committed offsets")
}

func adminChecks() {
	checks.Check("admin", "topics: create, refuse a second, list, grow, delete", func() error {
		topic, err := createTopic("admin", 2, nil)
		if err != nil {
			return err
		}
		again := admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}, false)
		if !errors.Is(again, sarama.ErrTopicAlreadyExists) {
			return fmt.Errorf("created again: %v", again)
		}
		if err := admin.CreatePartitions(topic, 5, nil, false); err != nil {
			return err
		}
		err = checks.Until(func() bool { return must(admin.ListTopics())[topic].NumPartitions == 5 }, func() string { return "five partitions" })
		if err != nil {
			return err
		}
		if err := admin.DeleteTopic(topic); err != nil {
			return err
		}
		return checks.Until(func() bool {
			_, isThere := must(admin.ListTopics())[topic]
			return !isThere
		}, func() string { return "the topic is gone" })
	})
	checks.Check("admin", "settings: describe and alter", func() error {
		value, changed := "123456", "654321"
		topic, err := createTopic("config", 1, map[string]*string{"retention.ms": &value})
		if err != nil {
			return err
		}
		resource := sarama.ConfigResource{Type: sarama.TopicResource, Name: topic, ConfigNames: []string{"retention.ms"}}
		read := func() string { return must(admin.DescribeConfig(resource))[0].Value }
		if err := checks.Equal(read(), value, "retention.ms"); err != nil {
			return err
		}
		entries := map[string]sarama.IncrementalAlterConfigsEntry{
			"retention.ms": {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &changed},
		}
		if err := admin.IncrementalAlterConfig(sarama.TopicResource, topic, entries, false); err != nil {
			return err
		}
		return checks.Until(func() bool { return read() == changed }, read)
	})
	checks.Check("admin", "delete records, describe the cluster", func() error {
		topic, err := createTopic("trim", 1, nil)
		if err != nil {
			return err
		}
		if err := produce(numberedMessages(topic, checks.Numbered(10, 0)), nil); err != nil {
			return err
		}
		if err := admin.DeleteRecords(topic, map[int32]int64{0: 4}); err != nil {
			return err
		}
		brokers, _, err := admin.DescribeCluster()
		if err != nil {
			return err
		}
		return checks.Equal([]any{must(client.GetOffset(topic, 0, sarama.OffsetOldest)), len(brokers)}, []any{4, 1}, "start, brokers")
	})
}

func main() {
	broker = checks.Broker()
	client = must(sarama.NewClient([]string{broker}, newConfig()))
	admin = must(sarama.NewClusterAdmin([]string{broker}, newConfig()))
	produceChecks()
	codecAndTimeChecks()
	groupChecks()
	adminChecks()
	os.Exit(0)
}
