"""kill -9 in the midst of deleting a topic: it does not come back, and a new one of its name begins empty."""

from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from signalbox_harness.broker import Broker
from signalbox_harness.waiting import eventually

PARTITIONS = 300
ATTEMPTS = 20


@pytest.fixture
def broker(tmp_path: Path):
    running = Broker(tmp_path).start()
    yield running
    running.stop()


def create(broker: Broker, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    for future in admin.create_topics([NewTopic(topic, PARTITIONS, 1)]).values():
        future.result(60)


def fill(broker: Broker, topic: str) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    for partition in range(PARTITIONS):
        producer.produce(topic, b"old", partition=partition)
    assert producer.flush(60) == 0


def log_ends(broker: Broker, topic: str) -> set[int]:
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "g"})
    try:
        return {
            consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=60)[1]
            for partition in range(0, PARTITIONS, 7)}
    finally:
        consumer.close()


def folders(broker: Broker, topic: str) -> list[str]:
    return sorted(path.name for path in broker.data.glob(f"{topic}-*"))


def kill_half_way(broker: Broker, topic: str, left: int) -> None:
    """Deletes a full topic and kills the broker when at most `left` of its folders are there, and at least one.

    Between the look and the kill the broker may finish: then the next topic of that name is deleted.
    """
    for _ in range(ATTEMPTS):
        create(broker, topic)
        fill(broker, topic)
        admin = AdminClient({"bootstrap.servers": broker.bootstrap})
        admin.delete_topics([topic])
        eventually(lambda: len(folders(broker, topic)) <= left, within=60, because="folders go", every=0)
        broker.kill()
        if folders(broker, topic):
            return
        broker.start()
    pytest.fail(f"{ATTEMPTS} deletions, and each was over before the kill")


@pytest.mark.parametrize("left", [299, 250, 150, 20])
def test_a_topic_whose_deletion_was_killed_does_not_come_back(broker: Broker, left: int) -> None:
    not_ours = broker.data / "notes-of-mine"
    not_ours.mkdir()
    kill_half_way(broker, "t", left)
    broker.start()
    names = AdminClient({"bootstrap.servers": broker.bootstrap}).list_topics(timeout=60).topics
    assert "t" not in names
    assert folders(broker, "t") == []
    assert not_ours.exists()
    create(broker, "t")
    assert log_ends(broker, "t") == {0}
    with pytest.raises(KafkaException, match="TOPIC_ALREADY_EXISTS"):
        create(broker, "t")
