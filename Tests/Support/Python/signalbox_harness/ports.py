"""Free TCP ports on loopback, outside the range that the kernel hands to outgoing connections."""

import os
import random
import socket
from pathlib import Path

_USUAL = range(20_000, 30_000)
_FEW = 1000
_handed_out: set[int] = set()


def _outgoing() -> range:
    """The ports that the kernel gives to outgoing connections."""
    try:
        first, last = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    except OSError:
        return range(0)
    return range(int(first), int(last) + 1)


def _ours() -> list[int]:
    """The ports to choose from. TEST_PORTS=19800-19899 keeps several test runs on one machine apart."""
    if wanted := os.environ.get("TEST_PORTS"):
        first, last = wanted.split("-")
        return list(range(int(first), int(last) + 1))
    taken = _outgoing()
    for choice in (_USUAL, range(5000, 65_536)):
        ports = [port for port in choice if port not in taken]
        if len(ports) >= _FEW:
            return ports
    return list(_USUAL)  # the kernel uses everything: a clash is rare, no test at all would be sure


def is_free(port: int) -> bool:
    """True when a server could listen on that port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port that nothing listens on and that this process has not handed out before."""
    candidates = _ours()
    random.shuffle(candidates)
    for allow_repeats in (False, True):
        for port in candidates:
            if (allow_repeats or port not in _handed_out) and is_free(port):
                _handed_out.add(port)
                return port
    raise RuntimeError(f"no free port between {min(candidates)} and {max(candidates)}")
