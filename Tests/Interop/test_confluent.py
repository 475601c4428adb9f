"""confluent-kafka (librdkafka 2.x), unchanged, against the broker."""

import uuid
from pathlib import Path

import pytest
from confluent_kafka import (
    TIMESTAMP_LOG_APPEND_TIME, Consumer, ConsumerGroupState, ConsumerGroupTopicPartitions, IsolationLevel, KafkaError,
    KafkaException, Producer, TopicCollection, TopicPartition)
from confluent_kafka.admin import (
    AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ConfigSource, NewPartitions, NewTopic, OffsetSpec,
    ResourceType)

import groups
from signalbox_harness.records import CODECS, Sample, samples
from signalbox_harness.stored import stored_batches
from signalbox_harness.waiting import eventually


def admin(broker) -> AdminClient:
    return AdminClient({"bootstrap.servers": broker.bootstrap})


def create(broker, topic: str, partitions: int = 1, **config: str) -> None:
    client = admin(broker)  # held until the answer is there: its end ends the request
    client.create_topics([NewTopic(topic, partitions, 1, config=config)])[topic].result(20)


def produce(broker, topic: str, records: list[Sample], partition: int = 0, **config) -> list[int]:
    """Produces and returns the offsets that the broker acknowledged, in the order produced."""
    producer = Producer({
        "bootstrap.servers": broker.bootstrap, "linger.ms": 20, "message.max.bytes": 2_000_000, **config})
    offsets: dict[int, int] = {}
    errors: list[KafkaError] = []

    def delivered(index: int):
        def report(error: KafkaError | None, message) -> None:
            if error:
                errors.append(error)
            else:
                offsets[index] = message.offset()
        return report

    for index, record in enumerate(records):
        producer.produce(
            topic, key=record.key, value=record.value, partition=partition, timestamp=record.timestamp,
            headers=list(record.headers) or None, on_delivery=delivered(index))
        producer.poll(0)
    assert producer.flush(30) == 0, "records are still waiting for an acknowledgement"
    if errors:
        raise KafkaException(errors[0])
    return [offsets[index] for index in range(len(records))]


def consumer(broker, group: str | None = None, **config) -> Consumer:
    return Consumer({
        "bootstrap.servers": broker.bootstrap, "group.id": group or uuid.uuid4().hex,
        "auto.offset.reset": "earliest", "enable.auto.commit": False, **config})


def consume(reader: Consumer, count: int, within: float = 30) -> list:
    messages: list = []

    def enough() -> bool:
        for message in reader.consume(count - len(messages), timeout=0.5):
            if message.error():
                raise KafkaException(message.error())
            messages.append(message)
        return len(messages) >= count

    eventually(enough, within=within, because=f"{count} records are read")
    return messages


def from_beginning(broker, topic: str, count: int, partition: int = 0) -> list:
    reader = consumer(broker)
    try:
        reader.assign([TopicPartition(topic, partition, 0)])
        return consume(reader, count)
    finally:
        reader.close()


def code_of(refusal) -> int:
    """The number of the error that a call was refused with."""
    return refusal.value.args[0].code()


def test_lists_the_broker_and_its_topics(broker, topic):
    create(broker, topic, partitions=3)
    listing = admin(broker).list_topics(timeout=10)
    assert any(peer.port == broker.port for peer in listing.brokers.values())
    assert listing.cluster_id
    assert sorted(listing.topics[topic].partitions) == [0, 1, 2]
    for partition in listing.topics[topic].partitions.values():
        assert partition.leader in listing.brokers
        assert partition.isrs == [partition.leader]


def test_creating_a_topic_twice_says_that_it_exists(broker, topic):
    create(broker, topic)
    with pytest.raises(KafkaException) as refusal:
        create(broker, topic)
    assert refusal.value.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS


def test_an_impossible_topic_is_refused_by_name(broker, topic):
    client = admin(broker)
    for new, code in [
        (NewTopic("no spaces allowed", 1, 1), KafkaError.TOPIC_EXCEPTION),
        (NewTopic(topic, 1, 3), KafkaError.INVALID_REPLICATION_FACTOR),
    ]:
        with pytest.raises(KafkaException) as refusal:
            client.create_topics([new])[new.topic].result(20)
        assert refusal.value.args[0].code() == code


