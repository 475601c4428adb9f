"""The broker under test as a process of its own, or any other Kafka that the environment names."""

import os
from pathlib import Path
from typing import Any, Mapping, Sequence

from . import wire
from .paths import binary
from .ports import free_port
from .process import SHUTDOWN_DEADLINE, Process
from .toml import to_toml
from .waiting import eventually


class Broker:
    """One broker on loopback. `kill` and `start` may be called as often as a test likes: data and port stay.

    `command` comes before the program, as `nsenter` with its options: it must become the program.
    """

    def __init__(
        self, folder: Path, *, settings: Mapping[str, Any] | None = None, port: int | None = None,
        binary_name: str = "broker", command: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.admin_port = free_port()
        self.data = folder / "log"
        self.configuration = folder / "broker.toml"
        self.process: Process | None = None
        self._binary_name = binary_name
        self._command = list(command)
        self._starts = 0
        folder.mkdir(parents=True, exist_ok=True)
        self.configuration.write_text(to_toml({
            "kafka": {
                "listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
                "log.dirs": str(self.data),
                **(settings or {}),
            },
            "admin": {"port": self.admin_port},
            "shutdown": {"deadline": SHUTDOWN_DEADLINE},
        }))

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "broker.log"

    def launch(self) -> "Broker":
        """Starts the process and returns at once."""
        self._starts += 1
        self.process = Process(
            [*self._command, binary(self._binary_name), "--config", self.configuration],
            name=f"broker (start {self._starts})", log=self.log)
        return self

    def start(self) -> "Broker":
        """Starts the process and returns when it answers."""
        self.launch()
        self.wait_until_ready()
        return self

    def wait_until_ready(self, within: float = 30.0) -> None:
        def ready() -> bool:
            return wire.answers_metadata(self.port, timeout=2)

        process = self.process
        assert process is not None
        eventually(lambda: not process.is_running or ready(), within=within, because=f"{process.name} answers")
        process.require_running()

    def kill(self) -> None:
        """kill -9."""
        if self.process:
            self.process.kill()

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        return self.process.stop() if self.process else 0

    def restart(self) -> None:
        self.stop()
        self.start()

    @property
    def running(self) -> Process:
        """The live process, or the test fails with the broker's last words."""
        assert self.process is not None, "the broker was never started"
        self.process.require_running()
        return self.process


class OtherBroker:
    """A broker that the tests did not start: KAFKA_UNDER_TEST=host:port runs the interop tests on it."""

    def __init__(self, address: str) -> None:
        self.bootstrap = address
        self.port = int(address.rpartition(":")[2])

    def stop(self) -> int:
        return 0


def other_broker() -> OtherBroker | None:
    """The broker that the environment names instead of ours, if any."""
    address = os.environ.get("KAFKA_UNDER_TEST")
    return OtherBroker(address) if address else None
