"""kafka-python 3, unchanged, against the broker."""

from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError, MessageSizeTooLargeError, TopicAlreadyExistsError
from kafka.structs import OffsetAndMetadata

import groups
from signalbox_harness.records import CODECS, Sample, samples
from signalbox_harness.stored import stored_batches
from signalbox_harness.waiting import eventually


@pytest.fixture
def admin(broker):
    client = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    yield client
    client.close()


def create(client: KafkaAdminClient, topic: str, partitions: int = 1) -> None:
    client.create_topics({topic: {"num_partitions": partitions, "replication_factor": 1}})


def produce(broker, topic: str, records: list[Sample], **config) -> list[int]:
    """Produces to partition 0 and returns the acknowledged offsets, in the order produced."""
    producer = KafkaProducer(
        bootstrap_servers=broker.bootstrap, max_request_size=2_000_000, linger_ms=20, max_block_ms=10_000, **config)
    try:
        futures = [
            producer.send(
                topic, value=record.value, key=record.key, headers=list(record.headers), partition=0,
                timestamp_ms=record.timestamp)
            for record in records
        ]
        producer.flush(30)
        return [future.get(10).offset for future in futures]
    finally:
        producer.close(10)


def consumer(broker, **config) -> KafkaConsumer:
    return KafkaConsumer(
        bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest", enable_auto_commit=False, **config)


def consume(reader: KafkaConsumer, count: int, within: float = 30) -> list:
    records: list = []

    def enough() -> bool:
        for batch in reader.poll(timeout_ms=500, max_records=count - len(records)).values():
            records.extend(batch)
        return len(records) >= count

    eventually(enough, within=within, because=f"{count} records are read")
    return records


def from_beginning(broker, topic: str, count: int) -> list:
    reader = consumer(broker)
    try:
        reader.assign([TopicPartition(topic, 0)])
        reader.seek_to_beginning()
        return consume(reader, count)
    finally:
        reader.close()


def test_lists_topics_and_their_partitions(broker, admin, topic):
    create(admin, topic, partitions=3)
    assert topic in admin.list_topics()
    reader = consumer(broker)
    assert reader.partitions_for_topic(topic) == {0, 1, 2}
    reader.close()


def test_creating_a_topic_twice_says_that_it_exists(admin, topic):
    create(admin, topic)
    with pytest.raises(TopicAlreadyExistsError):
        create(admin, topic)


def test_a_deleted_topic_is_gone(broker, admin, topic):
    create(admin, topic)
    produce(broker, topic, samples(10))
    admin.delete_topics([topic])
    eventually(lambda: topic not in admin.list_topics(), because="the topic is gone")


@pytest.mark.parametrize("codec", CODECS)
def test_what_is_produced_comes_back_the_same(broker, admin, topic, codec):
    create(admin, topic)
    records = samples()
    offsets = produce(broker, topic, records, compression_type=None if codec == "none" else codec)
    assert offsets == list(range(len(records)))
    received = from_beginning(broker, topic, len(records))
    assert [record.offset for record in received] == offsets
    for got, wanted in zip(received, records):
        assert (got.key, got.value, got.timestamp) == (wanted.key, wanted.value, wanted.timestamp)
        assert tuple(tuple(header) for header in got.headers) == wanted.headers
    if hasattr(broker, "data"):
        assert {batch.codec for batch in stored_batches(broker.data, topic)} == {codec}


@pytest.mark.parametrize("acks", [0, 1, "all"])
def test_every_kind_of_acknowledgement_stores_the_records(broker, admin, topic, acks):
    create(admin, topic)
    produce(broker, topic, samples(100), acks=acks, enable_idempotence=False)
    assert [record.offset for record in from_beginning(broker, topic, 101)] == list(range(101))


def test_an_idempotent_producer_stores_each_record_once_in_order(broker, admin, topic):
    create(admin, topic)
    records = [Sample(key=b"k", value=str(index).encode(), timestamp=1_700_000_000_000) for index in range(2000)]
    produce(broker, topic, records, enable_idempotence=True)
    assert [int(record.value) for record in from_beginning(broker, topic, 2000)] == list(range(2000))
    if hasattr(broker, "data"):
        assert all(batch.producer_id >= 0 for batch in stored_batches(broker.data, topic))


def test_an_unknown_topic_is_not_made_up(strict_broker, topic):
    with pytest.raises(KafkaError):
        produce(strict_broker, topic, samples(1))
    client = KafkaAdminClient(bootstrap_servers=strict_broker.bootstrap)
    assert topic not in client.list_topics()
    client.close()


def test_a_record_too_large_is_refused_by_name(strict_broker, topic):
    client = KafkaAdminClient(bootstrap_servers=strict_broker.bootstrap)
    create(client, topic)
    client.close()
    record = Sample(key=b"k", value=bytes(range(256)) * 400, timestamp=1_700_000_000_000)
    with pytest.raises(MessageSizeTooLargeError):
        produce(strict_broker, topic, [record])


def test_a_group_resumes_at_its_committed_offsets(broker, admin, topic):
    create(admin, topic)
    produce(broker, topic, [
        Sample(key=None, value=str(index).encode(), timestamp=1_700_000_000_000) for index in range(100)])
    partition = TopicPartition(topic, 0)
    first = consumer(broker, group_id=topic)
    first.subscribe([topic])
    read = consume(first, 40)
    first.commit({partition: OffsetAndMetadata(40, "half way", -1)})
    assert first.committed(partition, metadata=True)[:2] == (40, "half way")
    first.close()

    second = consumer(broker, group_id=topic)
    second.subscribe([topic])
    rest = consume(second, 60)
    second.close()
    assert [int(record.value) for record in read + rest] == list(range(100))


def test_offsets_are_found_by_time_exactly(broker, admin, topic):
    create(admin, topic)
    start = 1_700_000_000_000
    produce(broker, topic, [Sample(key=None, value=b"v", timestamp=start + 1000 * index) for index in range(200)])
    partition = TopicPartition(topic, 0)
    reader = consumer(broker)
    assert reader.offsets_for_times({partition: start + 50_001})[partition].offset == 51
    assert reader.offsets_for_times({partition: start + 200_000})[partition] is None
    assert reader.beginning_offsets([partition]) == {partition: 0}
    assert reader.end_offsets([partition]) == {partition: 200}
    reader.close()


def test_one_of_three_members_is_killed(broker, admin, topic, folder: Path):
    create(admin, topic, partitions=groups.PARTITIONS)
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap, acks="all")

    def tell(records: list[tuple[int, str]]) -> None:
        futures = [producer.send(topic, value.encode(), partition=partition) for partition, value in records]
        producer.flush(30)
        for future in futures:
            future.get(10)

    def member(name: str) -> groups.Member:
        return groups.Member(
            name, groups.python_member("kafka_python_member.py", broker.bootstrap, topic, topic), folder)

    try:
        groups.one_of_three_is_killed(member, tell)
    finally:
        producer.close(10)
