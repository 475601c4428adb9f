"""The whole railway as processes: each service by itself, or `signalbox up`."""

from pathlib import Path
from typing import Mapping

from . import http
from .broker import Broker
from .paths import CONFIG, ROOT, binary
from .ports import free_port
from .process import SHUTDOWN_DEADLINE, Process
from .waiting import eventually

STATIONS = ["station-vincennes", "station-nation", "station-gare-de-lyon", "station-bastille", "station-chatelet"]
CONSUMERS = ["arrivals", "delays", "notifications", "dashboard"]
SERVICES = STATIONS + CONSUMERS


def _sets(settings: Mapping[str, object]) -> list[str]:
    return [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]


class Line:
    """A broker and every service in a process of its own, each with its file of config/ and ports of its own."""

    def __init__(self, folder: Path, *, recording: Path, speed: str = "max", loop: bool = False) -> None:
        self.folder = folder
        self.recording = recording
        self.speed = speed
        self.loop = loop
        self.broker = Broker(folder / "broker")
        self.http_port = {name: free_port() for name in CONSUMERS}
        self.admin_port = {name: free_port() for name in SERVICES}
        self.processes: dict[str, Process] = {}

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            process.kill()
        self.broker.kill()

    def spans_file(self, name: str) -> Path:
        """Where the service appends its finished spans, as JSON lines."""
        return self.folder / f"{name}.spans"

    def _settings(self, name: str) -> dict[str, object]:
        settings: dict[str, object] = {
            "kafka.bootstrap_servers": self.broker.bootstrap, "admin.port": self.admin_port[name],
            "tracing.file": self.spans_file(name), "shutdown.deadline": SHUTDOWN_DEADLINE}
        if name in CONSUMERS:
            settings["http.port"] = self.http_port[name]
        else:
            settings |= {
                "station.source": "replay", "station.directory": self.recording, "station.speed": self.speed,
                "station.loop": str(self.loop).lower()}
        return settings

    def launch(self, name: str) -> Process:
        """Starts one service and returns at once."""
        executable = "station" if name in STATIONS else name
        command = [binary(executable), "--config", CONFIG / f"{name}.toml", *_sets(self._settings(name))]
        self.processes[name] = Process(command, name=name, log=self.folder / f"{name}.log", directory=ROOT)
        return self.processes[name]

    def start(self, *names: str) -> None:
        """Starts services in this order and returns when all are ready."""
        for name in names:
            self.launch(name)
        for name in names:
            self.wait_until_ready(name)

    def wait_until_ready(self, name: str, within: float = 60) -> None:
        process = self.processes[name]
        eventually(lambda: not process.is_running or self.is_ready(name), within=within, because=f"{name} is ready")
        process.require_running()

    def is_ready(self, name: str) -> bool:
        return http.is_ready(self.admin_port[name])

    def require_running(self, *names: str) -> None:
        for name in names or self.processes:
            self.processes[name].require_running()

    def summary(self) -> dict:
        return http.get_json(self.http_port["delays"], "/delays/summary")


class Embedded:
    """`signalbox up`: everything in one process."""

    def __init__(
        self, folder: Path, *, recording: Path | None = None, speed: str = "max",
        settings: Mapping[str, object] | None = None,
    ) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port = free_port()
        self.admin_port = free_port()
        self.http_port = {name: free_port() for name in CONSUMERS}
        self._recording = recording
        self._speed = speed
        self._settings = dict(settings or {})
        self.process: Process | None = None

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> "Embedded":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process:
            self.process.kill()

    def launch(self) -> Process:
        settings: dict[str, object] = {
            "broker.kafka.listeners": f"PLAINTEXT://{self.bootstrap}", "admin.port": self.admin_port,
            "shutdown.deadline": SHUTDOWN_DEADLINE,
            **{f"{name}.http.port": port for name, port in self.http_port.items()}, **self._settings}
        arguments = ["--config", CONFIG / "embedded.toml", "--data", self.data]
        if self._recording:
            arguments += ["--replay", self._recording, "--speed", self._speed]
        self.process = Process(
            [binary("signalbox"), "up", *arguments, *_sets(settings)], name="signalbox up",
            log=self.folder / "signalbox.log", directory=ROOT)
        return self.process

    def start(self) -> "Embedded":
        process = self.launch()
        eventually(
            lambda: not process.is_running or http.is_ready(self.admin_port), within=60,
            because="signalbox up is ready")
        process.require_running()
        return self

    def summary(self) -> dict:
        return http.get_json(self.http_port["delays"], "/delays/summary")
