"""aiokafka, unchanged, against the broker: the client that sends only the old, non-flexible encodings."""

import asyncio
import functools
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, for_code
from aiokafka.structs import OffsetAndMetadata

import groups
from signalbox_harness.records import CODECS, Sample, samples
from signalbox_harness.stored import stored_batches


def asynchronous(test):
    """Runs a test's coroutine to its end, with a deadline of its own."""
    @functools.wraps(test)
    def run(*args, **kwargs):
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), 120))
    return run


@asynccontextmanager
async def started(client):
    await client.start()
    try:
        yield client
    finally:
        await (client.close() if isinstance(client, AIOKafkaAdminClient) else client.stop())


def admin(broker):
    return started(AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap))


def consumer(broker, *topics: str, **config):
    return started(AIOKafkaConsumer(
        *topics, bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest", enable_auto_commit=False, **config))


async def create(broker, topic: str, partitions: int = 1) -> None:
    async with admin(broker) as client:
        answer = await client.create_topics([NewTopic(topic, partitions, 1)])
        for name, code, *_ in answer.topic_errors:
            if code:
                raise for_code(code)(name)


async def produce(broker, topic: str, records: list[Sample], **config) -> list[int]:
    """Produces to partition 0 and returns the acknowledged offsets, in the order produced."""
    client = AIOKafkaProducer(
        bootstrap_servers=broker.bootstrap, max_request_size=2_000_000, linger_ms=20, request_timeout_ms=10_000,
        **config)
    async with started(client) as producer:
        sent = [
            await producer.send(
                topic, value=record.value, key=record.key, partition=0, timestamp_ms=record.timestamp,
                headers=list(record.headers))
            for record in records
        ]
        await producer.flush()
        acknowledged = [await future for future in sent]
        return [-1 if record is None else record.offset for record in acknowledged]


async def consume(reader: AIOKafkaConsumer, count: int) -> list:
    records: list = []
    while len(records) < count:
        for batch in (await reader.getmany(timeout_ms=500, max_records=count - len(records))).values():
            records.extend(batch)
    return records


async def from_beginning(broker, topic: str, count: int) -> list:
    async with consumer(broker) as reader:
        partition = TopicPartition(topic, 0)
        reader.assign([partition])
        await reader.seek_to_beginning(partition)
        return await consume(reader, count)


@asynchronous
async def test_lists_topics_and_their_partitions(broker, topic):
    await create(broker, topic, partitions=3)
    async with admin(broker) as client:
        assert topic in await client.list_topics()
        (description,) = await client.describe_topics([topic])
        assert len(description["partitions"]) == 3


@asynchronous
async def test_creating_a_topic_twice_says_that_it_exists(broker, topic):
    await create(broker, topic)
    with pytest.raises(KafkaError, match="TopicAlreadyExists"):
        await create(broker, topic)


@asynchronous
async def test_a_deleted_topic_is_gone(broker, topic):
    await create(broker, topic)
    await produce(broker, topic, samples(10))
    async with admin(broker) as client:
        await client.delete_topics([topic])
        while topic in await client.list_topics():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("codec", CODECS)
@asynchronous
async def test_what_is_produced_comes_back_the_same(broker, topic, codec):
    await create(broker, topic)
    records = samples()
    offsets = await produce(broker, topic, records, compression_type=None if codec == "none" else codec)
    assert offsets == list(range(len(records)))
    received = await from_beginning(broker, topic, len(records))
    assert [record.offset for record in received] == offsets
    for got, wanted in zip(received, records):
        assert (got.key, got.value, got.timestamp) == (wanted.key, wanted.value, wanted.timestamp)
        assert tuple(tuple(header) for header in got.headers) == wanted.headers
    if hasattr(broker, "data"):
        stored = {batch.codec for batch in stored_batches(broker.data, topic)}
        assert codec in stored and stored <= {codec, "none"}


@pytest.mark.parametrize("acks", [0, 1, "all"])
@asynchronous
async def test_every_kind_of_acknowledgement_stores_the_records(broker, topic, acks):
    await create(broker, topic)
    await produce(broker, topic, samples(100), acks=acks)
    assert [record.offset for record in await from_beginning(broker, topic, 101)] == list(range(101))


@asynchronous
async def test_an_idempotent_producer_stores_each_record_once_in_order(broker, topic):
    await create(broker, topic)
    records = [Sample(key=b"k", value=str(index).encode(), timestamp=1_700_000_000_000) for index in range(2000)]
    await produce(broker, topic, records, enable_idempotence=True)
    received = await from_beginning(broker, topic, len(records))
    assert [int(record.value) for record in received] == list(range(len(records)))


@asynchronous
async def test_an_unknown_topic_is_not_made_up(strict_broker, topic):
    with pytest.raises(KafkaError):
        await produce(strict_broker, topic, samples(1))
    async with admin(strict_broker) as client:
        assert topic not in await client.list_topics()


@asynchronous
async def test_a_record_too_large_is_refused_by_name(strict_broker, topic):
    await create(strict_broker, topic)
    record = Sample(key=b"k", value=bytes(range(256)) * 400, timestamp=1_700_000_000_000)
    with pytest.raises(MessageSizeTooLargeError):
        await produce(strict_broker, topic, [record])


@asynchronous
async def test_a_group_resumes_at_its_committed_offsets(broker, topic):
    await create(broker, topic)
    await produce(broker, topic, [
        Sample(key=None, value=str(index).encode(), timestamp=1_700_000_000_000) for index in range(100)])
    partition = TopicPartition(topic, 0)
    async with consumer(broker, topic, group_id=topic) as first:
        read = await consume(first, 40)
        await first.commit({partition: OffsetAndMetadata(40, "half way")})
        assert await first.committed(partition) == 40
    async with consumer(broker, topic, group_id=topic) as second:
        rest = await consume(second, 60)
    assert [int(record.value) for record in read + rest] == list(range(100))


@asynchronous
async def test_offsets_are_found_by_time_exactly(broker, topic):
    await create(broker, topic)
    start = 1_700_000_000_000
    await produce(broker, topic, [
        Sample(key=None, value=b"v", timestamp=start + 1000 * index) for index in range(200)])
    partition = TopicPartition(topic, 0)
    async with consumer(broker) as reader:
        found = await reader.offsets_for_times({partition: start + 50_001})
        assert found[partition].offset == 51
        assert await reader.beginning_offsets([partition]) == {partition: 0}
        assert await reader.end_offsets([partition]) == {partition: 200}


def test_one_of_three_members_is_killed(broker, topic, folder: Path):
    def tell(records: list[tuple[int, str]]) -> None:
        async def send() -> None:
            async with started(AIOKafkaProducer(bootstrap_servers=broker.bootstrap, acks="all")) as producer:
                for future in [await producer.send(topic, value.encode(), partition=to) for to, value in records]:
                    await future
        asyncio.run(asyncio.wait_for(send(), 60))

    def member(name: str) -> groups.Member:
        return groups.Member(
            name, groups.python_member("aiokafka_member.py", broker.bootstrap, topic, topic), folder)

    asyncio.run(create(broker, topic, partitions=groups.PARTITIONS))
    groups.one_of_three_is_killed(member, tell)


# Transactions and administration: the oldest versions of each API


@asynchronous
async def test_committed_records_are_read_and_aborted_ones_are_not(broker, topic):
    await create(broker, topic)
    async with started(AIOKafkaProducer(bootstrap_servers=broker.bootstrap, transactional_id=topic)) as producer:
        for number in range(6):
            await producer.begin_transaction()
            for index in range(10):
                await producer.send(topic, str(number * 10 + index).encode(), partition=0)
            await (producer.commit_transaction() if number % 2 == 0 else producer.abort_transaction())
    async with consumer(broker, isolation_level="read_committed") as reader:
        partition = TopicPartition(topic, 0)
        reader.assign([partition])
        await reader.seek_to_beginning(partition)
        values = [int(record.value) for record in await consume(reader, 30)]
        assert not await reader.getmany(timeout_ms=300)
    assert values == [value for value in range(60) if value // 10 % 2 == 0]


@asynchronous
async def test_offsets_move_with_their_transaction(broker, topic):
    await create(broker, topic)
    partition = TopicPartition(topic, 0)
    async with started(AIOKafkaProducer(bootstrap_servers=broker.bootstrap, transactional_id=topic)) as producer:
        async with producer.transaction():
            await producer.send_offsets_to_transaction({partition: 12}, topic)
        with pytest.raises(ZeroDivisionError):
            async with producer.transaction():
                await producer.send_offsets_to_transaction({partition: 13}, topic)
                raise ZeroDivisionError
    async with consumer(broker, group_id=topic) as reader:
        assert await reader.committed(partition) == 12


@asynchronous
async def test_a_topic_grows(broker, topic):
    await create(broker, topic, partitions=2)
    async with admin(broker) as client:
        await client.create_partitions({topic: NewPartitions(total_count=5)})
        assert len((await client.describe_topics([topic]))[0]["partitions"]) == 5


@asynchronous
async def test_configurations_are_described_and_replaced(broker, topic):
    await create(broker, topic)
    async with admin(broker) as client:
        await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"retention.ms": "1000000"})])
        answer = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
        entries = {entry[0]: entry[1] for entry in answer[0].resources[0][4]}
        assert entries["retention.ms"] == "1000000"


@asynchronous
async def test_deleted_records_are_gone(broker, topic):
    await create(broker, topic)
    await produce(broker, topic, samples(20))
    partition = TopicPartition(topic, 0)
    async with admin(broker) as client:
        assert await client.delete_records({partition: RecordsToDelete(before_offset=7)}) == {partition: 7}
    async with consumer(broker) as reader:
        assert await reader.beginning_offsets([partition]) == {partition: 7}


@asynchronous
async def test_groups_are_listed_and_described(broker, topic):
    await create(broker, topic)
    await produce(broker, topic, samples(5))
    async with consumer(broker, topic, group_id=topic) as reader:
        await consume(reader, 6)
        await reader.commit()
        async with admin(broker) as client:
            assert topic in [group[0] for group in await client.list_consumer_groups()]
            answer = await client.describe_consumer_groups([topic])
            assert answer[0].groups[0][2] == "Stable"
            offsets = await client.list_consumer_group_offsets(topic)
            assert offsets[TopicPartition(topic, 0)].offset == 6
