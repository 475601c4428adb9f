"""What partitions and long logs cost: starting, doing nothing, memory, and broker CPU per record.

    make bench-scaling                              everything, some minutes and 6 GB of disk
    make bench-scaling ARGS="--only partitions"     2,000 partitions: start, idle CPU, memory
    make bench-scaling ARGS="--only many"           10,000 partitions: create, produce, consume, restart
    make bench-scaling ARGS="--only length,spread"  CPU per record against log length and number of partitions

The broker is a process of its own; its CPU time and memory are read from /proc. A start lasts from exec to the first
answer to a Metadata request, which is after every partition was opened.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Tests" / "Support" / "Python"))

from bench import CONSUMER, KCAT, PRODUCER, properties, write_input  # noqa: E402
from confluent_kafka import Consumer, Producer, TopicPartition  # noqa: E402
from confluent_kafka.admin import AdminClient, NewTopic  # noqa: E402
from signalbox_harness import wire  # noqa: E402
from signalbox_harness.broker import Broker  # noqa: E402
from signalbox_harness.paths import ROOT  # noqa: E402

RECORD = b"the train from platform 7 is late at the next station; " * 2
BATCH = 100
LENGTHS_GB = (0, 1, 4)
SPREADS = (1, 100, 2000)


def create(broker: Broker, topic: str, partitions: int) -> float:
    """Makes a topic and returns the seconds that took."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    began = time.monotonic()
    for future in admin.create_topics([NewTopic(topic, partitions, 1)], operation_timeout=120).values():
        future.result(120)
    return time.monotonic() - began


def produce(broker: Broker, topic: str, partitions: int, count: int) -> None:
    """Full batches of 100 records, each for the next partition, so that only the number of partitions differs."""
    errors = []
    producer = Producer({
        "bootstrap.servers": broker.bootstrap, "acks": "1", "linger.ms": 1000, "batch.num.messages": BATCH,
        "queue.buffering.max.messages": 200_000})

    def delivered(error, message):
        if error is not None:
            errors.append(error)

    value = RECORD[:100]
    for number in range(count):
        while True:
            try:
                producer.produce(topic, value, partition=number // BATCH % partitions, on_delivery=delivered)
                break
            except BufferError:
                producer.poll(0.05)
    producer.flush(120)
    assert not errors, errors[0]


def consume(broker: Broker, topic: str, partitions: int, count: int, start: int = 0) -> None:
    """Reads that many records from the partitions."""
    consumer = Consumer({
        "bootstrap.servers": broker.bootstrap, "group.id": "scaling", "enable.auto.commit": False,
        "fetch.message.max.bytes": 10485760 // min(partitions, 100), "queued.min.messages": 1_000_000})
    consumer.assign([TopicPartition(topic, partition, start) for partition in range(partitions)])
    seen, deadline = 0, time.monotonic() + 120
    while seen < count:
        for message in consumer.consume(10_000, timeout=1):
            assert message.error() is None, message.error()
            seen += 1
        assert time.monotonic() < deadline, f"{seen} of {count} records of {topic} within two minutes"
    consumer.close()


def start_seconds(broker: Broker) -> float:
    began = time.monotonic()
    broker.launch()
    while True:
        try:
            if wire.answers_metadata(broker.port, timeout=120):
                return time.monotonic() - began
        except OSError:
            broker.running  # fails with the broker's last words if it is gone
            time.sleep(0.001)


def measure_partitions(folder: Path, count: int) -> dict:
    """Starts, idleness and memory of a broker with so many partitions, a batch of records in each."""
    broker = Broker(folder / "partitions").start()
    time.sleep(1)
    empty = broker.running.resident_bytes()
    result = {"partitions": count, "create_seconds": create(broker, "wide", count)}
    produce(broker, "wide", count, BATCH * count)
    result["bytes_per_partition_after_producing"] = (broker.running.resident_bytes() - empty) / count
    broker.stop()
    result["clean_start_seconds"] = start_seconds(broker)
    time.sleep(2)
    result["bytes_per_partition_after_start"] = (broker.running.resident_bytes() - empty) / count
    before = broker.running.cpu_seconds()
    time.sleep(10)
    result["idle_cpu_share"] = (broker.running.cpu_seconds() - before) / 10
    produce(broker, "wide", count, BATCH * count)
    broker.kill()
    result["killed_start_seconds"] = start_seconds(broker)
    consume(broker, "wide", count, 2 * BATCH * count)
    broker.stop()
    return result


def measure_many(folder: Path, count: int) -> dict:
    """Whether so many partitions work at all, and how long each thing takes."""
    broker = Broker(folder / "many").start()
    result = {"partitions": count, "create_seconds": create(broker, "wide", count)}
    records = BATCH * count
    for name, action in (
        ("produce_seconds", lambda: produce(broker, "wide", count, records)),
        ("consume_seconds", lambda: consume(broker, "wide", count, records)),
        ("stop_seconds", lambda: broker.running.stop(within=120)),
        ("clean_start_seconds", lambda: start_seconds(broker)),
        ("consume_again_seconds", lambda: consume(broker, "wide", count, records)),
    ):
        began = time.monotonic()
        action()
        result[name] = time.monotonic() - began
    result["resident_bytes"] = broker.running.resident_bytes()
    before = broker.running.cpu_seconds()
    time.sleep(10)
    result["idle_cpu_share"] = (broker.running.cpu_seconds() - before) / 10
    broker.kill()
    result["killed_start_seconds"] = start_seconds(broker)
    broker.stop()
    return result


def cost(broker: Broker, topic: str, partitions: int, count: int, start: int) -> dict:
    """Broker CPU per record in and out again."""
    begun = broker.running.cpu_seconds()
    produce(broker, topic, partitions, count)
    produced = broker.running.cpu_seconds()
    consume(broker, topic, partitions, count, start)
    consumed = broker.running.cpu_seconds()
    return {"in_ns": (produced - begun) / count * 1e9, "out_ns": (consumed - produced) / count * 1e9}


def log_end(broker: Broker, topic: str) -> int:
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "scaling"})
    end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=30)[1]
    consumer.close()
    return end


