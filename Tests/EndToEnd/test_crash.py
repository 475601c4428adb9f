"""The broker is killed again and again while it is written to: what it acknowledged is there afterwards."""

import random
import threading
import zlib
from pathlib import Path
from typing import Iterator

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from signalbox_harness.broker import Broker
from signalbox_harness.stored import stored_batches
from signalbox_harness.waiting import eventually

KILLS = 10
PARTITIONS = 3
TOPIC = "ledger"
GROUP = "bookkeepers"
QUICK_TO_RETURN = {"reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 200, "retry.backoff.ms": 50}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    # Small segments, so that kills meet rolls as well.
    ours = Broker(tmp_path, settings={"log.segment.bytes": 2_000_000})
    try:
        yield ours.start()
    finally:
        ours.kill()


def value_of(number: int) -> bytes:
    """A value that tells its number and whether it is whole."""
    body = random.Random(number).randbytes(20 + number % 300)
    return b"%d:%d:" % (number, zlib.crc32(body)) + body


def number_of(value: bytes) -> int:
    number, checksum, body = value.split(b":", 2)
    assert zlib.crc32(body) == int(checksum), f"record {int(number)} is torn"
    return int(number)


class Writer:
    """Produces without pause in a thread of its own and keeps what was acknowledged where."""

    def __init__(self, bootstrap: str, *, idempotent: bool) -> None:
        self.acknowledged: dict[tuple[int, int], int] = {}
        self.errors: list[KafkaError] = []
        self.produced = 0
        self._running = True
        self._producer = Producer({
            "bootstrap.servers": bootstrap, "acks": "all", "enable.idempotence": idempotent, "linger.ms": 2,
            "message.timeout.ms": 120_000, "queue.buffering.max.messages": 2000, "log_level": 0, **QUICK_TO_RETURN})
        self._thread = threading.Thread(target=self._write, name="writer", daemon=True)

    def __enter__(self) -> "Writer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._running = False
        self._thread.join()

    def _write(self) -> None:
        while self._running:
            number = self.produced
            try:
                self._producer.produce(
                    TOPIC, value=value_of(number), partition=number % PARTITIONS,
                    on_delivery=lambda error, message, number=number: self._delivered(error, message, number))
            except BufferError:
                self._producer.poll(0.05)
                continue
            self.produced += 1
            self._producer.poll(0)
        assert self._producer.flush(120) == 0, "records were neither acknowledged nor refused"

    def _delivered(self, error: KafkaError | None, message, number: int) -> None:
        if error:
            self.errors.append(error)
        elif message.offset() >= 0:
            self.acknowledged[(message.partition(), message.offset())] = number
        # Without an offset it was a duplicate of an older batch: stored, and the check of the order finds it.


class Committer:
    """Commits rising offsets for a group and keeps the last one that was acknowledged."""

    def __init__(self, bootstrap: str) -> None:
        self.acknowledged = 0
        self._running = True
        self._consumer = Consumer({
            "bootstrap.servers": bootstrap, "group.id": GROUP, "log_level": 0, **QUICK_TO_RETURN})
        self._thread = threading.Thread(target=self._commit, name="committer", daemon=True)

    def __enter__(self) -> "Committer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._running = False
        self._thread.join()
        self._consumer.close()

    def _commit(self) -> None:
        offset = 0
        while self._running:
            offset += 1
            try:
                self._consumer.commit(offsets=[TopicPartition(TOPIC, 0, offset)], asynchronous=False)
                self.acknowledged = offset
            except KafkaException:
                continue  # the broker is away: neither acknowledged nor lost


def stored(bootstrap: str) -> dict[tuple[int, int], int]:
    """Every record of the topic, read back and checked; offsets must be without holes."""
    reader = Consumer({
        "bootstrap.servers": bootstrap, "group.id": "auditor", "enable.auto.commit": False, "check.crcs": True,
        "auto.offset.reset": "error"})
    found: dict[tuple[int, int], int] = {}
    try:
        ends = [
            eventually(lambda: reader.get_watermark_offsets(TopicPartition(TOPIC, number), timeout=5))[1]
            for number in range(PARTITIONS)]
        reader.assign([TopicPartition(TOPIC, number, 0) for number in range(PARTITIONS)])
        missing = {(number, offset) for number in range(PARTITIONS) for offset in range(ends[number])}

        def all_read() -> bool:
            for message in reader.consume(10_000, timeout=0.5):
                if message.error():
                    raise KafkaException(message.error())
                place = (message.partition(), message.offset())
                found[place] = number_of(message.value())
                missing.discard(place)
            return not missing

        eventually(all_read, within=60, because="every offset up to the end can be read")
    finally:
        reader.close()
    return found


def committed(bootstrap: str) -> int:
    reader = Consumer({"bootstrap.servers": bootstrap, "group.id": GROUP})
    try:
        return eventually(
            lambda: reader.committed([TopicPartition(TOPIC, 0)], timeout=5), because="offsets can be asked")[0].offset
    finally:
        reader.close()


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("idempotent", [False, True], ids=["acks-all", "idempotent"])
def test_what_was_acknowledged_survives_ten_kills(broker: Broker, idempotent: bool):
    client = AdminClient({"bootstrap.servers": broker.bootstrap})
    client.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])[TOPIC].result(20)
    chance = random.Random(7)

    with Writer(broker.bootstrap, idempotent=idempotent) as writer, Committer(broker.bootstrap) as committer:
        for _ in range(KILLS):
            goal = len(writer.acknowledged) + chance.randint(500, 4000)
            commits = committer.acknowledged + 5
            eventually(lambda: len(writer.acknowledged) >= goal and committer.acknowledged >= commits, within=60,
                       because="the producer gets on", every=0.001)
            broker.kill()
            acknowledged, offset = dict(writer.acknowledged), committer.acknowledged
            broker.start()

            found = stored(broker.bootstrap)
            lost = {place: number for place, number in acknowledged.items() if found.get(place) != number}
            assert not lost, f"{len(lost)} acknowledged records are not at their offset: {sorted(lost.items())[:3]}"
            assert committed(broker.bootstrap) >= offset, "an acknowledged commit was forgotten"

    assert not writer.errors
    found = stored(broker.bootstrap)
    assert all(found[place] == number for place, number in writer.acknowledged.items())
    assert set(found.values()) == set(range(writer.produced))
    if idempotent:
        in_order = [found[place] for place in sorted(found)]
        per_partition = [[n for n in in_order if n % PARTITIONS == number] for number in range(PARTITIONS)]
        assert per_partition == [list(range(number, writer.produced, PARTITIONS)) for number in range(PARTITIONS)]


