"""Asking the services: JSON, metrics, server-sent events."""

import contextlib
import http.client
import json
import re
import socket
import threading
from dataclasses import dataclass
from typing import Any

import requests

_SAMPLE = re.compile(r"^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)")


def get_json(port: int, path: str, timeout: float = 30) -> Any:
    answer = requests.get(f"http://127.0.0.1:{port}{path}", timeout=timeout)
    answer.raise_for_status()
    return answer.json()


def is_ready(admin_port: int) -> bool:
    """What /health/ready says; not answering counts as not ready."""
    try:
        return requests.get(f"http://127.0.0.1:{admin_port}/health/ready", timeout=2).status_code == 200
    except requests.RequestException:
        return False


@dataclass(frozen=True)
class Metric:
    """One sample of Prometheus text."""

    name: str
    labels: str
    value: float


def metrics(admin_port: int) -> list[Metric]:
    answer = requests.get(f"http://127.0.0.1:{admin_port}/metrics", timeout=30)
    answer.raise_for_status()
    return [
        Metric(match[1], match[2] or "", float(match[3]))
        for match in map(_SAMPLE.match, answer.text.splitlines()) if match]


@dataclass(frozen=True)
class ServerSentEvent:
    id: str | None
    event: str | None
    data: str

    def json(self) -> Any:
        return json.loads(self.data)


class EventStream:
    """A page's view of server-sent events: read in a thread until closed."""

    def __init__(self, port: int, path: str, last_event_id: str | None = None) -> None:
        headers = {"Accept": "text/event-stream"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = last_event_id
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", path, headers=headers)
        # The response takes the connection's socket over.
        self._socket = connection.sock
        self._answer = connection.getresponse()
        assert self._answer.status == 200, f"{path}: {self._answer.status} {self._answer.read()!r}"
        self.events: list[ServerSentEvent] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self) -> "EventStream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):  # the service may have closed it
            self._socket.shutdown(socket.SHUT_RDWR)  # ends the read that the thread waits in
        self._thread.join()
        self._answer.close()

    def _read(self) -> None:
        fields: dict[str, list[str]] = {}
        try:
            for raw in self._answer:
                line = raw.decode().rstrip("\r\n")
                if line:
                    name, _, text = line.partition(":")
                    fields.setdefault(name, []).append(text.removeprefix(" "))
                elif "data" in fields:
                    self.events.append(ServerSentEvent(
                        (fields.get("id") or [None])[-1], (fields.get("event") or [None])[-1],
                        "\n".join(fields["data"])))
                    fields = {}
                else:
                    fields = {}
        except (http.client.HTTPException, OSError):
            return  # closed by us, or by a service that was stopped
