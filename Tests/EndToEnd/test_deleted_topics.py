"""kill -9 in the midst of deleting a topic: it does not come back, and a new one of its name begins empty."""

from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from signalbox_harness.broker import Broker
from signalbox_harness.waiting import eventually

PARTITIONS = 300


@pytest.fixture
def broker(tmp_path: Path):
    running = Broker(tmp_path).start()
    yield running
    running.stop()


def create(broker: Broker, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    for future in admin.create_topics([NewTopic(topic, PARTITIONS, 1)]).values():
        future.result(30)


def fill(broker: Broker, topic: str) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    for partition in range(PARTITIONS):
        producer.produce(topic, b"old", partition=partition)
    assert producer.flush(30) == 0


def log_ends(broker: Broker, topic: str) -> set[int]:
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "g"})
    try:
        return {
            consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)[1]
            for partition in range(0, PARTITIONS, 7)}
    finally:
        consumer.close()


def folders(broker: Broker, topic: str) -> list[str]:
    return sorted(path.name for path in broker.data.glob(f"{topic}-*"))


@pytest.mark.parametrize("left", [299, 250, 150, 20])
def test_a_topic_whose_deletion_was_killed_does_not_come_back(broker: Broker, left: int) -> None:
    not_ours = broker.data / "notes-of-mine"
    not_ours.mkdir()
    create(broker, "t")
    fill(broker, "t")
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    admin.delete_topics(["t"])
    eventually(lambda: len(folders(broker, "t")) <= left, within=10, because="folders go", every=0)
    broker.kill()
    assert folders(broker, "t"), "the test has to be quicker than the deletion"
    broker.start()
    names = AdminClient({"bootstrap.servers": broker.bootstrap}).list_topics(timeout=10).topics
    assert "t" not in names
    assert folders(broker, "t") == []
    assert not_ours.exists()
    create(broker, "t")
    assert log_ends(broker, "t") == {0}
    with pytest.raises(KafkaException, match="TOPIC_ALREADY_EXISTS"):
        create(broker, "t")
