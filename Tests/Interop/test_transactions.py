"""Transactions that meet others: interleaved ones, zombies, timeouts, and readers that have to wait for their end.

What each client does with one transaction on its own is in the client's file.
"""

import asyncio
import contextlib
import time
import uuid
from statistics import median
from typing import Iterator

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition as AioTopicPartition
from aiokafka.errors import ProducerFenced
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from signalbox_harness.broker import Broker, other_broker
from signalbox_harness.waiting import eventually

PATIENCE = 20.0


@pytest.fixture
def transactional_id() -> str:
    return "tx-" + uuid.uuid4().hex[:8]


@pytest.fixture
def made_topic(broker: Broker, topic: str) -> str:
    """One partition, so that order tells the whole story."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(PATIENCE)
    return topic


@pytest.fixture(scope="module")
def impatient_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Looks for transactions over their timeout every tenth of a second."""
    if other_broker():
        pytest.skip("needs a broker with settings of its own")
    ours = Broker(tmp_path_factory.mktemp("impatient"), settings={
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 100, "transaction.max.timeout.ms": 60_000})
    try:
        yield ours.start()
    finally:
        ours.stop()


def producer_of(broker: Broker, transactional_id: str, **settings: object) -> Producer:
    producer = Producer({
        "bootstrap.servers": broker.bootstrap, "transactional.id": transactional_id, "linger.ms": 0, "log_level": 0,
        **settings})
    producer.init_transactions(PATIENCE)
    return producer


def write(producer: Producer, topic: str, *values: str) -> None:
    """Returns when the values are stored."""
    failed: list[KafkaError] = []
    for value in values:
        producer.produce(
            topic, value=value, on_delivery=lambda error, _: failed.append(error) if error else None)
    assert producer.flush(PATIENCE) == 0 and not failed


def read(broker: Broker, topic: str, *, isolation: str, until: str, within: float = PATIENCE) -> list[str]:
    """Values in order up to and with `until`."""
    consumer = Consumer({
        "bootstrap.servers": broker.bootstrap, "group.id": "reader", "isolation.level": isolation,
        "enable.auto.commit": False, "auto.offset.reset": "error"})
    values: list[str] = []
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])

        def done() -> bool:
            for message in consumer.consume(500, timeout=0.1):
                assert not message.error(), message.error()
                values.append(message.value().decode())
            return bool(values) and values[-1] == until

        eventually(done, within=within, because=f"{until} is read ({isolation})")
    finally:
        consumer.close()
    return values


def seal(broker: Broker, topic: str) -> None:
    """A record outside any transaction, behind everything that was written."""
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    producer.produce(topic, value="end")
    assert producer.flush(PATIENCE) == 0


def test_committed_is_seen_and_aborted_is_not(broker: Broker, made_topic: str, transactional_id: str):
    producer = producer_of(broker, transactional_id)
    for number in range(10):
        producer.begin_transaction()
        write(producer, made_topic, f"{number}a", f"{number}b")
        if number % 3 == 2:
            producer.abort_transaction(PATIENCE)
        else:
            producer.commit_transaction(PATIENCE)
    seal(broker, made_topic)
    written = [f"{number}{letter}" for number in range(10) for letter in "ab"]
    committed = [value for value in written if int(value[0]) % 3 != 2]
    assert read(broker, made_topic, isolation="read_uncommitted", until="end") == [*written, "end"]
    assert read(broker, made_topic, isolation="read_committed", until="end") == [*committed, "end"]


def test_two_interleaved_transactions_end_each_in_its_way(broker: Broker, made_topic: str, transactional_id: str):
    first = producer_of(broker, transactional_id + "-1")
    second = producer_of(broker, transactional_id + "-2")
    first.begin_transaction()
    second.begin_transaction()
    for number in range(5):
        write(first, made_topic, f"first-{number}")
        write(second, made_topic, f"second-{number}")
    first.commit_transaction(PATIENCE)
    write(second, made_topic, "second-5")
    second.abort_transaction(PATIENCE)
    seal(broker, made_topic)
    assert read(broker, made_topic, isolation="read_committed", until="end") == [
        *(f"first-{number}" for number in range(5)), "end"]


def test_nothing_is_read_past_an_open_transaction(broker: Broker, made_topic: str, transactional_id: str):
    seal(broker, made_topic)
    producer = producer_of(broker, transactional_id)
    producer.begin_transaction()
    write(producer, made_topic, "undecided")
    seal(broker, made_topic)
    consumer = Consumer({
        "bootstrap.servers": broker.bootstrap, "group.id": "reader", "isolation.level": "read_committed",
        "enable.partition.eof": True})
    try:
        consumer.assign([TopicPartition(made_topic, 0, 0)])
        seen = []
        while True:
            message = consumer.poll(PATIENCE)
            assert message is not None
            if message.error():
                assert message.error().code() == KafkaError._PARTITION_EOF
                break
            seen.append(message.value())
        assert seen == [b"end"]
    finally:
        consumer.close()
    producer.commit_transaction(PATIENCE)
    assert read(broker, made_topic, isolation="read_committed", until="end")[:1] == ["end"]


def test_a_zombie_is_fenced(broker: Broker, made_topic: str, transactional_id: str):
    zombie = producer_of(broker, transactional_id)
    zombie.begin_transaction()
    write(zombie, made_topic, "zombie")
    heir = producer_of(broker, transactional_id)
    heir.begin_transaction()
    write(heir, made_topic, "heir")
    with pytest.raises(KafkaException) as refused:
        zombie.produce(made_topic, value="too late")
        zombie.commit_transaction(PATIENCE)
    assert refused.value.args[0].code() in (KafkaError._FENCED, KafkaError.PRODUCER_FENCED)
    assert refused.value.args[0].fatal()
    heir.commit_transaction(PATIENCE)
    seal(broker, made_topic)
    assert read(broker, made_topic, isolation="read_committed", until="end") == ["heir", "end"]