def test_a_deleted_topic_is_gone_and_can_be_made_again_empty(broker, topic):
    create(broker, topic)
    produce(broker, topic, samples(10))
    client = admin(broker)
    client.delete_topics([topic])[topic].result(20)
    eventually(lambda: topic not in client.list_topics(timeout=10).topics, because="the topic is gone")
    create(broker, topic)
    reader = consumer(broker)
    assert eventually(lambda: reader.get_watermark_offsets(TopicPartition(topic, 0), timeout=5)) == (0, 0)
    reader.close()
    assert produce(broker, topic, samples(1)) == [0, 1]


@pytest.mark.parametrize("codec", CODECS)
def test_what_is_produced_comes_back_the_same(broker, topic, codec):
    create(broker, topic)
    records = samples()
    assert produce(broker, topic, records, **{"compression.type": codec}) == list(range(len(records)))
    messages = from_beginning(broker, topic, len(records))
    assert [message.offset() for message in messages] == list(range(len(records)))
    for message, record in zip(messages, records):
        assert message.key() == record.key
        assert message.value() == record.value
        assert message.timestamp()[1] == record.timestamp
        assert tuple(message.headers() or ()) == record.headers
    if hasattr(broker, "data"):
        stored = {batch.codec for batch in stored_batches(broker.data, topic)}
        assert codec in stored and stored <= {codec, "none"}  # librdkafka sends what does not shrink as it is


@pytest.mark.parametrize("acks", ["0", "1", "all"])
def test_every_kind_of_acknowledgement_stores_the_records(broker, topic, acks):
    create(broker, topic)
    produce(broker, topic, samples(100), acks=acks)
    assert [message.offset() for message in from_beginning(broker, topic, 101)] == list(range(101))


def test_an_idempotent_producer_stores_each_record_once_in_order(broker, topic):
    create(broker, topic)
    records = [Sample(key=b"k", value=str(index).encode(), timestamp=1_700_000_000_000) for index in range(5000)]
    produce(broker, topic, records, **{"enable.idempotence": True, "linger.ms": 1})
    messages = from_beginning(broker, topic, len(records))
    assert [int(message.value()) for message in messages] == list(range(len(records)))
    if hasattr(broker, "data"):
        assert all(batch.producer_id >= 0 for batch in stored_batches(broker.data, topic))


def test_a_producer_creates_the_topic_it_writes_to(broker, topic):
    assert produce(broker, topic, samples(3)) == [0, 1, 2, 3]


def test_an_unknown_topic_is_said_to_be_unknown(strict_broker, topic):
    with pytest.raises(KafkaException) as refusal:
        produce(strict_broker, topic, samples(1), **{"topic.metadata.propagation.max.ms": 500})
    assert refusal.value.args[0].code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC)
    assert topic not in admin(strict_broker).list_topics(timeout=10).topics


def test_a_record_too_large_is_refused_by_name(strict_broker, topic):
    create(strict_broker, topic)
    record = Sample(key=b"k", value=bytes(range(256)) * 400, timestamp=1_700_000_000_000)
    with pytest.raises(KafkaException) as refusal:
        produce(strict_broker, topic, [record])
    assert refusal.value.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE


def test_a_topic_may_allow_smaller_records_than_the_broker(broker, topic):
    create(broker, topic, **{"max.message.bytes": "2000"})
    with pytest.raises(KafkaException) as refusal:
        produce(broker, topic, [Sample(key=None, value=b"x" * 4000, timestamp=1_700_000_000_000)])
    assert refusal.value.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE
    assert produce(broker, topic, [Sample(key=None, value=b"x", timestamp=1_700_000_000_000)]) == [0]


def test_a_record_without_a_key_is_refused_on_a_compacted_topic(broker, topic):
    create(broker, topic, **{"cleanup.policy": "compact"})
    with pytest.raises(KafkaException) as refusal:
        produce(broker, topic, [Sample(key=None, value=b"x", timestamp=1_700_000_000_000)])
    assert refusal.value.args[0].code() == KafkaError.INVALID_RECORD


