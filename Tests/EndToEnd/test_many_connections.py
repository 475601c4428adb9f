"""What clients cost that are silent, stall or do not read, and whether the others notice. RSS is read from /proc."""

import socket
import struct
import time
from pathlib import Path

import pytest
from signalbox_harness import wire
from signalbox_harness.broker import Broker
from signalbox_harness.waiting import eventually

MEGABYTE = 1 << 20
BATCH_BYTES = 200_000


@pytest.fixture
def broker(tmp_path: Path):
    running = Broker(tmp_path).start()
    yield running
    running.stop()


def make_topic(broker: Broker, name: str) -> None:
    wire.ask(broker.port, wire.request(wire.METADATA, 1, struct.pack(">i", 1) + wire.string(name)))


def batch(size: int) -> bytes:
    """One record of `size` bytes in a batch as a producer sends it."""
    def varint(value: int) -> bytes:
        value = (value << 1) ^ (value >> 63)
        out = bytearray()
        while value > 0x7F:
            out.append(value & 0x7F | 0x80)
            value >>= 7
        return bytes(out + bytes([value]))

    body = b"\0" + varint(0) + varint(0) + varint(-1) + varint(size) + b"x" * size + varint(0)
    record = varint(len(body)) + body
    covered = struct.pack(">hiqqqhii", 0, 0, 1000, 1000, -1, -1, -1, 1) + record
    return struct.pack(">qiibI", 0, len(covered) + 9, -1, 2, crc32c(covered)) + covered


def crc32c(data: bytes) -> int:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def produce_request(topic: str, records: bytes) -> bytes:
    body = wire.string(None) + struct.pack(">hi", 1, 10_000) + struct.pack(">i", 1) + wire.string(topic)
    body += struct.pack(">ii", 1, 0) + struct.pack(">i", len(records)) + records
    return wire.request(wire.PRODUCE, 3, body)


def fetch_request(topic: str, maximum: int) -> bytes:
    body = struct.pack(">iiiib", -1, 0, 0, maximum, 0) + struct.pack(">i", 1) + wire.string(topic)
    body += struct.pack(">iiqi", 1, 0, 0, maximum)
    return wire.request(wire.FETCH, 4, body)


def coordinator_request(keys: int) -> bytes:
    """FindCoordinator, version 4, of that many groups; its answer is five times as long."""
    def varint(value: int) -> bytes:
        out = bytearray()
        while value > 0x7F:
            out.append(value & 0x7F | 0x80)
            value >>= 7
        return bytes(out + bytes([value]))

    names = (b"g%d" % number for number in range(keys))
    body = b"\0" + b"\0" + varint(keys + 1) + b"".join(varint(len(name) + 1) + name for name in names) + b"\0"
    return wire.request(wire.FIND_COORDINATOR, 4, body)


def seconds_for(broker: Broker, request: bytes, times: int) -> float:
    """How long a well-behaved client takes for that many requests, one after the other."""
    with wire.connect(broker.port, timeout=60) as connection:
        began = time.monotonic()
        for _ in range(times):
            connection.sendall(request)
            wire.read_frame(connection)
        return time.monotonic() - began


def test_idle_and_stalled_connections_cost_less_than_50_megabytes_and_slow_nobody_down(broker: Broker) -> None:
    make_topic(broker, "t")
    request = produce_request("t", batch(BATCH_BYTES))
    seconds_for(broker, request, 50)
    before, alone = broker.running.resident_bytes(), seconds_for(broker, request, 200)
    idle = [wire.connect(broker.port) for _ in range(1000)]
    stalled = [wire.connect(broker.port) for _ in range(200)]
    try:
        for connection in stalled:
            connection.setblocking(False)
            try:
                # Half of two megabytes: the kernel keeps what the broker does not read.
                connection.send(struct.pack(">i", 2 * MEGABYTE) + request[4:40] + b"\0" * MEGABYTE)
            except BlockingIOError:
                pass
        peak = 0
        for _ in range(20):
            peak = max(peak, broker.running.resident_bytes())
            time.sleep(0.05)
        with_them = seconds_for(broker, request, 200)
        peak = max(peak, broker.running.resident_bytes())
        print(f"{(peak - before) / 1e6:.1f} MB, 200 requests in {with_them:.3f} s instead of {alone:.3f} s")
        assert peak - before < 50e6
        assert with_them < 3 * alone + 0.5
    finally:
        for connection in idle + stalled:
            connection.close()
    eventually(lambda: seconds_for(broker, request, 1) < 5, within=10, because="the broker goes on")


def test_a_client_that_does_not_read_costs_no_more_than_its_bound(broker: Broker) -> None:
    make_topic(broker, "t")
    # Read into memory, where the large fetch is sent from the file.
    seconds_for(broker, produce_request("t", batch(40_000)), 250)
    small = fetch_request("t", 50_000)
    large = fetch_request("t", 10 * MEGABYTE)
    alone = seconds_for(broker, small, 200)
    before = broker.running.resident_bytes()
    greedy = []
    for request in (small, large):
        connection = wire.connect(broker.port)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        # A gigabyte and more, asked for at once and never read.
        connection.sendall(request * (max(100, 10**9 // (10 * MEGABYTE)) if request is large else 5000))
        greedy.append(connection)
    time.sleep(1)
    with_them = seconds_for(broker, small, 200)
    grown = broker.running.resident_bytes() - before
    print(f"{grown / 1e6:.1f} MB, 200 fetches in {with_them:.3f} s instead of {alone:.3f} s")
    assert grown < 20e6
    assert with_them < 3 * alone + 1
    for connection in greedy:
        connection.close()


def test_frames_that_trickle_do_not_hold_the_memory_that_others_wait_for(broker: Broker) -> None:
    make_topic(broker, "t")
    request = produce_request("t", batch(BATCH_BYTES))
    alone = seconds_for(broker, request, 200)
    slow = [wire.connect(broker.port) for _ in range(4)]
    for connection in slow:
        connection.setblocking(False)
    head = struct.pack(">i", 90 * MEGABYTE) + request[4:40]
    sent = [head] * len(slow)
    deadline = time.monotonic() + 3
    total = 0
    # As much as the broker takes, then a byte now and then.
    while time.monotonic() < deadline:
        for index, connection in enumerate(slow):
            try:
                total += connection.send(sent[index] or b"\0" * 65536)
                sent[index] = b""
            except (BlockingIOError, ConnectionError):
                pass
        time.sleep(0.001)
    with_them = seconds_for(broker, request, 200)
    print(f"{total / 1e6:.0f} MB taken, 200 requests in {with_them:.3f} s instead of {alone:.3f} s")
    assert with_them < 3 * alone + 3
    for connection in slow:
        connection.close()


def test_memory_of_a_burst_goes_back_to_the_system(broker: Broker) -> None:
    before = broker.running.resident_bytes()
    request = coordinator_request(200_000)
    connections = [wire.connect(broker.port) for _ in range(40)]
    for connection in connections:
        connection.sendall(request)
    eventually(
        lambda: broker.running.resident_bytes() > before + 200 * MEGABYTE, within=60,
        because="40 responses of 8 MB wait for who does not read them")
    for connection in connections:
        connection.close()
    # The broker keeps up to 64 MiB for the next burst.
    eventually(
        lambda: broker.running.resident_bytes() < before + 90 * MEGABYTE, within=60,
        because="what nobody uses for ten seconds goes back")
