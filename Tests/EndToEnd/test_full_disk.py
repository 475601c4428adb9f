"""A real disk that is full: clients hear of it by its name, the broker lives, and nothing acknowledged is lost."""

import subprocess
from pathlib import Path
from typing import Iterator

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from signalbox_harness.broker import Broker
from signalbox_harness.small_disk import CannotMount, SmallDisk
from signalbox_harness.waiting import eventually

TOPIC = "ledger"
BODY = b"x" * 20_000
MEGABYTE = 1 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    try:
        small = SmallDisk(tmp_path / "disk", megabytes=24)
    except CannotMount as reason:
        pytest.skip(f"a small disk cannot be mounted here: {reason}")
    try:
        yield small
    finally:
        small.close()


@pytest.fixture
def broker(tmp_path: Path, disk: SmallDisk) -> Iterator[Broker]:
    ours = Broker(
        tmp_path / "broker", command=disk.enter,
        settings={"log.dirs": str(disk.folder / "log"), "log.segment.bytes": 2 * MEGABYTE, "log.retention.ms": -1})
    try:
        ours.start()
        admin = AdminClient({"bootstrap.servers": ours.bootstrap})
        admin.create_topics([NewTopic(TOPIC, 1, 1)])[TOPIC].result(20)
        yield ours
    finally:
        ours.kill()


class Ledger:
    """Produces one record after the other without repeating any, and keeps what was acknowledged where."""

    def __init__(self, bootstrap: str) -> None:
        self.acknowledged: dict[int, bytes] = {}
        self._number = 0
        self._bootstrap = bootstrap

    def produce(self, count: int) -> list[KafkaError]:
        """Produces that many; returns the errors, in order."""
        errors: list[KafkaError] = []

        def delivered(error: KafkaError | None, message) -> None:
            if error:
                errors.append(error)
            else:
                self.acknowledged[message.offset()] = message.value()

        producer = Producer({
            "bootstrap.servers": self._bootstrap, "acks": "all", "retries": 0, "linger.ms": 0,
            "message.timeout.ms": 20_000, "batch.num.messages": 1, "log_level": 0})
        for _ in range(count):
            self._number += 1
            producer.produce(TOPIC, value=b"%d:" % self._number + BODY, partition=0, on_delivery=delivered)
            producer.poll(0)
        assert producer.flush(60) == 0
        return errors

    def produce_until_refused(self) -> KafkaError:
        """Returns the first error."""
        for _ in range(200):
            if errors := self.produce(20):
                return errors[0]
        raise AssertionError("the disk is never full")

    def check(self) -> None:
        """Everything that was acknowledged is there, at its offset."""
        reader = Consumer({
            "bootstrap.servers": self._bootstrap, "group.id": "auditor", "enable.auto.commit": False,
            "check.crcs": True, "auto.offset.reset": "error"})
        found: dict[int, bytes] = {}

        def all_read() -> bool:
            for message in reader.consume(1000, timeout=0.5):
                if message.error():
                    raise KafkaException(message.error())
                found[message.offset()] = message.value()
            return found.keys() >= self.acknowledged.keys()

        try:
            reader.assign([TopicPartition(TOPIC, 0, 0)])
            eventually(all_read, within=60, because="every acknowledged record is read")
        finally:
            reader.close()
        assert {offset: found[offset] for offset in self.acknowledged} == self.acknowledged


def test_a_full_disk_refuses_records_by_name_and_takes_them_again_when_there_is_room(
        broker: Broker, disk: SmallDisk) -> None:
    ledger = Ledger(broker.bootstrap)
    assert ledger.produce(50) == []
    disk.fill(keep=MEGABYTE)
    assert ledger.produce_until_refused().code() == KafkaError.KAFKA_STORAGE_ERROR
    broker.running
    ledger.check()

    kcat = subprocess.run(
        ["kcat", "-b", broker.bootstrap, "-P", "-t", TOPIC, "-p", "0", "-X", "retries=0",
         "-X", "message.timeout.ms=5000"],
        input=BODY, capture_output=True, timeout=60)
    assert b"Disk error" in kcat.stderr or b"timed out" in kcat.stderr, kcat.stderr

    disk.free()
    assert ledger.produce(50) == [], "without a restart"
    ledger.check()
    broker.restart()
    ledger.check()


def test_a_broker_killed_on_a_full_disk_starts_on_it_and_has_everything_when_there_is_room(
        broker: Broker, disk: SmallDisk) -> None:
    ledger = Ledger(broker.bootstrap)
    ledger.produce(300)
    disk.fill(keep=MEGABYTE // 2)
    assert ledger.produce_until_refused().code() == KafkaError.KAFKA_STORAGE_ERROR
    broker.kill()
    disk.fill()
    broker.start()
    broker.kill()
    disk.free()
    broker.start()
    ledger.check()
    assert ledger.produce(20) == []
    ledger.check()


def test_a_second_broker_on_the_same_folder_is_told_so(broker: Broker, disk: SmallDisk, tmp_path: Path) -> None:
    other = Broker(
        tmp_path / "other", command=disk.enter, settings={"log.dirs": str(disk.folder / "log")}).launch()
    assert other.process is not None
    assert other.process.wait(20) != 0
    assert "is in use by another broker" in other.process.output()
    Ledger(broker.bootstrap).check()


def test_a_folder_that_is_read_only_is_told_at_the_start(broker: Broker, disk: SmallDisk) -> None:
    broker.stop()
    subprocess.run([*disk.enter, "mount", "-o", "remount,ro", str(disk.folder)], check=True)
    broker.launch()
    assert broker.process is not None
    assert broker.process.wait(20) != 0
    assert "log.dirs" in broker.log.read_text() and "Read-only file system" in broker.log.read_text()
