"""Measures the broker from outside, with kcat and confluent-kafka, and prints it beside Apache Kafka 3.9.

    make bench                       the whole measurement, a few minutes
    make bench ARGS="--scale 0.05"   a quick look
    make bench ARGS="--only small,start"
    make bench ARGS="--rounds 3"     the median of three
    make bench ARGS="--warm"         on memory that the machine has used before
    make bench ARGS="--durable"      every append on the disk before it is acknowledged (flush.messages=1)

Every process is separate and everything goes over loopback, on one machine: kcat shares the cores with the broker,
and its own CPU time is printed because it is often the limit; KafkaClient beside it shows what the broker takes in
from a client that needs less. The log is on the disk that holds --folder.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Tests" / "Support" / "Python"))

from apache_kafka import FIGURES  # noqa: E402
from latency import measure_latency  # noqa: E402
from report import print_report  # noqa: E402
from signalbox_harness import wire  # noqa: E402
from signalbox_harness.broker import Broker  # noqa: E402
from signalbox_harness.paths import ROOT, binary  # noqa: E402

KCAT = shutil.which("kcat") or "kcat"
BLOCK = os.urandom(1 << 20)
SIZES = {"small": (100, 5_000_000), "large": (1024, 1_000_000)}
PRODUCER = {
    "acks": "1", "linger.ms": "5", "batch.size": "1000000", "batch.num.messages": "100000",
    "queue.buffering.max.messages": "2000000", "queue.buffering.max.kbytes": "1048576",
}
CONSUMER = {"fetch.message.max.bytes": "10485760", "queued.min.messages": "1000000", "check.crcs": "false"}


def properties(values: dict[str, str]) -> list[str]:
    return [part for key, value in values.items() for part in ("-X", f"{key}={value}")]


def timed(command: list[str], *, source: Path | None = None) -> tuple[float, float]:
    """Runs a command to its end; returns seconds on the clock and CPU seconds of the command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    with (source or Path(os.devnull)).open("rb") as stdin, open(os.devnull, "wb") as nowhere:
        subprocess.run(command, stdin=stdin, stdout=nowhere, check=True)
    seconds = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def write_input(path: Path, size: int, count: int) -> None:
    """Lines of exactly `size` bytes without their end, all different, as text that compresses like text."""
    with path.open("wb", buffering=1 << 20) as lines:
        filler = (b"the train from platform %d is late at the next station; " * 40) % tuple(range(40))
        for number in range(count):
            head = b"%012d " % number
            lines.write(head + filler[: size - len(head)] + b"\n")


def write_file(path: Path, megabytes: int) -> None:
    with path.open("wb", buffering=0) as file:
        for _ in range(megabytes):
            file.write(BLOCK)


def page_cache_seconds_per_gigabyte(file: Path) -> float:
    """What one copy into the page cache costs here and now: nobody can take records in for less.

    The file stays until it is unlinked, so that what is measured next gets pages that are no warmer.
    """
    before = resource.getrusage(resource.RUSAGE_SELF)
    write_file(file, 500)
    after = resource.getrusage(resource.RUSAGE_SELF)
    spent = (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)
    return spent / (500 * (1 << 20) / 1e9)


def warm_up(folder: Path) -> None:
    """Uses the machine's memory once: the first touch of a page may cost a virtual machine ten times the later ones."""
    write_file(folder / "warm", 6_000)
    (folder / "warm").unlink()


def medians(rounds: list) -> dict:
    """Of dictionaries of the same shape, each figure's median."""
    first = rounds[0]
    if isinstance(first, dict):
        return {key: medians([result[key] for result in rounds]) for key in first}
    return statistics.median(rounds)


