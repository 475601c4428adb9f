"""kafka-python 3, unchanged, against the broker."""

from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import (
    AbortTransactionSpec, ConfigResource, ConfigResourceType, OffsetSpec, OffsetTimestamp, TransactionState)
from kafka.errors import (
    GroupIdNotFoundError, InvalidConfigurationError, InvalidPartitionsError, KafkaError, MessageSizeTooLargeError,
    NoError, OffsetOutOfRangeError, TopicAlreadyExistsError)
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
        stored = {batch.codec for batch in stored_batches(broker.data, topic)}
        assert codec in stored and stored <= {codec, "none"}  # kafka-python sends what does not shrink as it is


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


# Transactions


def transactional(broker, name: str, **config) -> KafkaProducer:
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap, transactional_id=name, **config)
    producer.init_transactions()
    return producer


def committed_values(broker, topic: str, count: int) -> list[int]:
    """The first records that a reader of committed ones gets; then it must be at the end of them."""
    reader = consumer(broker, isolation_level="read_committed")
    try:
        reader.assign([TopicPartition(topic, 0)])
        reader.seek_to_beginning()
        records = consume(reader, count)
        assert not reader.poll(timeout_ms=300)
        return [int(record.value) for record in records]
    finally:
        reader.close()


def test_committed_records_are_read_and_aborted_ones_are_not(broker, admin, topic):
    create(admin, topic)
    producer = transactional(broker, topic)
    for index in range(60):
        if index % 10 == 0:
            producer.begin_transaction()
        producer.send(topic, str(index).encode(), partition=0)
        if index % 10 == 9:
            producer.commit_transaction() if index // 10 % 2 == 0 else producer.abort_transaction()
    producer.close(10)
    assert committed_values(broker, topic, 30) == [index for index in range(60) if index // 10 % 2 == 0]


def test_a_reader_of_committed_records_stops_at_an_open_transaction(broker, admin, topic):
    create(admin, topic)
    # The first tells that the reader reads: what comes behind it would be in the same answer.
    produce(broker, topic, [Sample(key=None, value=b"0", timestamp=1_700_000_000_000)])
    producer = transactional(broker, topic)
    producer.begin_transaction()
    producer.send(topic, b"1", partition=0).get(10)
    produce(broker, topic, [Sample(key=None, value=b"2", timestamp=1_700_000_000_000)])
    assert committed_values(broker, topic, 1) == [0]
    producer.commit_transaction()
    producer.close(10)
    assert committed_values(broker, topic, 3) == [0, 1, 2]


def test_the_first_of_two_producers_with_one_transactional_id_is_fenced(broker, admin, topic):
    create(admin, topic)
    first = transactional(broker, topic)
    first.begin_transaction()
    first.send(topic, b"1", partition=0).get(10)
    second = transactional(broker, topic)
    second.begin_transaction()
    second.send(topic, b"2", partition=0).get(10)
    second.commit_transaction()
    with pytest.raises(KafkaError):
        first.send(topic, b"3", partition=0).get(10)
        first.commit_transaction()
    first.close(0)
    second.close(10)
    assert committed_values(broker, topic, 1) == [2]


def test_offsets_move_with_their_transaction(broker, admin, topic):
    create(admin, topic)
    partition = TopicPartition(topic, 0)
    producer = transactional(broker, topic)
    reader = consumer(broker, group_id=topic)
    for offset, ends in [(10, "commit"), (20, "abort")]:
        producer.begin_transaction()
        producer.send_offsets_to_transaction({partition: OffsetAndMetadata(offset, "", -1)}, topic)
        producer.commit_transaction() if ends == "commit" else producer.abort_transaction()
    assert reader.committed(partition) == 10
    reader.close()
    producer.close(10)


def test_open_transactions_can_be_looked_at_and_ended_from_outside(broker, admin, topic):
    create(admin, topic)
    producer = transactional(broker, topic)
    producer.begin_transaction()
    producer.send(topic, b"1", partition=0).get(10)
    partition = TopicPartition(topic, 0)
    described = admin.describe_transactions([topic])[topic]
    assert described.state == TransactionState.ONGOING
    listed = [listing for listings in admin.list_transactions().values() for listing in listings]
    assert topic in [listing.transactional_id for listing in listed]
    active = admin.describe_producers([partition])[partition].active_producers
    assert [state.current_transaction_start_offset for state in active] == [0]
    admin.abort_transaction(AbortTransactionSpec(
        topic_partition=partition, producer_id=active[0].producer_id, producer_epoch=active[0].producer_epoch))
    active = admin.describe_producers([partition])[partition].active_producers
    assert [state.current_transaction_start_offset for state in active] in ([None], [-1])
    producer.close(0)


# Administration


def described(admin: KafkaAdminClient, kind: ConfigResourceType, name: str, **how) -> dict:
    answer = admin.describe_configs([ConfigResource(kind, name)], config_filter="all", **how)
    return next(iter(next(iter(answer.values())).values()))


def test_configurations_are_described_changed_and_reset(broker, admin, topic):
    create(admin, topic)
    assert described(admin, ConfigResourceType.TOPIC, topic)["retention.ms"]["value"] == "604800000"
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"retention.ms": "1000000"})])
    changed = described(admin, ConfigResourceType.TOPIC, topic, include_synonyms=True)["retention.ms"]
    assert changed["value"] == "1000000"
    assert len(changed["synonyms"]) >= 2
    admin.reset_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"retention.ms": None})])
    assert described(admin, ConfigResourceType.TOPIC, topic)["retention.ms"]["value"] == "604800000"
    refused = admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"retention.ms": "soon"})])
    assert str(InvalidConfigurationError.errno) in refused["topic"][topic]
    assert "retention.ms" in refused["topic"][topic] and "soon" in refused["topic"][topic]