def measure_length(folder: Path, count: int) -> dict:
    """CPU per record of one partition as its log grows."""
    broker = Broker(folder / "length").start()
    source = folder / "fill.txt"
    write_input(source, 1024, 250_000)
    create(broker, "long", 1)
    produce(broker, "long", 1, count // 10)
    rows, filled = {}, 0.0
    for gigabytes in LENGTHS_GB:
        while filled < gigabytes:
            with source.open("rb") as lines:
                subprocess.run(
                    [KCAT, "-b", broker.bootstrap, "-t", "long", "-p", "0", "-P", *properties(PRODUCER)], stdin=lines,
                    check=True)
            filled += 250_000 * 1024 / 1e9
        rows[str(gigabytes)] = cost(broker, "long", 1, count, log_end(broker, "long"))
    broker.stop()
    shutil.rmtree(folder / "length")
    return rows


def measure_spread(folder: Path, count: int) -> dict:
    """CPU per record over so many partitions, in batches of the same size."""
    rows = {}
    for partitions in SPREADS:
        broker = Broker(folder / f"spread-{partitions}").start()
        create(broker, "spread", partitions)
        rows[str(partitions)] = cost(broker, "spread", partitions, count, 0)
        broker.stop()
        shutil.rmtree(folder / f"spread-{partitions}")
    return rows


def show(results: dict) -> None:
    for name in ("partitions", "many"):
        for key, value in results.get(name, {}).items():
            if key.endswith("_seconds"):
                text = f"{value * 1000:,.0f} ms"
            elif "bytes" in key:
                text = f"{value / 1e6:,.1f} MB" if value >= 1e6 else f"{value / 1e3:,.1f} kB"
            else:
                text = f"{value * 100:.2f} % of a core" if key.endswith("share") else f"{value:,}"
            print(f"{name:12} {key.removesuffix('_seconds').replace('_', ' '):40} {text:>20}")
    for name, unit in (("length", "GB in the log"), ("spread", "partitions")):
        for key, row in results.get(name, {}).items():
            print(f"{key:>6} {unit:20} {row['in_ns']:8.0f} ns/record in {row['out_ns']:8.0f} ns/record out")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--only", default="partitions,many,length,spread", help="which parts to measure")
    arguments.add_argument("--records", type=int, default=1_000_000, help="for each figure of CPU per record")
    arguments.add_argument("--folder", type=Path, default=ROOT / ".build", help="where the log is written: a real disk")
    arguments.add_argument("--output", type=Path, default=ROOT / ".build" / "scaling.json")
    options = arguments.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="scaling-", dir=options.folder))
    parts = {
        "partitions": lambda: measure_partitions(folder, 2000), "many": lambda: measure_many(folder, 10_000),
        "length": lambda: measure_length(folder, options.records),
        "spread": lambda: measure_spread(folder, options.records)}
    results = {}
    try:
        for name in options.only.split(","):
            print(f"measuring: {name}", file=sys.stderr, flush=True)
            results[name] = parts[name]()
            show({name: results[name]})
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