def test_a_torn_tail_is_cut_at_the_last_whole_batch(broker: Broker):
    client = AdminClient({"bootstrap.servers": broker.bootstrap})
    client.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])[TOPIC].result(20)
    with Writer(broker.bootstrap, idempotent=False) as writer:
        eventually(lambda: len(writer.acknowledged) > 3000, within=60, because="there is something to tear")
    broker.kill()

    segments = sorted((broker.data / f"{TOPIC}-0").glob("*.log"))
    whole = segments[-1].stat().st_size
    with segments[-1].open("ab") as tail:
        tail.write(segments[-1].read_bytes()[:40])  # the beginning of a batch that never came to its end
    broker.start()

    assert segments[-1].stat().st_size == whole
    assert set(stored(broker.bootstrap).values()) == set(range(writer.produced))
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    producer.produce(TOPIC, value=value_of(writer.produced), partition=0)
    assert producer.flush(20) == 0
    assert writer.produced in stored(broker.bootstrap).values()


def test_lost_indexes_are_built_again(broker: Broker):
    client = AdminClient({"bootstrap.servers": broker.bootstrap})
    client.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])[TOPIC].result(20)
    partitions = [broker.data / f"{TOPIC}-{number}" for number in range(PARTITIONS)]
    with Writer(broker.bootstrap, idempotent=False) as writer:
        eventually(
            lambda: all(len(list(folder.glob("*.log"))) > 1 for folder in partitions), within=120,
            because="each partition has several segments")
    broker.kill()
    for index in [*broker.data.glob(f"{TOPIC}-*/*.index"), *broker.data.glob(f"{TOPIC}-*/*.timeindex")]:
        index.unlink()
    broker.start()
    assert set(stored(broker.bootstrap).values()) == set(range(writer.produced))
    assert broker.stop() == 0
    assert sum(batch.record_count for batch in stored_batches(broker.data, TOPIC)) == writer.produced
