"""Consume, transform, produce while broker and worker are killed in turn: every record comes out exactly once."""

import os
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Callable, Iterator

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from signalbox_harness.broker import Broker
from signalbox_harness.paths import ROOT, binary
from signalbox_harness.process import Process
from signalbox_harness.waiting import eventually

RECORDS = 100_000
KILLS = 10
# What each kill leaves to do: it comes while there is work.
LEFT_TO_DO = 3000
PARTITIONS = 4
INPUT, OUTPUT, GROUP = "raw", "done", "workers"

# Decides when in a transaction the kills come; another seed, other moments.
SEED = int(os.environ.get("EXACTLY_ONCE_SEED", "11"))

STATIC = ["--instance-id", "worker-1"]

# How each worker is started. All take the same options; WorkerOptions.swift has their list. A static member comes back
# to its partitions at once; a dynamic one gets them when the session of the killed one is over.
WORKERS: dict[str, Callable[[], list[str | Path]]] = {
    "confluent-kafka": lambda: [sys.executable, ROOT / "Tests" / "EndToEnd" / "workers" / "exactly_once.py", *STATIC],
    "KafkaClient": lambda: [binary("ExactlyOnceWorker"), *STATIC],
    "KafkaClient-KIP-848": lambda: [binary("ExactlyOnceWorker"), "--protocol", "consumer"],
}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    ours = Broker(tmp_path, settings={
        "num.partitions": PARTITIONS, "group.initial.rebalance.delay.ms": 100, "log.segment.bytes": 4_000_000,
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
        "group.consumer.session.timeout.ms": 6000, "group.consumer.heartbeat.interval.ms": 1000})
    try:
        yield ours.start()
    finally:
        ours.kill()


class Worker:
    """The worker as a process, killed and started as often as a test likes."""

    def __init__(self, command: list[str | Path], broker: Broker, log: Path) -> None:
        self._command = [
            *command, "--bootstrap", broker.bootstrap, "--input", INPUT, "--output", OUTPUT, "--group", GROUP,
            "--transactional-id", "worker-1", "--records-per-transaction", "200", "--abort-every", "17"]
        self._log = log
        self._starts = 0
        self.process: Process | None = None

    def start(self) -> None:
        self._starts += 1
        self.process = Process(self._command, name=f"worker (start {self._starts})", log=self._log)

    def kill(self) -> None:
        if self.process:
            self.process.kill()


class Outcome:
    """Reads the output as a consumer of committed records, without a group."""

    def __init__(self, bootstrap: str) -> None:
        self.values: Counter[bytes] = Counter()
        self.order: dict[int, list[int]] = {}
        self._reader = Consumer({
            "bootstrap.servers": bootstrap, "group.id": "auditor", "enable.auto.commit": False,
            "isolation.level": "read_committed", "auto.offset.reset": "earliest", "enable.partition.eof": False,
            "log_level": 0, "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 200})
        self._reader.assign([TopicPartition(OUTPUT, number, 0) for number in range(PARTITIONS)])

    def read(self, most: int = 10_000) -> int:
        """Takes in at most so many further records, and returns how many there are now."""
        for message in self._reader.consume(min(most, 10_000), timeout=0.2):
            if message.error():
                if message.error().retriable() or message.error().code() < 0:
                    continue
                raise KafkaException(message.error())
            self.values[message.value()] += 1
        return self.values.total()

    def close(self) -> None:
        self._reader.close()


def fill(bootstrap: str, numbers: range) -> None:
    producer = Producer({
        "bootstrap.servers": bootstrap, "linger.ms": 20, "enable.idempotence": True, "log_level": 0})
    for number in numbers:
        while True:
            try:
                producer.produce(INPUT, key=b"%d" % (number % 1000), value=b"%d" % number)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    assert producer.flush(120) == 0


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("worker_name", WORKERS)
def test_every_record_comes_out_once_over_ten_kills(broker: Broker, worker_name: str, tmp_path: Path):
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    for made in admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in (INPUT, OUTPUT)]).values():
        made.result(20)
    chance = random.Random(SEED)
    worker = Worker(WORKERS[worker_name](), broker, tmp_path / "worker.log")
    worker.start()
    outcome = Outcome(broker.bootstrap)
    killed = Counter()
    filled = 0
    begin = time.monotonic()
    try:
        for kill in range(KILLS):
            # Each time some way further on, and at no particular moment of a transaction.
            goal = outcome.values.total() + RECORDS // (KILLS + 4) + chance.randrange(2000)
            fill(broker.bootstrap, range(filled, goal + LEFT_TO_DO))
            filled = goal + LEFT_TO_DO
            # Stops at the goal: a reader that took more in would come to the kill when all is done.
            eventually(
                lambda: outcome.read(most=goal - outcome.values.total()) >= goal, within=120, every=0,
                because=f"{goal} records are done")
            if kill % 2 == 0:
                broker.kill()
                killed["broker"] += 1
                broker.start()
            else:
                worker.kill()
                killed["worker"] += 1
                worker.start()
        # The last worker has to get on, too, before it is asked to stop.
        assert filled < RECORDS
        fill(broker.bootstrap, range(filled, RECORDS))
        eventually(lambda: outcome.read() >= RECORDS, within=180, because="all records are done")
        assert worker.process is not None
        worker.process.require_running()
        assert worker.process.stop() == 0
        # Whatever is still on its way would come now.
        assert outcome.read() == RECORDS
    finally:
        worker.kill()
        outcome.close()
    print(f"{worker_name}: {RECORDS} records through {dict(killed)} in {time.monotonic() - begin:.1f} s")
    assert killed == {"broker": KILLS // 2, "worker": KILLS // 2}
    assert outcome.values == Counter({b"done:%d" % number: 1 for number in range(RECORDS)})
