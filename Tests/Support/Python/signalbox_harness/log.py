"""Looking at topics from outside, with confluent-kafka."""

import json
import uuid
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from .waiting import eventually


def _reader(bootstrap: str, group: str | None = None) -> Consumer:
    return Consumer({
        "bootstrap.servers": bootstrap, "group.id": group or f"look-{uuid.uuid4().hex}", "enable.auto.commit": False,
        "auto.offset.reset": "earliest", "allow.auto.create.topics": False, "log_level": 0})


def partitions(bootstrap: str, topic: str) -> list[TopicPartition]:
    """The topic's partitions; none when there is no such topic."""
    found = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}).list_topics(timeout=10).topics.get(topic)
    return [TopicPartition(topic, number) for number in sorted(found.partitions)] if found else []


def end_offsets(bootstrap: str, topic: str) -> dict[int, int]:
    """The log end of each partition."""
    reader = _reader(bootstrap)
    try:
        return {
            partition.partition: reader.get_watermark_offsets(partition, timeout=10)[1]
            for partition in partitions(bootstrap, topic)}
    finally:
        reader.close()


def lag(bootstrap: str, group: str, topic: str) -> int:
    """Records of the topic that the group has not committed; a partition never committed counts whole."""
    ends = end_offsets(bootstrap, topic)
    reader = _reader(bootstrap, group)
    try:
        committed = reader.committed([TopicPartition(topic, number) for number in ends], timeout=10)
    finally:
        reader.close()
    return sum(ends[entry.partition] - max(entry.offset, 0) for entry in committed)


def read_all(bootstrap: str, topic: str, within: float = 60) -> list[Any]:
    """Every record of the topic up to its end when asked, partition by partition in order."""
    ends = end_offsets(bootstrap, topic)
    wanted = sum(ends.values())
    reader = _reader(bootstrap)
    found: list[Any] = []
    try:
        reader.assign([TopicPartition(topic, number, 0) for number in ends])

        def enough() -> bool:
            for message in reader.consume(10_000, timeout=0.5):
                if message.error():
                    raise KafkaException(message.error())
                found.append(message)
            return len(found) >= wanted

        if wanted:
            eventually(enough, within=within, because=f"{wanted} records of {topic} are read")
    finally:
        reader.close()
    return sorted(found, key=lambda message: (message.partition(), message.offset()))


def header(message: Any, name: str) -> str | None:
    """One header's text."""
    for key, value in message.headers() or []:
        if key == name:
            return value.decode()
    return None


def value(message: Any) -> Any:
    """A record's JSON."""
    return json.loads(message.value())