def test_a_group_resumes_at_its_committed_offsets(broker, topic):
    create(broker, topic)
    records = [Sample(key=None, value=str(index).encode(), timestamp=1_700_000_000_000) for index in range(100)]
    produce(broker, topic, records)
    first = consumer(broker, group=topic)
    first.subscribe([topic])
    read = consume(first, 40)
    first.commit(offsets=[TopicPartition(topic, 0, 40, metadata="half way")], asynchronous=False)
    committed = first.committed([TopicPartition(topic, 0)], timeout=10)[0]
    assert (committed.offset, committed.metadata) == (40, "half way")
    first.close()

    second = consumer(broker, group=topic)
    second.subscribe([topic])
    rest = consume(second, 60)
    second.close()
    assert [int(message.value()) for message in read[:40] + rest] == list(range(100))


def test_offsets_are_found_by_time_exactly(broker, topic):
    create(broker, topic)
    start = 1_700_000_000_000
    records = [Sample(key=None, value=b"v" * 50, timestamp=start + 1000 * index) for index in range(500)]
    produce(broker, topic, records, **{"compression.type": "lz4"})
    reader = consumer(broker)
    for wanted, expected in [
        (start - 5, 0), (start, 0), (start + 1, 1), (start + 250_000, 250), (start + 499_000, 499),
    ]:
        assert reader.offsets_for_times([TopicPartition(topic, 0, wanted)], timeout=10)[0].offset == expected
    assert reader.offsets_for_times([TopicPartition(topic, 0, start + 500_000)], timeout=10)[0].offset == -1
    assert reader.get_watermark_offsets(TopicPartition(topic, 0), timeout=10) == (0, 500)
    reader.close()


def test_an_offset_beyond_the_end_starts_over_as_configured(broker, topic):
    create(broker, topic)
    produce(broker, topic, samples(5))
    reader = consumer(broker)
    reader.assign([TopicPartition(topic, 0, 10_000)])
    assert consume(reader, 1)[0].offset() == 0
    reader.close()


def test_one_of_three_members_is_killed(broker, topic, folder: Path):
    create(broker, topic, partitions=groups.PARTITIONS)
    producer = Producer({"bootstrap.servers": broker.bootstrap, "acks": "all"})

    def tell(records: list[tuple[int, str]]) -> None:
        for partition, value in records:
            producer.produce(topic, value=value.encode(), partition=partition)
        assert producer.flush(30) == 0

    def member(name: str) -> groups.Member:
        return groups.Member(
            name, groups.python_member("confluent_member.py", broker.bootstrap, topic, topic), folder)

    groups.one_of_three_is_killed(member, tell)


def test_a_topic_may_want_the_brokers_time(broker, topic):
    create(broker, topic, **{"message.timestamp.type": "LogAppendTime"})
    produce(broker, topic, [Sample(key=None, value=b"v", timestamp=1_000)])
    kind, milliseconds = from_beginning(broker, topic, 1)[0].timestamp()
    assert kind == TIMESTAMP_LOG_APPEND_TIME
    assert milliseconds > 1_700_000_000_000


def test_each_partition_keeps_its_order(broker, topic):
    create(broker, topic, partitions=4)
    producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 5, "batch.num.messages": 50})
    for index in range(4000):
        producer.produce(topic, key=f"key-{index % 37}", value=str(index))
        producer.poll(0)
    assert producer.flush(30) == 0
    reader = consumer(broker)
    reader.assign([TopicPartition(topic, number, 0) for number in range(4)])
    last: dict[bytes, int] = {}
    for message in consume(reader, 4000):
        assert int(message.value()) > last.get(message.key(), -1)
        last[message.key()] = int(message.value())
    reader.close()
    assert len(last) == 37


# Administration


def config(client: AdminClient, resource: ConfigResource) -> dict:
    return client.describe_configs([resource])[resource].result(20)


