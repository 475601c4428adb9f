"""Free TCP ports on loopback, outside the range that the kernel hands to outgoing connections."""

import os
import random
import socket

# TEST_PORTS=19800-19899 keeps several test runs on one machine apart.
_FIRST, _LAST = (int(part) for part in os.environ.get("TEST_PORTS", "20000-29999").split("-"))
_handed_out: set[int] = set()


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
    candidates = list(range(_FIRST, _LAST + 1))
    random.shuffle(candidates)
    for allow_repeats in (False, True):
        for port in candidates:
            if (allow_repeats or port not in _handed_out) and is_free(port):
                _handed_out.add(port)
                return port
    raise RuntimeError(f"no free port between {_FIRST} and {_LAST}")