def measure_throughput(broker: Broker, name: str, scale: float, folder: Path, warm: bool) -> dict:
    """Produces and consumes one size of record through kcat, one partition, acks=1, no compression."""
    size, count = SIZES[name]
    count = max(1000, int(count * scale))
    source = folder / f"{name}.txt"
    write_input(source, size, count)
    gigabytes = size * count / 1e9
    topic = f"bench-{name}"
    for made in (topic, f"{topic}-own"):
        wire.ask(broker.port, wire.request(wire.METADATA, 1, (1).to_bytes(4, "big") + wire.string(made)))

    def phase(command: list[str], stdin: Path | None) -> dict:
        before = broker.running.cpu_seconds()
        seconds, client_cpu = timed(command, source=stdin)
        broker_cpu = broker.running.cpu_seconds() - before
        return {
            "records_per_second": count / seconds, "megabytes_per_second": gigabytes * 1000 / seconds,
            "broker_cpu_seconds_per_gigabyte": broker_cpu / gigabytes,
            "kcat_cpu_seconds_per_gigabyte": client_cpu / gigabytes, "seconds": seconds,
        }

    if warm:
        warm_up(folder)
    page_cache = page_cache_seconds_per_gigabyte(folder / "page-cache")
    target = [KCAT, "-b", broker.bootstrap, "-t", topic, "-p", "0"]
    produced = phase([*target, "-P", *properties(PRODUCER)], source)
    own = [
        binary("client-bench"), "produce", f"bootstrap={broker.bootstrap}", f"topic={topic}-own", "linger=5",
        "batch=1000000"]
    produced_by_own = phase([str(part) for part in own], source)
    source.unlink()
    (folder / "page-cache").unlink()
    consumed = phase(
        [*target, "-C", "-o", "beginning", "-c", str(count), "-q", "-f", "", *properties(CONSUMER)], None)
    return {
        "record_bytes": size, "records": count, "page_cache_seconds_per_gigabyte": page_cache,
        "produce": produced, "consume": consumed,
        "produce_own": {key: produced_by_own[key] for key in ("records_per_second", "megabytes_per_second")},
        "resident_bytes": broker.running.resident_bytes(),
        "peak_resident_bytes": broker.running.peak_resident_bytes(),
    }


def measure_start(folder: Path, times: int = 10) -> dict:
    """Time from exec to the first answer to a Metadata request: an empty folder, then one that is known."""
    seconds = []
    broker = Broker(folder / "start")
    for _ in range(times):
        began = time.monotonic()
        broker.launch()
        while True:
            try:
                if wire.answers_metadata(broker.port, timeout=5):
                    break
            except OSError:
                if not broker.process.is_running:
                    broker.running  # fails with the broker's last words
        seconds.append(time.monotonic() - began)
        resident = broker.running.resident_bytes()
        broker.stop()
    return {
        "first_seconds": seconds[0], "median_seconds": sorted(seconds)[len(seconds) // 2],
        "idle_resident_bytes": resident,
    }


def measure(parts: set[str], options: argparse.Namespace, folder: Path, settings: dict) -> dict:
    """One round of everything that was asked for, each part on a broker of its own."""
    results: dict = {}
    if "start" in parts:
        results["start"] = measure_start(folder)
        shutil.rmtree(folder / "start", ignore_errors=True)
    for name in [part for part in ("latency", *SIZES) if part in parts]:
        print(f"measuring: {name}", file=sys.stderr, flush=True)
        broker = Broker(folder / name, settings=settings).start()
        try:
            if name == "latency":
                results[name] = measure_latency(broker, options.seconds)
            else:
                results[name] = measure_throughput(broker, name, options.scale, folder, options.warm)
        finally:
            broker.stop()
            shutil.rmtree(folder / name, ignore_errors=True)
    return results


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--scale", type=float, default=1.0, help="multiplies the number of records")
    arguments.add_argument("--rounds", type=int, default=1, help="how often everything is measured; medians are shown")
    arguments.add_argument("--durable", action="store_true", help="flush.messages=1: on the disk before the answer")
    arguments.add_argument("--warm", action="store_true", help="use the memory once before throughput is measured")
    arguments.add_argument("--only", default="start,latency,small,large", help="which parts to measure")
    arguments.add_argument("--folder", type=Path, default=ROOT / ".build", help="where the log is written: a real disk")
    arguments.add_argument("--seconds", type=float, default=20, help="how long end-to-end latency is measured")
    arguments.add_argument("--output", type=Path, default=ROOT / ".build" / "bench.json")
    options = arguments.parse_args()
    parts = set(options.only.split(","))

    options.folder.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=options.folder))
    settings = {"log.flush.interval.messages": 1} if options.durable else {}
    try:
        rounds = [measure(parts, options, folder, settings) for _ in range(options.rounds)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)

    results = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}", "scale": options.scale,
        "durable": options.durable, "warm": options.warm, "rounds": options.rounds, **medians(rounds)}
    options.output.write_text(json.dumps(results, indent=2) + "\n")
    print_report(results, FIGURES)
    print(f"\nAlso in {options.output}")


if __name__ == "__main__":
    main()
