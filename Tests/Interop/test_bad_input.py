"""What a hostile or broken peer can send: the broker closes or refuses, stays up, stays small, serves the others."""

import random
import resource
import socket
import struct
from typing import Iterator

import pytest

from signalbox_harness import wire
from signalbox_harness.broker import Broker, other_broker
from signalbox_harness.waiting import eventually

MEBIBYTE = 1024 * 1024
MOST_GROWTH = 64 * MEBIBYTE
UNSUPPORTED_VERSION = 35
CORRUPT_MESSAGE = 2


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    if other_broker():
        pytest.skip("attacks only a broker of its own")
    ours = Broker(tmp_path_factory.mktemp("attacked"), settings={"num.partitions": 1})
    try:
        yield ours.start()
    finally:
        ours.stop()


@pytest.fixture(autouse=True)
def unharmed(broker: Broker) -> Iterator[None]:
    """Around every attack: a bystander's connection keeps working and the broker's memory stays bounded."""
    pid = broker.running.pid
    with wire.connect(broker.port) as bystander:
        ask_on(bystander)
        before = broker.running.peak_resident_bytes()
        yield
        ask_on(bystander)
    assert wire.answers_metadata(broker.port)
    assert broker.running.pid == pid
    growth = broker.running.peak_resident_bytes() - before
    assert growth < MOST_GROWTH, f"the attack made the broker {growth / MEBIBYTE:.0f} MiB larger"


def ask_on(connection: socket.socket) -> None:
    connection.sendall(wire.request(wire.API_VERSIONS, 0, correlation=77))
    assert wire.read_frame(connection)[:4] == struct.pack(">i", 77)


def assert_closed(connection: socket.socket) -> None:
    """The broker ends the connection, at once and without an answer that would need one."""
    connection.settimeout(60)
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        pass  # a reset is a way of closing, too


def attack(broker: Broker, data: bytes) -> None:
    with wire.connect(broker.port) as connection:
        try:
            connection.sendall(data)
        except ConnectionError:
            return  # closed before it had read everything: fine
        assert_closed(connection)


@pytest.mark.parametrize("length", [2**31 - 1, -1, -(2**31), 0, 100 * MEBIBYTE + 1, 3])
def test_an_impossible_frame_length_closes_the_connection(broker, length):
    attack(broker, struct.pack(">i", length) + b"\x00" * 64)


