"""Measures compaction from outside: what it keeps, what it costs a producer, and how much memory it takes.

    make bench-compaction                                  10 million records over 100,000 keys
    make bench-compaction ARGS="--records 1000000"         a quick look
    make bench-compaction ARGS="--folder /mnt/disk"        where the log is written

The first half of the records is produced while the cleaner is off, the second half to the same topic while the cleaner
works through the first. Then everything is read back: below the cleaner's checkpoint every key has one record, and the
last record of every key in the whole log is the last one that was produced.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from bench import KCAT, PRODUCER, properties, timed
from signalbox_harness import http
from signalbox_harness.broker import Broker
from signalbox_harness.paths import ROOT

TOPIC = "compacted"
VALUE_BYTES = 88
KEY = b"key-%08d"
# Coprime to every number of keys that is not its multiple, so that neighbours in the log are no neighbours in the map.
STRIDE = 7919


def key_of(number: int, keys: int) -> int:
    return number * STRIDE % keys


def write_input(path: Path, start: int, count: int, keys: int) -> None:
    """Lines of `key|value`, 100 bytes together; every value begins with the record's number."""
    filler = (b"the train from platform 4 is late at the next station; " * 2)[: VALUE_BYTES - 13]
    with path.open("wb", buffering=1 << 20) as lines:
        for number in range(start, start + count):
            lines.write(KEY % key_of(number, keys) + b"|%012d " % number + filler + b"\n")


