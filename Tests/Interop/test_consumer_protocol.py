"""The next-generation consumer protocol (KIP-848) as librdkafka speaks it, against the broker."""

import sys
import uuid
from pathlib import Path
from typing import Iterator

import pytest
from confluent_kafka import Consumer, ConsumerGroupState, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

import groups
from groups import MEMBERS, Member
from signalbox_harness.broker import Broker, OtherBroker, other_broker
from signalbox_harness.waiting import eventually

SETTINGS = {"group.consumer.heartbeat.interval.ms": 300, "num.partitions": 6}


def broker_with_sessions(folder: Path, milliseconds: int) -> Iterator[Broker | OtherBroker]:
    """A broker that takes a member for gone after so long without a word of it."""
    other = other_broker()
    if other:
        yield other
        return
    ours = Broker(folder, settings={**SETTINGS, "group.consumer.session.timeout.ms": milliseconds})
    try:
        yield ours.start()
    finally:
        ours.stop()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker | OtherBroker]:
    """Long sessions: a member that is started again, or only slow, has to be in time."""
    yield from broker_with_sessions(tmp_path_factory.mktemp("consumer-protocol"), 45_000)


@pytest.fixture(scope="module")
def quick_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker | OtherBroker]:
    """Short sessions, so that a killed member is noticed while a test waits."""
    yield from broker_with_sessions(tmp_path_factory.mktemp("short-sessions"), 3000)


@pytest.fixture
def group() -> str:
    return "consumer-protocol-" + uuid.uuid4().hex[:6]


def create(broker, topic: str, partitions: int = groups.PARTITIONS) -> None:
    client = AdminClient({"bootstrap.servers": broker.bootstrap})
    client.create_topics([NewTopic(topic, partitions, 1)])[topic].result(20)


def produce(broker, topic: str, records: list[tuple[int, str]]) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 5})
    failed: list[object] = []
    for partition, value in records:
        producer.produce(
            topic, value=value, partition=partition,
            on_delivery=lambda error, _: failed.append(error) if error else None)
    assert producer.flush(20) == 0 and not failed


def member(broker, group: str, topic: str, name: str, folder: Path, instance: str | None = None) -> Member:
    command = [sys.executable, MEMBERS / "consumer_protocol_member.py", broker.bootstrap, group, topic]
    return Member(name, command + ([instance] if instance else []), folder)


def consumer(broker, group: str, **configuration) -> Consumer:
    return Consumer({
        "bootstrap.servers": broker.bootstrap, "group.id": group, "group.protocol": "consumer",
        "auto.offset.reset": "earliest", "enable.auto.commit": False, **configuration})


def read(client: Consumer, count: int) -> list[str]:
    values: list[str] = []

    def more() -> bool:
        message = client.poll(0.5)
        if message is not None:
            assert not message.error(), message.error()
            values.append(message.value().decode())
        return len(values) >= count

    eventually(more, within=40, because=f"{count} records are read")
    return values


def test_three_members_share_and_one_is_killed(quick_broker, topic: str, group: str, folder: Path) -> None:
    create(quick_broker, topic)
    groups.one_of_three_is_killed(
        lambda name: member(quick_broker, group, topic, name, folder),
        lambda records: produce(quick_broker, topic, records))


def test_a_member_goes_on_where_the_last_one_committed(broker, topic: str, group: str) -> None:
    create(broker, topic, 1)
    produce(broker, topic, [(0, f"v{number}") for number in range(20)])
    first = consumer(broker, group)
    first.subscribe([topic])
    assert read(first, 20)[:10] == [f"v{number}" for number in range(10)]
    first.commit(offsets=[TopicPartition(topic, 0, 10)], asynchronous=False)
    first.close()
    second = consumer(broker, group)
    second.subscribe([topic])
    assert read(second, 10) == [f"v{number}" for number in range(10, 20)]
    second.close()


def test_a_static_member_keeps_its_share_over_a_restart(broker, topic: str, group: str, folder: Path) -> None:
    create(broker, topic)
    members = [member(broker, group, topic, f"static-{n}", folder, instance=f"instance-{n}") for n in range(2)]
    try:
        eventually(lambda: groups.share_all(members), within=40, because="two static members share six partitions")
        shares = [each.assigned() for each in members]
        members[0].process.stop()
        members[0] = member(broker, group, topic, "static-0-again", folder, instance="instance-0")
        eventually(lambda: members[0].assigned() == shares[0], within=40, because="the share is the same as before")
        assert members[1].assigned() == shares[1]
    finally:
        for each in members:
            each.process.kill()


def test_a_pattern_reads_topics_that_come_later(broker, topic: str, group: str) -> None:
    create(broker, topic + "-one", 1)
    produce(broker, topic + "-one", [(0, "first")])
    client = consumer(broker, group, **{"topic.metadata.refresh.interval.ms": 1000})
    client.subscribe([f"^{topic}-.*"])
    assert read(client, 1) == ["first"]
    create(broker, topic + "-two", 1)
    create(broker, "not-" + topic + "-two", 1)
    produce(broker, "not-" + topic + "-two", [(0, "not for us")])
    produce(broker, topic + "-two", [(0, "second")])
    assert read(client, 1) == ["second"]
    client.close()


def test_a_topic_that_grows_is_read_whole(broker, topic: str, group: str, folder: Path) -> None:
    create(broker, topic, 2)
    only = member(broker, group, topic, "only", folder)
    try:
        eventually(lambda: only.assigned() == {0, 1}, within=40, because="both partitions are assigned")
        from confluent_kafka.admin import NewPartitions

        admin = AdminClient({"bootstrap.servers": broker.bootstrap})
        admin.create_partitions([NewPartitions(topic, 4)])[topic].result(20)
        eventually(lambda: only.assigned() == {0, 1, 2, 3}, within=40, because="the new partitions are assigned")
    finally:
        only.process.kill()


def test_the_group_is_listed_and_described_as_a_consumer_group(broker, topic: str, group: str, folder: Path) -> None:
    create(broker, topic)
    only = member(broker, group, topic, "only", folder)
    try:
        eventually(lambda: len(only.assigned()) == 6, within=40, because="all partitions are assigned")
        admin = AdminClient({"bootstrap.servers": broker.bootstrap})
        listed = {found.group_id: found for found in admin.list_consumer_groups().result(20).valid}
        assert listed[group].type.name == "CONSUMER"
        described = admin.describe_consumer_groups([group])[group].result(20)
        assert described.state == ConsumerGroupState.STABLE
        assert len(described.members) == 1
        assert {p.partition for p in described.members[0].assignment.topic_partitions} == set(range(6))
    finally:
        only.process.kill()


def test_an_empty_classic_group_becomes_one_of_the_new_protocol(broker, topic: str, group: str) -> None:
    create(broker, topic, 1)
    produce(broker, topic, [(0, "a"), (0, "b")])
    classic = consumer(broker, group, **{"group.protocol": "classic"})
    classic.subscribe([topic])
    read(classic, 2)
    classic.commit(offsets=[TopicPartition(topic, 0, 1)], asynchronous=False)
    classic.close()
    modern = consumer(broker, group)
    modern.subscribe([topic])
    assert read(modern, 1) == ["b"]
    modern.close()
