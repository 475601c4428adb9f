"""End-to-end latency: from just before `produce` to the record in a consumer's hands, at a steady rate."""

import struct
import subprocess
import sys
import time
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

RATE = 1000
TOPIC = "bench-latency"


def quantile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def measure_latency(broker, seconds: float) -> dict:
    """Starts a producer process and reads here. Both use the same machine's monotonic clock."""
    client = AdminClient({"bootstrap.servers": broker.bootstrap})
    client.create_topics([NewTopic(TOPIC, 1, 1)])[TOPIC].result(20)
    reader = Consumer({
        "bootstrap.servers": broker.bootstrap, "group.id": "latency", "fetch.wait.max.ms": 500,
        "fetch.min.bytes": 1, "enable.auto.commit": False})
    reader.assign([TopicPartition(TOPIC, 0, 0)])
    count = int(RATE * seconds)
    warm_up = RATE * 2
    producer = subprocess.Popen([sys.executable, Path(__file__), broker.bootstrap, str(count + warm_up)])
    latencies: list[float] = []
    deadline = time.monotonic() + seconds + 60
    try:
        seen = 0
        while seen < count + warm_up and time.monotonic() < deadline:
            message = reader.poll(1)
            if message is None or message.error():
                continue
            arrived = time.monotonic_ns()
            seen += 1
            if seen > warm_up:
                latencies.append((arrived - struct.unpack_from(">q", message.value())[0]) / 1e9)
        if producer.wait(30) or len(latencies) != count:
            raise RuntimeError(f"of {count} records {len(latencies)} arrived")
    finally:
        producer.kill()
        producer.wait()
        reader.close()
    latencies.sort()
    return {
        "records_per_second": RATE, "records": count, "p50_seconds": quantile(latencies, 0.5),
        "p99_seconds": quantile(latencies, 0.99), "p999_seconds": quantile(latencies, 0.999),
        "maximum_seconds": latencies[-1],
    }


def produce(bootstrap: str, count: int) -> None:
    """Sends `count` records of 100 bytes, each at its own moment, never several at once to catch up unmeasured."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0, "acks": 1})
    start = time.monotonic_ns() + 200_000_000
    for number in range(count):
        due = start + number * 1_000_000_000 // RATE
        while (left := due - time.monotonic_ns()) > 0:
            producer.poll(0)
            if left > 200_000:
                time.sleep((left - 150_000) / 1e9)
        producer.produce(TOPIC, value=struct.pack(">q", time.monotonic_ns()) + b"." * 92, partition=0)
    if producer.flush(30):
        sys.exit("records were not acknowledged")


if __name__ == "__main__":
    produce(sys.argv[1], int(sys.argv[2]))
