"""Prints the measured figures as a table beside the reference, with the ratio that matters (more than 1: better)."""

from typing import Any, Callable, Mapping


def _millions(value: float) -> str:
    return f"{value / 1e6:.2f} M"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2f}"


def _milliseconds(value: float) -> str:
    return f"{value * 1e3:,.2f} ms" if value < 1 else f"{value:.2f} s"


def _megabytes(value: float) -> str:
    return f"{value / 1e6:.0f} MB"


# Path in the results, words, how to print it, whether more is better, and the aim if there is one.
ROWS: list[tuple[str, str, Callable[[float], str], bool, str]] = [
    ("small.produce.records_per_second", "100 B in: records/s", _millions, True, "2.34 M"),
    ("small.produce.megabytes_per_second", "100 B in: MB/s", _number, True, ""),
    ("small.page_cache_seconds_per_gigabyte", "the page cache alone, CPU s/GB", _number, False, ""),
    ("small.produce.broker_cpu_seconds_per_gigabyte", "100 B in: broker CPU s/GB", _number, False, "3.0"),
    ("small.produce.kcat_cpu_seconds_per_gigabyte", "100 B in: kcat CPU s/GB", _number, False, ""),
    ("small.produce_own.records_per_second", "100 B in, KafkaClient: records/s", _millions, True, "2.34 M"),
    ("large.produce.records_per_second", "1 KiB in: records/s", _millions, True, ""),
    ("large.produce.megabytes_per_second", "1 KiB in: MB/s", _number, True, "234"),
    ("large.page_cache_seconds_per_gigabyte", "the page cache alone, CPU s/GB", _number, False, ""),
    ("large.produce.broker_cpu_seconds_per_gigabyte", "1 KiB in: broker CPU s/GB", _number, False, "3.0"),
    ("large.produce.kcat_cpu_seconds_per_gigabyte", "1 KiB in: kcat CPU s/GB", _number, False, ""),
    ("large.produce_own.megabytes_per_second", "1 KiB in, KafkaClient: MB/s", _number, True, "234"),
    ("small.consume.records_per_second", "100 B out: records/s", _millions, True, ""),
    ("small.consume.megabytes_per_second", "100 B out: MB/s", _number, True, ""),
    ("small.consume.broker_cpu_seconds_per_gigabyte", "100 B out: broker CPU s/GB", _number, False, "0.3"),
    ("small.consume.kcat_cpu_seconds_per_gigabyte", "100 B out: kcat CPU s/GB", _number, False, ""),
    ("large.consume.records_per_second", "1 KiB out: records/s", _millions, True, ""),
    ("large.consume.megabytes_per_second", "1 KiB out: MB/s", _number, True, ""),
    ("large.consume.broker_cpu_seconds_per_gigabyte", "1 KiB out: broker CPU s/GB", _number, False, "0.3"),
    ("large.consume.kcat_cpu_seconds_per_gigabyte", "1 KiB out: kcat CPU s/GB", _number, False, ""),
    ("latency.p50_seconds", "end to end at 1,000/s: p50", _milliseconds, False, ""),
    ("latency.p99_seconds", "end to end at 1,000/s: p99", _milliseconds, False, "1.5 ms"),
    ("latency.p999_seconds", "end to end at 1,000/s: p99.9", _milliseconds, False, ""),
    ("start.idle_resident_bytes", "memory, idle", _megabytes, False, ""),
    ("small.resident_bytes", "memory after 100 B", _megabytes, False, "60 MB"),
    ("large.resident_bytes", "memory after 1 KiB", _megabytes, False, "60 MB"),
    ("start.first_seconds", "exec to first answer, new folder", _milliseconds, False, "50 ms"),
    ("start.median_seconds", "exec to first answer, median", _milliseconds, False, "50 ms"),
]


def _look_up(results: Mapping[str, Any], path: str) -> float | None:
    value: Any = results
    for part in path.split("."):
        if part not in value:
            return None
        value = value[part]
    return value


def print_report(results: Mapping[str, Any], reference: Mapping[str, float]) -> None:
    """One line per figure that was measured."""
    kept = "flush.messages=1" if results["durable"] else "page cache"
    if results["warm"]:
        kept += ", warm memory"
    print(
        f"\nSignalbox broker on {results['machine']}; one node, one partition, acks=1, {kept};"
        f" scale {results['scale']:g}, median of {results['rounds']}")
    print(f"{'':34} {'Signalbox':>12} {'Kafka 3.9':>12} {'ratio':>7} {'aim':>8}")
    for path, words, show, more_is_better, aim in ROWS:
        ours = _look_up(results, path)
        if ours is None:
            continue
        theirs = reference.get(path)
        ratio = ""
        if theirs and ours:
            ratio = f"{(ours / theirs if more_is_better else theirs / ours):.1f} x"
        print(f"{words:34} {show(ours):>12} {show(theirs) if theirs else '-':>12} {ratio:>7} {aim:>8}")
