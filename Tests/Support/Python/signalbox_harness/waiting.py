"""Waiting for what must become true: by looking again until a deadline, never by sleeping and hoping."""

import time
from typing import Callable, TypeVar

Value = TypeVar("Value")

# How often a condition is looked at before its deadline counts.
LEAST_LOOKS = 50


class DeadlineExceeded(AssertionError):
    """What was waited for did not come true in time."""


def eventually(
    probe: Callable[[], Value], *, within: float = 30.0, because: str = "", every: float = 0.02
) -> Value:
    """Calls `probe` until it returns something true, and returns that.

    An exception of `probe` counts as "not yet"; the last one is shown when the deadline passes. The deadline is there
    to end a test that hangs, and counts only after some looks: on a loaded machine one of them may take all of it.
    """
    deadline = time.monotonic() + within
    looks = 0
    last: object = None
    while True:
        looks += 1
        try:
            last = probe()
            if last:
                return last
        except Exception as error:  # noqa: BLE001 - any failure means "not yet"
            last = error
        if time.monotonic() >= deadline and looks >= LEAST_LOOKS:
            reason = because or getattr(probe, "__name__", "the condition")
            raise DeadlineExceeded(f"not within {within:g} s: {reason}; last seen: {last!r}")
        time.sleep(every)
