"""Measures KafkaClient beside kcat: same broker, same records, by turns, several rounds; prints medians and ratios.

    make bench-client                        a few minutes
    make bench-client ARGS="--scale 0.2"     a quick look
    make bench-client ARGS="--rounds 9 --only small"

Every process is separate and everything goes over loopback: client and broker share the cores, so that the rate of
either client depends on what the broker takes. The client's own processor time per record, user and system, is
beside it. kcat runs with the same linger and batch size, and without idempotence, which it leaves off by default;
KafkaClient runs with it.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "Tests" / "Support" / "Python"))
sys.path.insert(0, str(ROOT / "Tools" / "Bench"))

from bench import KCAT, SIZES, properties, write_input  # noqa: E402
from confluent_kafka.admin import AdminClient, NewTopic  # noqa: E402
from signalbox_harness.broker import Broker  # noqa: E402
from signalbox_harness.paths import binary  # noqa: E402

LINGER, BATCH = 5, 1_000_000
KCAT_PRODUCER = {
    "acks": "all", "linger.ms": str(LINGER), "batch.size": str(BATCH), "batch.num.messages": "100000",
    "queue.buffering.max.messages": "2000000", "queue.buffering.max.kbytes": "1048576",
}
KCAT_CONSUMER = {"fetch.message.max.bytes": "10485760", "queued.min.messages": "1000000"}


def produce_commands(bootstrap: str, topic: str) -> dict[str, list[Any]]:
    return {
        "kcat": [KCAT, "-b", bootstrap, "-t", topic, "-p", "0", "-P", *properties(KCAT_PRODUCER)],
        "KafkaClient": [
            binary("client-bench"), "produce", f"bootstrap={bootstrap}", f"topic={topic}", f"linger={LINGER}",
            f"batch={BATCH}"],
        "KafkaClient, a call per record": [
            binary("client-bench"), "produce", f"bootstrap={bootstrap}", f"topic={topic}", f"linger={LINGER}",
            f"batch={BATCH}", "interface=record"],
    }


def consume_commands(bootstrap: str, topic: str, count: int) -> dict[str, list[Any]]:
    return {
        "kcat": [
            KCAT, "-b", bootstrap, "-t", topic, "-p", "0", "-C", "-o", "beginning", "-c", str(count), "-q", "-f", "",
            *properties(KCAT_CONSUMER)],
        "KafkaClient": [
            binary("client-bench"), "consume", f"bootstrap={bootstrap}", f"topic={topic}", f"records={count}"],
    }


class Meter:
    """Runs processes and knows what each took."""

    def __init__(self, broker: Broker, size: int, count: int) -> None:
        self.broker, self.size, self.count = broker, size, count

    def run(self, command: list[Any], source: Path | None) -> dict[str, float]:
        broker_before = self.broker.running.cpu_seconds()
        started = time.monotonic()
        with (source or Path(os.devnull)).open("rb") as stdin, open(os.devnull, "wb") as nowhere:
            child = subprocess.Popen([str(part) for part in command], stdin=stdin, stdout=nowhere)
            _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            raise SystemExit(f"{command[0]} ended with {child.returncode}")
        return {
            "records_per_second": self.count / seconds,
            "megabytes_per_second": self.count * self.size / seconds / 1e6,
            "user_ns_per_record": usage.ru_utime / self.count * 1e9,
            "system_ns_per_record": usage.ru_stime / self.count * 1e9,
            "cpu_ns_per_record": (usage.ru_utime + usage.ru_stime) / self.count * 1e9,
            "broker_cpu_ns_per_record": (self.broker.running.cpu_seconds() - broker_before) / self.count * 1e9,
        }


def measure(broker: Broker, name: str, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Rounds of produce and consume by each client, in another order each time."""
    size, count = SIZES[name]
    count = max(1000, int(count * options.scale))
    source = folder / f"{name}.txt"
    write_input(source, size, count)
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    meter = Meter(broker, size, count)
    samples: dict[str, dict[str, list[dict[str, float]]]] = {"produce": {}, "consume": {}}
    for number in range(options.rounds + 1):
        print(f"measuring: {name}, round {number} of {options.rounds}", file=sys.stderr, flush=True)
        topics = {}
        for who in turn(list(produce_commands("", "")), number):
            topic = topics[who] = f"{name}-{number}-{len(topics)}"
            for future in admin.create_topics([NewTopic(topic, 1, 1)]).values():
                future.result()
            result = meter.run(produce_commands(broker.bootstrap, topic)[who], source)
            samples["produce"].setdefault(who, []).append(result)
        for who in turn(list(consume_commands("", "", 0)), number):
            # One and the same topic for all, made by kcat.
            result = meter.run(consume_commands(broker.bootstrap, topics["kcat"], count)[who], None)
            samples["consume"].setdefault(who, []).append(result)
        for future in admin.delete_topics(list(topics.values())).values():
            future.result()
    source.unlink()
    # The first round warms up what is cold: programs, page cache, the broker's memory.
    return {
        "record_bytes": size, "records": count,
        **{phase: {who: summary(runs[1:]) for who, runs in by.items()} for phase, by in samples.items()},
    }


