"""Just enough of Kafka's wire protocol to ask a broker whether it is there, and to send it nonsense."""

import socket
import struct

PRODUCE, FETCH, METADATA, FIND_COORDINATOR, API_VERSIONS = 0, 1, 3, 10, 18


def string(text: str | None) -> bytes:
    """A classic STRING; None is a null one."""
    if text is None:
        return struct.pack(">h", -1)
    data = text.encode()
    return struct.pack(">h", len(data)) + data


def frame(body: bytes) -> bytes:
    """A body behind its length."""
    return struct.pack(">i", len(body)) + body


def request(api: int, version: int, body: bytes = b"", correlation: int = 1, client: str = "raw") -> bytes:
    """A whole request frame with header version 1."""
    return frame(struct.pack(">hhi", api, version, correlation) + string(client) + body)


def connect(port: int, timeout: float = 60.0, host: str = "127.0.0.1") -> socket.socket:
    connection = socket.create_connection((host, port), timeout=timeout)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def read_exactly(connection: socket.socket, count: int) -> bytes:
    """That many bytes, or ConnectionError when the peer closes before."""
    data = bytearray()
    while len(data) < count:
        piece = connection.recv(min(count - len(data), 1 << 16))
        if not piece:
            raise ConnectionError(f"closed after {len(data)} of {count} bytes")
        data += piece
    return bytes(data)


def read_frame(connection: socket.socket) -> bytes:
    (length,) = struct.unpack(">i", read_exactly(connection, 4))
    return read_exactly(connection, length)


def ask(port: int, data: bytes, timeout: float = 60.0) -> bytes:
    """Sends one frame over a connection of its own and returns the body of the answer."""
    with connect(port, timeout) as connection:
        connection.sendall(data)
        return read_frame(connection)


def api_versions(port: int, timeout: float = 60.0) -> dict[int, tuple[int, int]]:
    """The broker's version ranges by API key."""
    body = ask(port, request(API_VERSIONS, 0), timeout)
    _, error, count = struct.unpack_from(">ihi", body)
    if error:
        raise ConnectionError(f"ApiVersions answered error {error}")
    ranges = {}
    for index in range(count):
        key, low, high = struct.unpack_from(">hhh", body, 10 + 6 * index)
        ranges[key] = (low, high)
    return ranges


METADATA_OF_NOTHING = request(METADATA, 1, struct.pack(">i", 0))


def answers_metadata(port: int, timeout: float = 60.0) -> bool:
    """True once the broker answers a Metadata request (v1, no topics) with at least one broker."""
    body = ask(port, METADATA_OF_NOTHING, timeout)
    return struct.unpack_from(">ii", body)[1] >= 1