def test_a_transaction_over_its_timeout_is_aborted(impatient_broker: Broker, transactional_id: str):
    topic = "timeout"
    admin = AdminClient({"bootstrap.servers": impatient_broker.bootstrap})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(PATIENCE)
    # The client gives its records no more time than the transaction has: it must be enough to store one.
    producer = producer_of(impatient_broker, transactional_id, **{"transaction.timeout.ms": 10_000})
    producer.begin_transaction()
    write(producer, topic, "too slow")
    seal(impatient_broker, topic)
    assert read(impatient_broker, topic, isolation="read_committed", until="end", within=60) == ["end"]
    with pytest.raises(KafkaException) as refused:
        producer.commit_transaction(PATIENCE)
    assert refused.value.args[0].code() in (
        KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH)


def test_a_timeout_above_the_limit_is_refused(impatient_broker: Broker, transactional_id: str):
    with pytest.raises(KafkaException) as refused:
        producer_of(impatient_broker, transactional_id, **{"transaction.timeout.ms": 60_001})
    assert refused.value.args[0].code() == KafkaError.INVALID_TRANSACTION_TIMEOUT


@pytest.mark.parametrize("commit", [True, False], ids=["commit", "abort"])
def test_offsets_go_with_the_transaction(broker: Broker, made_topic: str, transactional_id: str, commit: bool):
    seal(broker, made_topic)
    group = transactional_id + "-group"
    consumer = Consumer({
        "bootstrap.servers": broker.bootstrap, "group.id": group, "enable.auto.commit": False,
        "auto.offset.reset": "earliest"})
    try:
        consumer.subscribe([made_topic])
        message = consumer.poll(PATIENCE)
        assert message is not None and not message.error()
        producer = producer_of(broker, transactional_id)
        producer.begin_transaction()
        producer.send_offsets_to_transaction(
            [TopicPartition(made_topic, 0, 1)], consumer.consumer_group_metadata(), PATIENCE)
        if commit:
            producer.commit_transaction(PATIENCE)
        else:
            producer.abort_transaction(PATIENCE)
        stored = consumer.committed([TopicPartition(made_topic, 0)], timeout=PATIENCE)[0].offset
        assert stored == (1 if commit else -1001)
    finally:
        consumer.close()


def test_many_transactions_in_a_row_are_quick(broker: Broker, made_topic: str, transactional_id: str):
    producer = producer_of(broker, transactional_id)
    taken = []
    for number in range(100):
        begin = time.monotonic()
        producer.begin_transaction()
        producer.produce(made_topic, value=str(number))
        producer.commit_transaction(PATIENCE)
        taken.append(time.monotonic() - begin)
    # A hundred of them in 30 s, of which a machine that stands still once may take its part.
    assert median(taken) < 0.3
    seal(broker, made_topic)
    assert read(broker, made_topic, isolation="read_committed", until="end") == [
        *(str(number) for number in range(100)), "end"]


async def read_with_aiokafka(broker: Broker, topic: str, isolation: str) -> list[str]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=broker.bootstrap, isolation_level=isolation, auto_offset_reset="earliest")
    consumer.assign([AioTopicPartition(topic, 0)])
    await consumer.start()
    values: list[str] = []
    try:
        async with asyncio.timeout(PATIENCE):
            while not values or values[-1] != "end":
                values.append((await consumer.getone()).value.decode())
    finally:
        await consumer.stop()
    return values


def test_aiokafka_ends_two_interleaved_transactions(broker: Broker, made_topic: str, transactional_id: str):
    async def run() -> None:
        first, second = (
            AIOKafkaProducer(bootstrap_servers=broker.bootstrap, transactional_id=f"{transactional_id}-{number}")
            for number in (1, 2))
        await first.start()
        await second.start()
        try:
            await first.begin_transaction()
            await second.begin_transaction()
            for number in range(3):
                await first.send_and_wait(made_topic, f"first-{number}".encode())
                await second.send_and_wait(made_topic, f"second-{number}".encode())
            await second.abort_transaction()
            await first.commit_transaction()
        finally:
            await first.stop()
            await second.stop()
        seal(broker, made_topic)
        wanted = [f"first-{number}" for number in range(3)]
        assert await read_with_aiokafka(broker, made_topic, "read_committed") == [*wanted, "end"]
        assert len(await read_with_aiokafka(broker, made_topic, "read_uncommitted")) == 7

    asyncio.run(run())


def test_aiokafka_is_fenced(broker: Broker, made_topic: str, transactional_id: str):
    async def run() -> None:
        zombie = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, transactional_id=transactional_id)
        heir = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, transactional_id=transactional_id)
        await zombie.start()
        try:
            await zombie.begin_transaction()
            await zombie.send_and_wait(made_topic, b"zombie")
            await heir.start()
            async with heir.transaction():
                await heir.send_and_wait(made_topic, b"heir")
            with pytest.raises(ProducerFenced):
                await zombie.commit_transaction()
        finally:
            await heir.stop()
            with contextlib.suppress(ProducerFenced):
                await zombie.stop()
        seal(broker, made_topic)
        assert await read_with_aiokafka(broker, made_topic, "read_committed") == ["heir", "end"]

    asyncio.run(run())