def turn(names: list[str], by: int) -> list[str]:
    """Another one first each time: whoever runs after a writer finds the disk busy."""
    return names[by % len(names):] + names[: by % len(names)]


def summary(runs: list[dict[str, float]]) -> dict[str, Any]:
    medians = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    rates = [run["records_per_second"] for run in runs]
    return {**medians, "slowest_records_per_second": min(rates), "fastest_records_per_second": max(rates)}


def print_table(results: dict[str, Any]) -> None:
    print("\n| | records/s (range) | MB/s | CPU ns/record (user + system) | broker's | rate / kcat | CPU / kcat |")
    print("|---|---|---|---|---|---|---|")
    for name in [name for name in SIZES if name in results]:
        for phase in ("produce", "consume"):
            kcat = results[name][phase]["kcat"]
            for who, run in results[name][phase].items():
                print(
                    f"| {results[name]['record_bytes']} B {phase}, {who} "
                    f"| {run['records_per_second'] / 1e6:.2f} M ({run['slowest_records_per_second'] / 1e6:.2f} to "
                    f"{run['fastest_records_per_second'] / 1e6:.2f}) | {run['megabytes_per_second']:.0f} "
                    f"| {run['cpu_ns_per_record']:.0f} ({run['user_ns_per_record']:.0f} + "
                    f"{run['system_ns_per_record']:.0f}) | {run['broker_cpu_ns_per_record']:.0f} "
                    f"| {run['records_per_second'] / kcat['records_per_second']:.2f} "
                    f"| {run['cpu_ns_per_record'] / kcat['cpu_ns_per_record']:.2f} |")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--scale", type=float, default=0.6, help="multiplies the number of records")
    arguments.add_argument("--rounds", type=int, default=5, help="measured rounds, after one that is not")
    arguments.add_argument("--only", default=",".join(SIZES), help="which sizes of record")
    arguments.add_argument("--port", type=int, help="where the broker listens; any free one")
    arguments.add_argument("--folder", type=Path, default=ROOT / ".build", help="where the log is written: a real disk")
    arguments.add_argument("--output", type=Path, default=ROOT / ".build" / "bench-client.json")
    options = arguments.parse_args()

    options.folder.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-client-", dir=options.folder))
    results: dict[str, Any] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}",
        "rounds": options.rounds, "scale": options.scale}
    try:
        broker = Broker(folder / "broker", port=options.port).start()
        try:
            for name in options.only.split(","):
                results[name] = measure(broker, name, options, folder)
        finally:
            broker.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    options.output.write_text(json.dumps(results, indent=2) + "\n")
    print_table(results)
    print(f"\nAlso in {options.output}")


if __name__ == "__main__":
    main()
