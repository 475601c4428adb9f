"""A recorded day gives the same delays, whatever runs where, starts when, and is killed half way."""

import random
from pathlib import Path

import pytest

from signalbox_harness import log
from signalbox_harness.line import SERVICES, Embedded, Line
from signalbox_harness.recording import events_in
from signalbox_harness.waiting import eventually

GROUP, TOPIC = "delays", "station-events"


def settles(source, expected: dict, because: str) -> None:
    """The summary becomes what is expected, and still is when the delays have read the whole topic."""
    bootstrap = source.bootstrap if isinstance(source, Embedded) else source.broker.bootstrap
    eventually(lambda: source.summary() == expected, within=120, because=f"{because}: {expected}")
    eventually(lambda: log.lag(bootstrap, GROUP, TOPIC) == 0, within=60, because="everything is committed", every=0.2)
    assert source.summary() == expected


def test_in_one_process_the_summary_is_what_the_rules_give_and_again(
    tmp_path: Path, recording: Path, expected_summary
):
    expected = expected_summary(recording)
    lines = events_in(recording)
    with Embedded(tmp_path, recording=recording) as railway:
        def told() -> int:
            return sum(log.end_offsets(railway.bootstrap, TOPIC).values())

        railway.start()
        settles(railway, expected, "the first run")
        # What the summary does not need, a station's repeated lines, may come after it is right.
        eventually(lambda: told() >= lines, within=60, because="every line is told", every=0.2)
        assert told() == lines
        assert railway.process.stop() == 0

        # The same folder: the day is told a second time, and nothing changes.
        railway.start()
        eventually(lambda: told() >= 2 * lines, within=120, because="every line is told again", every=0.2)
        settles(railway, expected, "the second run")
        assert railway.process.stop() == 0


@pytest.mark.parametrize("seed", [1, 2])
def test_as_separate_processes_in_any_order_the_summary_is_the_same(
    tmp_path: Path, recording: Path, expected_summary, seed: int
):
    order = SERVICES.copy()
    random.Random(seed).shuffle(order)
    with Line(tmp_path, recording=recording) as line:
        line.broker.start()
        for name in order:
            line.launch(name)
        settles(line, expected_summary(recording), f"started as {', '.join(order)}")
        line.require_running()


def test_services_wait_for_a_broker_that_comes_later(tmp_path: Path, made_recording: Path, expected_summary):
    with Line(tmp_path, recording=made_recording) as line:
        for name in SERVICES:
            line.launch(name)
        eventually(
            lambda: all(line.processes[name].output() for name in SERVICES), because="every service says something")
        line.require_running()
        assert not any(line.is_ready(name) for name in ("delays", "arrivals"))
        line.broker.start()
        settles(line, expected_summary(made_recording), "the broker came last")
        line.require_running()


def test_killing_the_delays_half_way_changes_nothing(tmp_path: Path, recording: Path, expected_summary):
    expected = expected_summary(recording)
    with Line(tmp_path, recording=recording) as line:
        line.broker.start()
        line.start("delays")
        for name in SERVICES:
            if name != "delays":
                line.launch(name)
        half = events_in(recording) // 2
        eventually(
            lambda: sum(log.end_offsets(line.broker.bootstrap, TOPIC).values()) >= half, within=60,
            because="half of the day is told", every=0)
        line.processes["delays"].kill()
        line.start("delays")
        settles(line, expected, "after kill -9")
        first_killed = line.processes["delays"]
        first_killed.kill()
        line.start("delays")
        settles(line, expected, "after a second kill -9, when everything was read")
        line.require_running()