def test_configurations_say_where_they_come_from_and_change_at_once(broker, topic):
    create(broker, topic, **{"retention.ms": "3600000"})
    client = admin(broker)
    resource = ConfigResource(ResourceType.TOPIC, topic)
    before = config(client, resource)
    assert (before["retention.ms"].value, before["retention.ms"].source) == (
        "3600000", ConfigSource.DYNAMIC_TOPIC_CONFIG.value)
    assert before["cleanup.policy"].value == "delete"
    assert before["cleanup.policy"].source == ConfigSource.DEFAULT_CONFIG.value
    assert len(before) >= 25
    change = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[
        ConfigEntry("max.message.bytes", "2000", incremental_operation=AlterConfigOpType.SET),
        ConfigEntry("retention.ms", None, incremental_operation=AlterConfigOpType.DELETE),
        ConfigEntry("cleanup.policy", "compact", incremental_operation=AlterConfigOpType.APPEND)])
    client.incremental_alter_configs([change])[change].result(20)
    after = config(client, resource)
    assert after["max.message.bytes"].value == "2000"
    assert after["retention.ms"].source != ConfigSource.DYNAMIC_TOPIC_CONFIG.value
    assert set(after["cleanup.policy"].value.split(",")) == {"delete", "compact"}
    with pytest.raises(KafkaException) as refusal:
        produce(broker, topic, [Sample(key=b"k", value=b"x" * 4000, timestamp=1_700_000_000_000)])
    assert code_of(refusal) == KafkaError.MSG_SIZE_TOO_LARGE


@pytest.mark.parametrize("key, value", [
    ("retention.ms", "soon"), ("segment.bytes", "1"), ("cleanup.policy", "forget"), ("no.such.key", "1")])
def test_an_impossible_configuration_is_refused_by_name(broker, topic, key, value):
    create(broker, topic)
    client = admin(broker)
    change = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[
        ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)])
    with pytest.raises(KafkaException) as refusal:
        client.incremental_alter_configs([change])[change].result(20)
    assert code_of(refusal) == KafkaError.INVALID_CONFIG
    assert key in refusal.value.args[0].str()


def test_the_configuration_of_an_unknown_topic_is_refused_by_name(broker, topic):
    client = admin(broker)
    with pytest.raises(KafkaException) as refusal:
        config(client, ConfigResource(ResourceType.TOPIC, topic))
    assert code_of(refusal) == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_the_broker_tells_its_configuration(broker):
    client = admin(broker)
    number = next(iter(client.list_topics(timeout=10).brokers))
    entries = config(client, ConfigResource(ResourceType.BROKER, str(number)))
    assert entries["num.partitions"].value == "6"
    assert entries["num.partitions"].source == ConfigSource.STATIC_BROKER_CONFIG.value
    assert entries["listeners"].is_read_only


def test_a_topic_grows_and_its_consumers_see_the_new_partitions(broker, topic):
    create(broker, topic, partitions=2)
    reader = consumer(broker, group=topic, **{"topic.metadata.refresh.interval.ms": 500})
    reader.subscribe([topic])
    eventually(lambda: reader.poll(0.2) is None and len(reader.assignment()) == 2, because="two are assigned")
    client = admin(broker)
    client.create_partitions([NewPartitions(topic, 5)])[topic].result(20)
    eventually(lambda: reader.poll(0.2) is None and len(reader.assignment()) == 5, because="five are assigned")
    reader.close()
    for fewer in (3, 5):
        with pytest.raises(KafkaException) as refusal:
            client.create_partitions([NewPartitions(topic, fewer)])[topic].result(20)
        assert code_of(refusal) == KafkaError.INVALID_PARTITIONS


def test_deleted_records_are_gone_and_the_log_starts_behind_them(broker, topic):
    create(broker, topic)
    produce(broker, topic, samples(50))
    client = admin(broker)
    target = TopicPartition(topic, 0, 20)
    assert client.delete_records([target])[target].result(20).low_watermark == 20
    reader = consumer(broker)
    assert reader.get_watermark_offsets(TopicPartition(topic, 0), timeout=10) == (20, 51)
    reader.assign([TopicPartition(topic, 0, 0)])
    assert consume(reader, 31)[0].offset() == 20
    reader.close()
    beyond = TopicPartition(topic, 0, 1000)
    with pytest.raises(KafkaException) as refusal:
        client.delete_records([beyond])[beyond].result(20)
    assert code_of(refusal) == KafkaError.OFFSET_OUT_OF_RANGE


