"""Child processes that never outlive the test that started them."""

import atexit
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Mapping, Sequence

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
# What the tests give a service to end cleanly: on a loaded machine its own ten seconds may be too few. `stop` waits
# longer, so that a service that misses it is heard of by its exit code.
SHUTDOWN_DEADLINE = "60s"

_running: dict[int, "Process"] = {}


@atexit.register
def _end_all() -> None:
    for process in list(_running.values()):
        process.kill()


def _clean_environment() -> dict[str, str]:
    """This process's environment without what would configure a service behind the test's back."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SIGNALBOX_")}


class ProcessFailed(AssertionError):
    """A process ended, or went on, when it should not have."""


class Process:
    """One child process with its output in a file. It is ended by its own id, never by name."""

    def __init__(
        self, command: Sequence[str | Path], *, name: str, log: Path, environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._child = subprocess.Popen(
                [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env={**_clean_environment(), **(environment or {})}, cwd=directory)
        self.pid = self._child.pid
        _running[self.pid] = self

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def is_running(self) -> bool:
        return self._child.poll() is None

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._child.poll()

    def output(self) -> str:
        """All that it has printed so far, both streams."""
        return self.log.read_text(errors="replace")

    def require_running(self) -> None:
        """Fails, with the end of its output, unless the process is alive."""
        if not self.is_running:
            tail = "\n".join(self.output().splitlines()[-15:])
            raise ProcessFailed(f"{self.name} ended with {self.exit_code}:\n{tail}")

    def wait(self, within: float) -> int:
        """Waits for the process to end by itself and returns its exit code."""
        try:
            code = self._child.wait(within)
        except subprocess.TimeoutExpired:
            raise ProcessFailed(f"{self.name} still runs after {within:g} s:\n{self.output()[-2000:]}") from None
        _running.pop(self.pid, None)
        return code

    def stop(self, within: float = 90.0) -> int:
        """Asks it to stop (SIGTERM) and waits; past the deadline it is killed and the test fails."""
        if self.is_running:
            self._child.send_signal(signal.SIGTERM)
            try:
                self._child.wait(within)
            except subprocess.TimeoutExpired:
                self.kill()
                raise ProcessFailed(
                    f"{self.name} did not stop within {within:g} s of SIGTERM:\n{self.output()[-2000:]}") from None
        _running.pop(self.pid, None)
        return self._child.wait()

    def kill(self) -> None:
        """kill -9, and waits until the kernel has taken everything back."""
        if self.is_running:
            self._child.kill()
        self._child.wait()
        _running.pop(self.pid, None)

    def pause(self) -> None:
        """SIGSTOP: alive to the kernel, silent to everybody else."""
        self._child.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._child.send_signal(signal.SIGCONT)

    def resident_bytes(self) -> int:
        """The memory it holds now."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE

    def peak_resident_bytes(self) -> int:
        """The most memory it has held at any time."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("the kernel tells no VmHWM")

    def cpu_seconds(self) -> float:
        """User and system time of all its threads so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))


def run(command: Sequence[str | Path], *, within: float = 60.0, **options: object) -> subprocess.CompletedProcess:
    """Runs a command to its end and returns it, output as text; the caller judges the exit code."""
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=within, **options)


def now() -> float:
    """A clock that only goes forward, for measuring."""
    return time.monotonic()
