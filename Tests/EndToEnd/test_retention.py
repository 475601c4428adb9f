"""What leaves a log, seen by clients: compacted records, retention by time and by size, DeleteRecords."""

import time
from pathlib import Path
from typing import Iterator

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec
from kafka import KafkaConsumer
from kafka import TopicPartition as PythonTopicPartition

from signalbox_harness.broker import Broker
from signalbox_harness.waiting import eventually

SMALL = {"segment.bytes": "2000"}
COMPACTED = {**SMALL, "cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.001"}
DAY = 86_400_000


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    running = Broker(tmp_path_factory.mktemp("retention"), settings={
        "log.cleaner.backoff.ms": 50, "log.retention.check.interval.ms": 50})
    running.start()
    yield running
    running.stop()


def create(broker: Broker, topic: str, config: dict[str, str]) -> None:
    client = AdminClient({"bootstrap.servers": broker.bootstrap})
    client.create_topics([NewTopic(topic, 1, 1, config=config)])[topic].result(60)


def produce(broker: Broker, topic: str, records: list[tuple[str | None, str | None]], timestamp: int = 0) -> None:
    """A batch for each record, so that segments are closed between them; 0 is the producer's own time."""
    producer = Producer({"bootstrap.servers": broker.bootstrap, "batch.num.messages": 1, "linger.ms": 0})
    errors: list[KafkaError] = []
    for key, value in records:
        producer.produce(
            topic, key=key, value=value, partition=0, timestamp=timestamp,
            on_delivery=lambda error, _: errors.append(error) if error else None)
    assert producer.flush(60) == 0, "records are still waiting for an acknowledgement"
    if errors:
        raise KafkaException(errors[0])


def earliest(broker: Broker, topic: str) -> int:
    place = TopicPartition(topic, 0)
    client = AdminClient({"bootstrap.servers": broker.bootstrap})
    return client.list_offsets({place: OffsetSpec.earliest()})[place].result(60).offset


def oldest_segment(broker: Broker, topic: str) -> Path:
    return min((broker.data / f"{topic}-0").glob("*.log"))


def begins_with_a_segment(broker: Broker, topic: str) -> bool:
    """Whether clients are told the start that the files have: the broker removes files before it says so."""
    return earliest(broker, topic) == int(oldest_segment(broker, topic).stem)


def latest(broker: Broker, topic: str) -> int:
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "watermarks"})
    try:
        return consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=60)[1]
    finally:
        consumer.close()