def test_a_topic_grows_but_never_shrinks(broker, admin, topic):
    create(admin, topic, partitions=2)
    admin.create_partitions({topic: 4})
    eventually(lambda: len(admin.describe_topics([topic])[0]["partitions"]) == 4, because="there are four")
    with pytest.raises(InvalidPartitionsError):
        admin.create_partitions({topic: 3})


def test_topics_are_described_page_by_page(broker, admin, topic):
    create(admin, topic, partitions=5)
    page = admin.describe_topic_partitions([topic], response_partition_limit=3)
    numbers = [partition["partition_index"] for partition in page["topics"][0]["partitions"]]
    rest = admin.describe_topic_partitions([topic], cursor=page["next_cursor"])
    numbers += [partition["partition_index"] for partition in rest["topics"][0]["partitions"]]
    assert numbers == [0, 1, 2, 3, 4]
    assert rest["next_cursor"] is None


def test_deleted_records_are_gone(broker, admin, topic):
    create(admin, topic)
    produce(broker, topic, samples(20))
    partition = TopicPartition(topic, 0)
    assert admin.delete_records({partition: 7})[partition]["low_watermark"] == 7
    assert admin.list_partition_offsets({partition: OffsetSpec.EARLIEST})[partition].offset == 7
    with pytest.raises(OffsetOutOfRangeError):
        admin.delete_records({partition: 1000})


def test_log_folders_tell_the_size_of_partitions(broker, admin, topic):
    create(admin, topic)
    produce(broker, topic, samples(20))
    folders = admin.describe_log_dirs({topic: [0]})
    text = str(folders)
    assert topic in text and "partition_size" in text


def test_group_offsets_are_reset_and_deleted(broker, admin, topic):
    create(admin, topic)
    start = 1_700_000_000_000
    produce(broker, topic, [Sample(key=None, value=b"v", timestamp=start + 1000 * index) for index in range(20)])
    partition = TopicPartition(topic, 0)
    reader = consumer(broker, group_id=topic)
    reader.subscribe([topic])
    consume(reader, 20)
    reader.commit()
    assert [group["group_id"] for group in admin.list_groups() if group["group_id"] == topic] == [topic]
    reader.close()
    for spec, expected in [(OffsetSpec.EARLIEST, 0), (OffsetTimestamp(start + 5500), 6), (OffsetSpec.LATEST, 20)]:
        admin.reset_group_offsets(topic, {partition: spec})
        assert admin.list_group_offsets({topic: [partition]})[topic][partition].offset == expected
    assert admin.delete_group_offsets(topic, [partition])[partition] is NoError
    admin.delete_groups([topic])
    assert topic not in [group["group_id"] for group in admin.list_groups()]
    ((_, error),) = admin.delete_groups([topic]).items()
    assert error == GroupIdNotFoundError.__name__
