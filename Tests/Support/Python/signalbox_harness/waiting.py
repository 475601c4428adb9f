"""Waiting for what must become true: by looking again until a deadline, never by sleeping and hoping."""

import time
from typing import Callable, TypeVar

Value = TypeVar("Value")


class DeadlineExceeded(AssertionError):
    """What was waited for did not come true in time."""


def eventually(
    probe: Callable[[], Value], *, within: float = 30.0, because: str = "", every: float = 0.02
) -> Value:
    """Calls `probe` until it returns something true, and returns that.

    An exception of `probe` counts as "not yet"; the last one is shown when the deadline passes.
    """
    deadline = time.monotonic() + within
    last: object = None
    while True:
        try:
            last = probe()
            if last:
                return last
        except Exception as error:  # noqa: BLE001 - any failure means "not yet"
            last = error
        if time.monotonic() >= deadline:
            reason = because or getattr(probe, "__name__", "the condition")
            raise DeadlineExceeded(f"not within {within:g} s: {reason}; last seen: {last!r}")
        time.sleep(every)
