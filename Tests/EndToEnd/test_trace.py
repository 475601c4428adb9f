"""One event can be followed through every service, and every process tells how it does."""

import json
import re
from pathlib import Path
from typing import Iterator

import pytest
import requests

from signalbox_harness import http, log
from signalbox_harness.line import CONSUMERS, SERVICES, STATIONS, Line
from signalbox_harness.recording import events_in
from signalbox_harness.waiting import eventually

UNITS = (
    "_seconds", "_bytes", "_total", "_ratio", "_records", "_connections", "_requests", "_clients", "_fds",
    "_partitions", "_topics", "_groups", "_members", "_events", "_trips", "_messages", "_batches", "_spans", "_info",
    "_sessions", "_files", "_ids", "_transactions", "_appends", "_markers")
LATE_AT = "CHATELET"


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory, made_recording: Path) -> Iterator[Line]:
    """Everything, with one subscriber who was there before the trains, after the day was told."""
    with Line(tmp_path_factory.mktemp("trace"), recording=made_recording) as railway:
        railway.broker.start()
        railway.start(*CONSUMERS)
        answer = requests.post(
            f"http://127.0.0.1:{railway.http_port['notifications']}/subscriptions",
            json={"station": LATE_AT, "thresholdSeconds": 60}, timeout=60)
        assert answer.status_code == 201, answer.text
        railway.subscription = answer.json()["id"]
        railway.start(*STATIONS)
        bootstrap, events = railway.broker.bootstrap, events_in(made_recording)
        # The services have read everything at times in the middle of the day, too.
        eventually(lambda: sum(log.end_offsets(bootstrap, "station-events").values()) == events, within=90, every=0.2,
                   because="every station has told its file")
        for name in ("arrivals", "delays"):
            eventually(lambda: log.lag(bootstrap, name, "station-events") == 0, within=90, every=0.2,
                       because=f"{name} has read the day")
        yield railway


def spans(line: Line, name: str) -> list[dict]:
    """The finished spans that a service has written so far."""
    file = line.spans_file(name)
    return [json.loads(text) for text in file.read_text().splitlines()] if file.exists() else []


def trace_of(span: dict) -> str:
    return span.get("traceId") or span.get("trace_id") or span.get("traceID")


def test_one_trace_leads_from_the_station_to_the_notification(line: Line):
    with http.EventStream(
        line.http_port["notifications"], f"/notifications/events?subscription={line.subscription}",
        last_event_id="0",
    ) as page:
        eventually(lambda: page.events, within=60, because="a late train is notified")

    def followed() -> bool:
        events = log.read_all(line.broker.bootstrap, "station-events")
        delays = log.read_all(line.broker.bootstrap, "delays")
        # Whichever station's telling came first made the delay known; the others' confirm it.
        told = {trace_of(span) for station in STATIONS for span in spans(line, station)}
        known = [{trace_of(span) for span in spans(line, name)} for name in ("delays", "notifications")]
        shared = told.intersection(*known)
        headers = {(log.header(message, "traceparent") or "--").split("-")[1] for message in events}
        onward = {(log.header(message, "traceparent") or "--").split("-")[1] for message in delays}
        return bool(shared & headers & onward)

    eventually(followed, within=30, every=0.5, because="one trace id is in all spans and in both records' headers")


def test_every_event_carries_its_attributes_and_its_context(line: Line):
    messages = log.read_all(line.broker.bootstrap, "station-events")
    assert messages
    for message in messages:
        for name in ("ce_id", "ce_type", "ce_source", "ce_time", "ce_specversion", "content-type", "traceparent"):
            assert log.header(message, name), f"{name} is missing at {message.partition()}:{message.offset()}"
        assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", log.header(message, "traceparent"))
        assert log.header(message, "ce_type") in ("station.arrived", "station.departed")
        assert message.key().decode() == log.value(message)["trip"]


def ids(page: http.EventStream) -> list[str | None]:
    return [event.id for event in page.events]


def test_a_page_that_comes_back_gets_what_it_missed_once(line: Line):
    path = f"/notifications/events?subscription={line.subscription}"
    port = line.http_port["notifications"]
    with http.EventStream(port, path, last_event_id="0") as page:
        eventually(lambda: len(page.events) >= 3, within=60, because="three late trains are notified")
        eventually(lambda: log.lag(line.broker.bootstrap, "notifications", "delays") == 0, within=60,
                   because="the notifications have read the delays", every=0.2)
        # The first page stays, for it may still be on its way through what it missed, as the second is.
        with http.EventStream(port, path, last_event_id=ids(page)[0]) as second:
            eventually(lambda: len(ids(page)) >= 3 and ids(second) == ids(page)[1:], within=60,
                       because="the rest comes again")
        everything = ids(page)
    assert len(set(everything)) == len(everything)


@pytest.mark.parametrize("name", ["broker", *SERVICES])
def test_metrics_have_units_and_say_what_the_service_does(line: Line, name: str):
    port = line.broker.admin_port if name == "broker" else line.admin_port[name]
    names = {metric.name for metric in http.metrics(port)}
    bare = {re.sub(r"_(bucket|sum|count)$", "", each) for each in names}
    without = sorted(each for each in bare if not each.endswith(UNITS))
    assert not without, f"no unit in {without}"

    def some(*words: str) -> bool:
        return any(all(word in each for word in words) for each in bare)

    assert some("process", "seconds") and some("resident", "bytes")
    if name in STATIONS:
        assert some("produce")
    if name in ("arrivals", "delays"):
        assert some("produce") and some("consume") and some("lag") and some("http")
    if name in ("dashboard", "notifications"):
        assert some("consume") and some("lag") and some("http")
    if name == "broker":
        assert some("request")
