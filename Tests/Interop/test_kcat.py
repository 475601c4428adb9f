"""kcat (librdkafka as Debian ships it), unchanged, against the broker."""

import json
import re
import shutil
from pathlib import Path

import pytest

import groups
from signalbox_harness.process import run
from signalbox_harness.records import CODECS
from signalbox_harness.stored import stored_batches
from signalbox_harness.waiting import eventually

KCAT = shutil.which("kcat") or "/usr/bin/kcat"
# kcat gives metadata, queries and the ends of transactions five seconds unless it is told otherwise.
PATIENCE = ["-m", "60"]
FORMAT = "%p|%o|%T|%k|%h|%s\n"


def kcat(broker, *arguments: str, text: str | None = None, within: float = 120) -> str:
    """Runs kcat to its end and returns what it printed; an exit code other than 0 fails the test."""
    done = run([KCAT, *PATIENCE, "-b", broker.bootstrap, *arguments], within=within, input=text)
    assert done.returncode == 0, f"kcat {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def consume(broker, topic: str, *arguments: str) -> list[list[str]]:
    """All records from the beginning to the end, as the fields of FORMAT."""
    printed = kcat(broker, "-C", "-t", topic, "-o", "beginning", "-e", "-q", "-f", FORMAT, *arguments)
    return [line.split("|") for line in printed.splitlines()]


def lines(count: int) -> list[str]:
    return [f"key-{index % 13}:value {index} {'station ' * (index % 40)}".rstrip() for index in range(count)]


def test_lists_brokers_and_topics(broker, topic):
    kcat(broker, "-P", "-t", topic, text="one\n")
    listing = json.loads(kcat(broker, "-L", "-J"))
    assert any(peer["name"].endswith(f":{broker.port}") for peer in listing["brokers"])
    (found,) = [entry for entry in listing["topics"] if entry["topic"] == topic]
    assert len(found["partitions"]) >= 1
    assert all(entry["isrs"] == [{"id": entry["leader"]}] for entry in found["partitions"])


@pytest.mark.parametrize("codec", CODECS)
def test_what_is_produced_comes_back_the_same(broker, topic, codec):
    sent = lines(5000)
    kcat(broker, "-P", "-t", topic, "-p", "0", "-K:", "-z", codec, "-H", "line=M1", "-H", "source=kcat",
         text="\n".join(sent) + "\n")
    received = consume(broker, topic, "-p", "0")
    assert [f"{key}:{value}" for _, _, _, key, _, value in received] == sent
    assert [int(offset) for _, offset, *_ in received] == list(range(len(sent)))
    assert {headers for _, _, _, _, headers, _ in received} == {"line=M1,source=kcat"}
    assert all(int(at) > 1_600_000_000_000 for _, _, at, *_ in received)
    if hasattr(broker, "data"):
        # librdkafka leaves a batch of a few records as it is when compressing would make it larger.
        stored = [batch for batch in stored_batches(broker.data, topic) if batch.record_count > 10]
        assert {batch.codec for batch in stored} == {codec}


@pytest.mark.parametrize("acks", ["0", "1", "all"])
def test_every_kind_of_acknowledgement_stores_the_records(broker, topic, acks):
    kcat(broker, "-L", "-t", topic)
    kcat(broker, "-P", "-t", topic, "-p", "0", "-K:", "-X", f"acks={acks}", text="\n".join(lines(500)) + "\n")
    eventually(lambda: len(consume(broker, topic, "-p", "0")) == 500, because="500 records are stored")


def test_an_idempotent_producer_stores_each_record_once_in_order(broker, topic):
    sent = lines(5000)
    kcat(broker, "-P", "-t", topic, "-p", "0", "-K:", "-X", "enable.idempotence=true", text="\n".join(sent) + "\n")
    assert [f"{key}:{value}" for _, _, _, key, _, value in consume(broker, topic, "-p", "0")] == sent