def test_offsets_are_listed_by_kind(broker, topic):
    create(broker, topic)
    times = [1_700_000_000_000 + step for step in (0, 9000, 3000)]
    produce(broker, topic, [Sample(key=None, value=b"v", timestamp=time) for time in times])
    client = admin(broker)
    partition = TopicPartition(topic, 0)

    def offset(kind) -> int:
        asked = client.list_offsets({partition: kind}, isolation_level=IsolationLevel.READ_UNCOMMITTED)
        return asked[partition].result(20).offset

    assert offset(OffsetSpec.earliest()) == 0
    assert offset(OffsetSpec.latest()) == 3
    assert offset(OffsetSpec.max_timestamp()) == 1
    assert offset(OffsetSpec.for_timestamp(times[2])) == 1


def test_cluster_and_topics_are_described(broker, topic):
    create(broker, topic, partitions=3)
    client = admin(broker)
    cluster = client.describe_cluster(include_authorized_operations=True).result(20)
    assert [node.port for node in cluster.nodes] == [broker.port]
    assert cluster.controller.id == cluster.nodes[0].id and cluster.cluster_id
    described = client.describe_topics(TopicCollection([topic]))[topic].result(20)
    assert [partition.id for partition in described.partitions] == [0, 1, 2]
    assert described.topic_id is not None and not described.is_internal


def test_groups_are_listed_described_moved_and_deleted(broker, topic):
    create(broker, topic)
    produce(broker, topic, samples(20))
    reader = consumer(broker, group=topic, **{"client.id": "described"})
    reader.subscribe([topic])
    consume(reader, 5)
    reader.commit(offsets=[TopicPartition(topic, 0, 5)], asynchronous=False)
    client = admin(broker)
    described = client.describe_consumer_groups([topic])[topic].result(20)
    assert described.state == ConsumerGroupState.STABLE
    assert [member.client_id for member in described.members] == ["described"]
    assert described.members[0].assignment.topic_partitions == [TopicPartition(topic, 0)]
    with pytest.raises(KafkaException) as refusal:
        client.delete_consumer_groups([topic])[topic].result(20)
    assert code_of(refusal) == KafkaError.NON_EMPTY_GROUP
    reader.close()

    listed = client.list_consumer_groups().result(20)
    assert topic in [group.group_id for group in listed.valid]
    moved = ConsumerGroupTopicPartitions(topic, [TopicPartition(topic, 0, 2)])
    client.alter_consumer_group_offsets([moved])[topic].result(20)
    asked = ConsumerGroupTopicPartitions(topic, [TopicPartition(topic, 0)])
    found = client.list_consumer_group_offsets([asked])[topic].result(20)
    assert [(entry.partition, entry.offset) for entry in found.topic_partitions] == [(0, 2)]
    client.delete_consumer_groups([topic])[topic].result(20)
    with pytest.raises(KafkaException) as refusal:
        client.delete_consumer_groups([topic])[topic].result(20)
    assert code_of(refusal) == KafkaError.GROUP_ID_NOT_FOUND


def test_a_static_member_keeps_its_partitions_over_a_restart(broker, topic):
    create(broker, topic, partitions=4)

    def member(name: str) -> Consumer:
        reader = consumer(broker, group=topic, **{
            "group.instance.id": name, "session.timeout.ms": 20_000, "heartbeat.interval.ms": 500})
        reader.subscribe([topic])
        return reader

    one, other = member("one"), member("other")

    def owned(reader: Consumer) -> set[int]:
        reader.poll(0.1)
        return {partition.partition for partition in reader.assignment()}

    eventually(lambda: len(owned(one)) == 2 and len(owned(other)) == 2, because="each has two partitions")
    before, kept = owned(one), owned(other)
    one.close()  # a static member does not leave when it closes
    again = member("one")
    eventually(lambda: owned(again) == before, because="the same instance has its partitions back")
    assert owned(other) == kept
    again.close()
    other.close()
