"""One part after another is taken away and brought back: the others go on, the returning one catches up."""

from pathlib import Path
from typing import Iterator

import pytest

from signalbox_harness import log
from signalbox_harness.line import CONSUMERS, SERVICES, STATIONS, Line
from signalbox_harness.recording import write_recording
from signalbox_harness.waiting import eventually

TOPIC = "station-events"


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """All services, with trains that run all day at 600 times their speed, again and again."""
    folder = tmp_path_factory.mktemp("lifecycle")
    # The last line is told before 04:00, when the next service date begins: a loop is one day, with hardly a pause.
    recording = write_recording(folder / "recording", trips=670, headway=120, awkward=False)
    with Line(folder, recording=recording, speed="600", loop=True) as railway:
        railway.broker.start()
        railway.start(*SERVICES)
        yield railway


def told(line: Line) -> int:
    """Records of station-events so far."""
    return sum(log.end_offsets(line.broker.bootstrap, TOPIC).values())


def go_on(line: Line, absent: str | None = None) -> None:
    """Every service but the absent one runs and is ready, and trains keep being told."""
    before = told(line)
    eventually(lambda: told(line) > before + 20, within=60, because=f"trains are told without {absent}", every=0.1)
    for name in SERVICES:
        if name != absent:
            line.processes[name].require_running()
            line.wait_until_ready(name, within=60)


def has_caught_up(line: Line, name: str) -> bool:
    """The group has committed almost everything although more keeps coming."""
    return log.lag(line.broker.bootstrap, name, TOPIC) < 100


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("way", ["stopped", "killed"])
def test_a_service_may_go_and_come_back(line: Line, name: str, way: str):
    if way == "stopped":
        assert line.processes[name].stop() == 0
    else:
        line.processes[name].kill()
    go_on(line, absent=name)
    line.start(name)
    if name in ("arrivals", "delays"):
        eventually(lambda: has_caught_up(line, name), within=60, because=f"{name} catches up", every=0.2)
    go_on(line)


@pytest.mark.parametrize("way", ["stopped", "killed"])
def test_the_broker_may_go_and_come_back(line: Line, way: str):
    if way == "stopped":
        assert line.broker.stop() == 0
    else:
        line.broker.kill()
    eventually(lambda: not line.is_ready("delays"), within=60, because="the delays say that they are cut off")
    line.require_running(*SERVICES)
    line.broker.start()
    for name in SERVICES:
        line.wait_until_ready(name, within=60)
    go_on(line)
    for name in ("arrivals", "delays"):
        eventually(lambda: has_caught_up(line, name), within=60, because=f"{name} catches up", every=0.2)


def test_everything_stops_when_asked(line: Line):
    for name in [*CONSUMERS, *STATIONS]:
        assert line.processes[name].stop() == 0, f"{name} stops with an error"
    assert line.broker.stop() == 0