def read_with_confluent(broker: Broker, topic: str) -> list[tuple[bytes | None, bytes | None]]:
    """Keys and values of all that is there, in order."""
    consumer = Consumer({
        "bootstrap.servers": broker.bootstrap, "group.id": "reader", "enable.partition.eof": True,
        "enable.auto.commit": False, "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    found = []
    try:
        while True:
            message = consumer.poll(60)
            assert message is not None, "neither a record nor the end"
            error = message.error()
            if error is None:
                found.append((message.key(), message.value()))
            elif error.code() == KafkaError._PARTITION_EOF:
                return found
            else:
                raise KafkaException(error)
    finally:
        consumer.close()


def read_with_kafka_python(broker: Broker, topic: str) -> list[tuple[bytes | None, bytes | None]]:
    place = PythonTopicPartition(topic, 0)
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest")
    try:
        consumer.assign([place])
        consumer.seek_to_beginning(place)
        end = consumer.end_offsets([place])[place]
        found = []
        deadline = time.monotonic() + 60
        while consumer.position(place) < end:
            assert time.monotonic() < deadline, f"at {consumer.position(place)} of {end}"
            for records in consumer.poll(200).values():
                found += [(record.key, record.value) for record in records]
        return found
    finally:
        consumer.close()


def is_refused_below(broker: Broker, topic: str, offset: int) -> bool:
    """Whether reading there is OFFSET_OUT_OF_RANGE for a consumer that asks to be told."""
    consumer = Consumer({
        "bootstrap.servers": broker.bootstrap, "group.id": "below", "auto.offset.reset": "error"})
    consumer.assign([TopicPartition(topic, 0, offset)])
    try:
        message = consumer.poll(60)
        assert message is not None, "neither a record nor an error"
        error = message.error()
        return error is not None and error.code() in (KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._AUTO_OFFSET_RESET)
    finally:
        consumer.close()


FILLER: list[tuple[str | None, str | None]] = [(f"filler {number}", "x" * 100) for number in range(30)]


@pytest.mark.parametrize("read", [read_with_confluent, read_with_kafka_python])
def test_a_compacted_topic_keeps_the_newest_value_of_every_key(broker: Broker, read):
    topic = f"compacted-{read.__name__}"
    create(broker, topic, COMPACTED)
    produce(broker, topic, [(f"key {number % 7}", f"{number:05}" + "." * 80) for number in range(500)])
    produce(broker, topic, FILLER)

    def values(key: str) -> list[bytes | None]:
        return [value for found, value in read_with_confluent(broker, topic) if found == key.encode()]

    eventually(lambda: all(len(values(f"key {n}")) == 1 for n in range(7)), within=120, because="older values go")
    left = dict(read(broker, topic))
    for number in range(493, 500):
        assert left[f"key {number % 7}".encode()] == f"{number:05}".encode() + b"." * 80
    assert latest(broker, topic) == 530, "offsets stay what they were"


def test_a_deleted_key_goes_and_so_does_its_tombstone(broker: Broker):
    create(broker, "tombstones", {**COMPACTED, "delete.retention.ms": "0"})
    produce(broker, "tombstones", [("k", "v" * 100), ("other", "o" * 100), ("k", None)])
    filling = 0

    def is_gone() -> bool:
        # Each further segment lets the cleaner come by again: it marks the tombstone, later it drops it.
        nonlocal filling
        filling += 1
        produce(broker, "tombstones", [(f"{key} {filling}", value) for key, value in FILLER])
        keys = [key for key, _ in read_with_confluent(broker, "tombstones")]
        return b"k" not in keys and b"other" in keys

    eventually(is_gone, within=120, because="key and tombstone go", every=0.1)


def test_a_record_without_key_is_refused_by_name(broker: Broker):
    create(broker, "keyed", COMPACTED)
    with pytest.raises(KafkaException) as refusal:
        produce(broker, "keyed", [(None, "no key")])
    assert refusal.value.args[0].code() == KafkaError.INVALID_RECORD


def test_retention_by_time_moves_the_log_start(broker: Broker):
    create(broker, "by-time", {**SMALL, "retention.ms": str(DAY)})
    old = int(time.time() * 1000) - 2 * DAY
    produce(broker, "by-time", [(None, "old" + "." * 100)] * 50, timestamp=old)
    produce(broker, "by-time", [(None, "new" + "." * 100)] * 50)
    eventually(
        lambda: b"new" in oldest_segment(broker, "by-time").read_bytes() and begins_with_a_segment(broker, "by-time"),
        within=120, because="at most one segment of old records is left, with new ones in it")
    start = earliest(broker, "by-time")
    assert 30 <= start <= 50 and latest(broker, "by-time") == 100
    assert not any(value.startswith(b"old") for _, value in read_with_confluent(broker, "by-time")[20:])
    assert is_refused_below(broker, "by-time", start - 1)
    assert len(read_with_confluent(broker, "by-time")) == 100 - start


def test_retention_by_size_moves_the_log_start(broker: Broker):
    create(broker, "by-size", {**SMALL, "retention.bytes": "10000"})
    produce(broker, "by-size", [(None, f"{number:03}" + "." * 100) for number in range(200)])

    def is_small() -> bool:
        size = sum(file.stat().st_size for file in (broker.data / "by-size-0").glob("*.log"))
        return 10_000 <= size < 12_100 and begins_with_a_segment(broker, "by-size")

    eventually(is_small, within=120, because="the oldest segments go until retention.bytes is reached")
    start = earliest(broker, "by-size")
    assert start > 100
    assert is_refused_below(broker, "by-size", start - 1)
    values = [value for _, value in read_with_confluent(broker, "by-size")]
    assert values == [f"{number:03}".encode() + b"." * 100 for number in range(start, 200)]


def test_deleted_records_are_gone_and_stay_gone(broker: Broker):
    create(broker, "deleted", SMALL)
    produce(broker, "deleted", [(None, f"{number}") for number in range(100)])
    client = AdminClient({"bootstrap.servers": broker.bootstrap})
    place = TopicPartition("deleted", 0, 42)
    assert client.delete_records([place])[place].result(60).low_watermark == 42
    assert earliest(broker, "deleted") == 42
    assert is_refused_below(broker, "deleted", 41)
    assert [value for _, value in read_with_confluent(broker, "deleted")] == [b"%d" % n for n in range(42, 100)]
    beyond = TopicPartition("deleted", 0, 101)
    with pytest.raises(KafkaException) as refusal:
        client.delete_records([beyond])[beyond].result(60)
    assert refusal.value.args[0].code() == KafkaError.OFFSET_OUT_OF_RANGE


def test_a_killed_broker_comes_back_with_what_it_had_cleaned(tmp_path: Path):
    broker = Broker(tmp_path, settings={"log.cleaner.backoff.ms": 10}).start()
    create(broker, "again", COMPACTED)
    for round_ in range(5):
        produce(broker, "again", [
            (f"key {number % 20}", f"{round_:02} {number:05}" + "." * 60) for number in range(400)])
        broker.kill()
        broker.start()
        newest = dict(read_with_confluent(broker, "again"))
        for number in range(380, 400):
            assert newest[f"key {number % 20}".encode()] == f"{round_:02} {number:05}".encode() + b"." * 60
    produce(broker, "again", FILLER)
    eventually(
        lambda: len(read_with_confluent(broker, "again")) < 120, within=120, because="it goes on cleaning")
    assert latest(broker, "again") == 5 * 400 + len(FILLER)
    assert broker.stop() == 0