def test_records_of_one_key_stay_in_one_partition_in_order(broker, topic):
    kcat(broker, "-P", "-t", topic, "-K:", text="\n".join(lines(2000)) + "\n")
    received = consume(broker, topic)
    assert len(received) == 2000
    for number in range(13):
        of_key = [fields for fields in received if fields[3] == f"key-{number}"]
        assert len({partition for partition, *_ in of_key}) == 1
        sequence = [int(re.match(r"value (\d+)", fields[5]).group(1)) for fields in of_key]
        assert sequence == sorted(sequence)


def test_consumes_from_an_offset_from_the_end_and_from_a_time(broker, topic):
    kcat(broker, "-P", "-t", topic, "-p", "0", "-K:", text="\n".join(lines(100)) + "\n")
    everything = consume(broker, topic, "-p", "0")
    printed = kcat(broker, "-C", "-t", topic, "-p", "0", "-o", "90", "-e", "-q", "-f", "%o\n")
    assert printed.split() == [str(offset) for offset in range(90, 100)]
    printed = kcat(broker, "-C", "-t", topic, "-p", "0", "-o", "-3", "-e", "-q", "-f", "%o\n")
    assert printed.split() == ["97", "98", "99"]
    first = everything[0][2]
    printed = kcat(broker, "-C", "-t", topic, "-p", "0", "-o", f"s@{first}", "-e", "-q", "-f", "%o\n")
    assert printed.split()[0] == "0"
    assert kcat(broker, "-Q", "-t", f"{topic}:0:-1").strip().endswith("offset 100")
    assert kcat(broker, "-Q", "-t", f"{topic}:0:-2").strip().endswith("offset 0")


def test_a_tombstone_stays_a_tombstone(broker, topic):
    kcat(broker, "-P", "-t", topic, "-p", "0", "-K:", "-Z", text="gone:\nkept:value\n")
    printed = kcat(broker, "-C", "-t", topic, "-p", "0", "-o", "beginning", "-e", "-q", "-f", "%k %S\n")
    assert printed.splitlines() == ["gone -1", "kept 5"]


def test_an_unknown_topic_is_said_to_be_unknown(strict_broker, topic):
    done = run([KCAT, *PATIENCE, "-b", strict_broker.bootstrap, "-C", "-t", topic, "-e"], within=120)
    assert done.returncode != 0
    assert "Unknown topic" in done.stderr


def test_one_of_three_members_is_killed(broker, topic, folder: Path):
    kcat(broker, "-L", "-t", topic)  # asking for it makes the topic, with the broker's six partitions

    def tell(records: list[tuple[int, str]]) -> None:
        for partition in range(groups.PARTITIONS):
            chosen = [value for to, value in records if to == partition]
            kcat(broker, "-P", "-t", topic, "-p", str(partition), "-X", "acks=all", text="\n".join(chosen) + "\n")

    def member(name: str) -> groups.Member:
        return groups.KcatMember(name, [
            KCAT, "-b", broker.bootstrap, "-G", topic, "-u", "-f", "VALUE %s\n",
            "-X", "auto.offset.reset=earliest", "-X", f"session.timeout.ms={groups.SESSION_TIMEOUT_MS}",
            "-X", "heartbeat.interval.ms=500", "-X", "auto.commit.interval.ms=200", topic,
        ], folder)

    groups.one_of_three_is_killed(member, tell)


def test_a_transaction_is_committed_when_the_input_ends(broker, topic):
    sent = lines(500)
    kcat(broker, "-L", "-t", topic)
    kcat(broker, "-P", "-t", topic, "-p", "0", "-K:", "-X", f"transactional.id={topic}", text="\n".join(sent) + "\n")

    def committed() -> list[list[str]]:
        return consume(broker, topic, "-p", "0", "-X", "isolation.level=read_committed")

    # The producer has its answer before the marker is written that readers wait for.
    eventually(lambda: len(committed()) == len(sent), because="500 records are committed")
    received = committed()
    assert [f"{key}:{value}" for _, _, _, key, _, value in received] == sent
    # The marker that ends the transaction takes an offset and is never shown.
    assert [int(offset) for _, offset, *_ in received] == list(range(len(sent)))