@pytest.mark.parametrize("words", [
    pytest.param(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", id="http"),
    pytest.param(bytes.fromhex("1603010200010001fc0303") + b"\x5a" * 500, id="tls"),
    pytest.param(b"\xff" * 4096, id="ones"),
    pytest.param(b"\x00" * 4096, id="zeroes"),
])
def test_another_protocol_closes_the_connection(broker, words):
    attack(broker, words)


def test_garbage_in_honest_frames_never_stops_the_broker(broker):
    chance = random.Random(2)
    for _ in range(300):
        body = chance.randbytes(chance.randint(1, 600))
        with wire.connect(broker.port) as connection:
            connection.sendall(wire.frame(body))
            connection.shutdown(socket.SHUT_WR)
            assert_closed(connection)


def test_garbage_behind_a_real_header_never_stops_the_broker(broker):
    chance = random.Random(3)
    for api, (low, high) in wire.api_versions(broker.port).items():
        for version in {low, (low + high) // 2, high}:
            with wire.connect(broker.port) as connection:
                connection.sendall(wire.request(api, version, chance.randbytes(chance.randint(0, 300))))
                connection.shutdown(socket.SHUT_WR)
                assert_closed(connection)


def test_an_unknown_api_closes_the_connection(broker):
    for api in (9999, -1, 32767):
        attack(broker, wire.request(api, 0, b"\x00" * 20))


def test_an_unsupported_version_closes_the_connection(broker):
    for api in (wire.METADATA, wire.PRODUCE, wire.FETCH):
        attack(broker, wire.request(api, 999, b"\x00" * 20))


def test_an_unsupported_version_of_api_versions_is_answered_with_the_range(broker):
    body = wire.ask(broker.port, wire.request(wire.API_VERSIONS, 99, b"\x00"))
    correlation, error, count = struct.unpack_from(">ihi", body)
    assert (correlation, error) == (1, UNSUPPORTED_VERSION)
    ranges = [struct.unpack_from(">hhh", body, 10 + 6 * index) for index in range(count)]
    assert (wire.API_VERSIONS, 0) in [(key, low) for key, low, _ in ranges]


HUGE = struct.pack(">i", 2**31 - 1)
HUGE_COMPACT = b"\xff\xff\xff\xff\x0f"


@pytest.mark.parametrize("api,version,body", [
    pytest.param(wire.METADATA, 1, HUGE, id="metadata"),
    pytest.param(wire.METADATA, 9, b"\x00" + HUGE_COMPACT, id="metadata, compact"),
    pytest.param(wire.METADATA, 1, struct.pack(">i", -2), id="metadata, minus two"),
    pytest.param(wire.PRODUCE, 3, struct.pack(">hhi", -1, 1, 1000) + HUGE, id="produce topics"),
    pytest.param(wire.PRODUCE, 3, struct.pack(">hhii", -1, 1, 1000, 1) + wire.string("t") + HUGE,
                 id="produce partitions"),
    pytest.param(wire.PRODUCE, 3, struct.pack(">hhii", -1, 1, 1000, 1) + wire.string("t")
                 + struct.pack(">ii", 1, 0) + HUGE, id="produce records"),
    pytest.param(wire.FETCH, 4, struct.pack(">iiiib", -1, 100, 1, 1 << 20, 0) + HUGE, id="fetch topics"),
    pytest.param(wire.FETCH, 12, struct.pack(">iiiibii", -1, 100, 1, 1 << 20, 0, 0, -1) + HUGE_COMPACT,
                 id="fetch topics, compact"),
    pytest.param(wire.METADATA, 1, struct.pack(">ih", 1, 32767) + b"t", id="string past the end"),
    pytest.param(wire.METADATA, 1, struct.pack(">ih", 1, -1), id="null where none may be"),
    pytest.param(wire.METADATA, 1, struct.pack(">ih", 1, 2) + b"\xff\xfe", id="not utf-8"),
])
def test_a_length_that_lies_closes_the_connection_or_is_an_error(broker, api, version, body):
    client_tags = b"\x00" if version >= 9 else b""
    with wire.connect(broker.port) as connection:
        connection.sendall(wire.request(api, version, client_tags + body))
        connection.shutdown(socket.SHUT_WR)
        assert_closed(connection)


def test_half_a_frame_and_a_closed_connection_leave_nothing_behind(broker):
    files = broker.running.open_files()
    whole = wire.request(wire.METADATA, 1, struct.pack(">i", 0))
    for end in list(range(1, len(whole))) * 5:
        with wire.connect(broker.port) as connection:
            connection.sendall(whole[:end])
    eventually(lambda: broker.running.open_files() <= files, because="the broker closes what its peers closed")


def test_announced_but_unsent_frames_cost_no_memory(broker):
    connections = [wire.connect(broker.port) for _ in range(400)]
    try:
        for connection in connections:
            connection.sendall(struct.pack(">i", 100 * MEBIBYTE) + b"\x00\x00\x00\x09")
        assert wire.answers_metadata(broker.port)
    finally:
        for connection in connections:
            connection.close()


def test_thousands_of_idle_connections_stop_nobody(broker):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    files = broker.running.open_files()
    connections: list[socket.socket] = []
    try:
        for _ in range(3000):
            connections.append(wire.connect(broker.port))
        assert wire.answers_metadata(broker.port)
        ask_on(connections[0])
        ask_on(connections[-1])
    finally:
        for connection in connections:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    eventually(lambda: broker.running.open_files() <= files + 5, because="the broker lets the connections go")


def test_a_peer_that_never_reads_its_answers_is_held_back(broker):
    request = wire.request(wire.API_VERSIONS, 0) * 1000
    with wire.connect(broker.port) as connection:
        connection.setblocking(False)
        sent, refused = 0, 0
        while refused < 50 and sent < 256 * MEBIBYTE:
            try:
                sent += connection.send(request)
                refused = 0
            except BlockingIOError:
                refused += 1
                assert wire.answers_metadata(broker.port)
            except ConnectionError:
                break
        assert sent < 256 * MEBIBYTE, "the broker read requests without end from a peer that reads no answers"


def batch(value: bytes, *, break_checksum: bool = False) -> bytes:
    """A record batch of one small record without key and headers."""
    record = b"\x00\x00\x00\x01" + bytes([len(value) << 1]) + value + b"\x00"
    body = struct.pack(">hiqqqhii", 0, 0, 1, 1, -1, -1, -1, 1) + bytes([len(record) << 1]) + record
    checksum = crc32c(body) ^ (1 if break_checksum else 0)
    return struct.pack(">qiibI", 0, len(body) + 9, -1, 2, checksum) + body


def crc32c(data: bytes) -> int:
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def produce_error(broker: Broker, topic: str, records: bytes) -> int:
    body = (
        struct.pack(">hhii", -1, 1, 5000, 1) + wire.string(topic) + struct.pack(">iii", 1, 0, len(records)) + records)
    answer = wire.ask(broker.port, wire.request(wire.PRODUCE, 3, body))
    return struct.unpack_from(">h", answer, 4 + 4 + 2 + len(topic) + 4 + 4)[0]


def test_a_batch_with_a_wrong_checksum_is_refused_and_not_stored(broker):
    topic = "checksums"
    assert crc32c(b"123456789") == 0xE3069283
    wire.ask(broker.port, wire.request(wire.METADATA, 1, struct.pack(">i", 1) + wire.string(topic)))
    eventually(lambda: produce_error(broker, topic, batch(b"good")) == 0, because="the topic takes records")
    assert produce_error(broker, topic, batch(b"bad", break_checksum=True)) == CORRUPT_MESSAGE
    noise = random.Random(4).randbytes(200)
    assert produce_error(broker, topic, noise) != 0
    for end in range(0, len(batch(b"good"))):
        if end:
            assert produce_error(broker, topic, batch(b"good")[:end]) != 0