def create_topic(broker: Broker, records: int) -> None:
    """One partition whose log gets about 30 segments."""
    segment_bytes = min(64 << 20, max(1 << 20, records * (VALUE_BYTES + 30) // 30))
    topic = NewTopic(TOPIC, 1, 1, config={
        "cleanup.policy": "compact", "segment.bytes": str(segment_bytes), "min.cleanable.dirty.ratio": "0.1"})
    client = AdminClient({"bootstrap.servers": broker.bootstrap})
    client.create_topics([topic])[TOPIC].result(20)


def produce(broker: Broker, source: Path, count: int) -> dict:
    """Produces the file through kcat; how fast, and what it cost."""
    before = broker.running.cpu_seconds()
    seconds, client_cpu = timed(
        [KCAT, "-b", broker.bootstrap, "-t", TOPIC, "-p", "0", "-P", "-K", "|", *properties(PRODUCER)], source=source)
    return {
        "records_per_second": count / seconds, "seconds": seconds, "kcat_cpu_seconds": client_cpu,
        "broker_cpu_seconds": broker.running.cpu_seconds() - before,
    }


class Log:
    """The topic's files and the cleaner's checkpoint, seen from outside."""

    def __init__(self, broker: Broker) -> None:
        self._folder = broker.data / f"{TOPIC}-0"
        self._checkpoint = broker.data / "cleaner-offset-checkpoint"

    def bytes(self) -> int:
        """All segments; one that goes while it is looked at counts nothing."""
        total = 0
        for segment in self._folder.glob("*.log"):
            try:
                total += segment.stat().st_size
            except FileNotFoundError:
                continue
        return total

    def checkpoint(self) -> int:
        """Up to which offset the log is clean; 0 before the first cleaning."""
        if self._checkpoint.exists():
            for line in self._checkpoint.read_text().splitlines():
                name, _, rest = line.partition(" ")
                if name == TOPIC:
                    return int(rest.split()[1])
        return 0

    def active_base(self) -> int:
        return max(int(segment.stem) for segment in self._folder.glob("*.log"))


def wait_until_clean(log: Log, within: float) -> None:
    """Until every closed segment is clean, or nothing has changed for a while: the rest is too small a part."""
    deadline = time.monotonic() + within
    last, since = log.checkpoint(), time.monotonic()
    while log.checkpoint() < log.active_base() and time.monotonic() - since < 15:
        if time.monotonic() > deadline:
            raise SystemExit(f"not clean within {within:g} s: checkpoint {last}, active segment {log.active_base()}")
        time.sleep(0.1)
        if log.checkpoint() != last:
            last, since = log.checkpoint(), time.monotonic()


def read_back(broker: Broker, checkpoint: int) -> dict:
    """Every record that is left: each key's last number, and how many there are on either side of the checkpoint."""
    consumer = Consumer({
        "bootstrap.servers": broker.bootstrap, "group.id": "reader", "enable.partition.eof": True,
        "enable.auto.commit": False, "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition(TOPIC, 0, 0)])
    newest: dict[bytes, int] = {}
    clean = dirty = 0
    try:
        while True:
            for message in consumer.consume(10_000, 20):
                if error := message.error():
                    if error.code() == KafkaError._PARTITION_EOF:
                        return {"newest": newest, "clean_records": clean, "dirty_records": dirty}
                    raise SystemExit(f"reading back: {error}")
                if message.offset() < checkpoint:
                    clean += 1
                else:
                    dirty += 1
                newest[message.key()] = int(message.value()[:12])
    finally:
        consumer.close()


def judge(found: dict, records: int, keys: int) -> dict:
    """Compares with what was produced; the records of clean offsets must be one for each key at most."""
    expected: dict[bytes, int] = {}
    for number in range(max(0, records - keys), records):
        expected[KEY % key_of(number, keys)] = number
    wrong = sum(1 for key, number in expected.items() if found["newest"].get(key) != number)
    return {
        "keys": len(expected), "wrong_keys": wrong + len(found["newest"].keys() - expected.keys()),
        "clean_records": found["clean_records"], "dirty_records": found["dirty_records"],
    }


def cleaner_metrics(broker: Broker) -> dict:
    """What the broker's metrics say of the cleaner; empty where it has no admin port."""
    try:
        return {
            sample.name: sample.value for sample in http.metrics(broker.admin_port)
            if sample.name.startswith("kafka_log_cleaner")}
    except OSError:
        return {}


def measure(folder: Path, options: argparse.Namespace) -> dict:
    broker = Broker(folder / "broker", settings={
        "log.cleaner.enable": False, "log.cleaner.backoff.ms": 500,
        "log.cleaner.dedupe.buffer.size": options.map_bytes})
    source = folder / "input.txt"
    half = options.records // 2
    print("measuring: without the cleaner", file=sys.stderr, flush=True)
    write_input(source, 0, half, options.keys)
    broker.start()
    create_topic(broker, options.records)
    without = produce(broker, source, half)
    write_input(source, half, options.records - half, options.keys)
    broker.stop()

    print("measuring: while the log is cleaned", file=sys.stderr, flush=True)
    text = broker.configuration.read_text()
    broker.configuration.write_text(text.replace('"log.cleaner.enable" = false', '"log.cleaner.enable" = true'))
    log = Log(broker)
    before = log.bytes()
    began = time.monotonic()
    broker.start()
    during = produce(broker, source, options.records - half)
    source.unlink()
    is_cleaning = log.checkpoint() < log.active_base()
    wait_until_clean(log, within=600)
    seconds = time.monotonic() - began
    try:
        checkpoint = log.checkpoint()
        verdict = judge(read_back(broker, checkpoint), options.records, options.keys)
        return {
            "records": options.records, "without": without, "during": during, "until_clean_seconds": seconds,
            "cleaned_throughout": is_cleaning, "bytes_before": before, "bytes_after": log.bytes(),
            "map_limit_bytes": options.map_bytes, "metrics": cleaner_metrics(broker), **verdict,
            "resident_bytes": broker.running.resident_bytes(),
            "peak_resident_bytes": broker.running.peak_resident_bytes(),
        }
    finally:
        broker.stop()


def print_report(result: dict) -> bool:
    """The table; whether what must hold does."""
    share = result["during"]["records_per_second"] / result["without"]["records_per_second"]
    used = max((value for name, value in result["metrics"].items() if name.endswith("buffer_bytes")), default=None)
    one_each = result["clean_records"] <= result["keys"]
    rows = [
        ("records produced, keys", f"{result['records']:,}, {result['keys']:,}", None),
        ("produce rate, cleaner off", f"{result['without']['records_per_second']:,.0f} records/s", None),
        ("produce rate while cleaning", f"{result['during']['records_per_second']:,.0f} records/s", None),
        ("share of the rate", f"{share:.2f}", share >= 0.5),
        ("still cleaning at the producer's end", "yes" if result["cleaned_throughout"] else "no", None),
        ("until every closed segment was clean", f"{result['until_clean_seconds']:.1f} s", None),
        ("log before and after",
            f"{result['bytes_before'] / 1e6:,.0f} and {result['bytes_after'] / 1e6:,.0f} MB", None),
        ("key map", "not told" if used is None else
            f"{used / 1e6:.1f} of {result['map_limit_bytes'] / 1e6:.1f} MB",
            None if used is None else used <= result["map_limit_bytes"]),
        ("broker's memory, largest", f"{result['peak_resident_bytes'] / 1e6:,.0f} MB", None),
        ("records below the checkpoint", f"{result['clean_records']:,}", one_each),
        ("records of the dirty tail", f"{result['dirty_records']:,}", None),
        ("keys without their last value", f"{result['wrong_keys']:,}", result["wrong_keys"] == 0),
    ]
    for name, value, holds in rows:
        print(f"{name:<38}{value:>30}  {'' if holds is None else 'holds' if holds else 'DOES NOT HOLD'}")
    return all(holds is not False for _, _, holds in rows)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--records", type=int, default=10_000_000)
    arguments.add_argument("--keys", type=int, default=100_000)
    arguments.add_argument("--map-bytes", type=int, default=16 << 20, help="log.cleaner.dedupe.buffer.size")
    arguments.add_argument("--folder", type=Path, default=ROOT / ".build", help="where the log is written: a real disk")
    arguments.add_argument("--output", type=Path, default=ROOT / ".build" / "bench-compaction.json")
    options = arguments.parse_args()

    options.folder.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-compaction-", dir=options.folder))
    try:
        result = measure(folder, options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    options.output.write_text(json.dumps(result, indent=2) + "\n")
    holds = print_report(result)
    print(f"\nAlso in {options.output}")
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    main()
