"""One broker for all tests of a run, and a stricter one for the tests of refusals."""

import re
import uuid
from pathlib import Path
from typing import Iterator

import pytest

from signalbox_harness.broker import Broker, OtherBroker, other_broker

SETTINGS = {"num.partitions": 6, "group.initial.rebalance.delay.ms": 200}


KNOWN_FAILURES = Path(__file__).with_name("known_failures.txt")
# May be lowered, never raised: what once worked must go on working.
MOST_KNOWN_FAILURES = 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that are known to fail must fail: one that passes has to leave the list, so that it can only shrink."""
    lines = [line.split("#")[0].strip() for line in KNOWN_FAILURES.read_text().splitlines()]
    known = {line for line in lines if line}
    if len(known) > MOST_KNOWN_FAILURES:
        raise pytest.UsageError(f"{KNOWN_FAILURES.name} has {len(known)} tests, at most {MOST_KNOWN_FAILURES} may be")
    for item in items:
        name = item.nodeid.rpartition("Interop/")[2]
        if name in known:
            item.add_marker(pytest.mark.xfail(strict=True, reason="known_failures.txt"))


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker | OtherBroker]:
    other = other_broker()
    if other:
        yield other
        return
    ours = Broker(tmp_path_factory.mktemp("broker"), settings=SETTINGS)
    try:
        yield ours.start()
    finally:
        ours.stop()


@pytest.fixture(scope="session")
def strict_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Creates no topic by itself and takes no batch over 64 KiB."""
    if other_broker():
        pytest.skip("needs a broker with settings of its own")
    ours = Broker(
        tmp_path_factory.mktemp("strict"),
        settings={**SETTINGS, "auto.create.topics.enable": False, "message.max.bytes": 65536})
    try:
        yield ours.start()
    finally:
        ours.stop()


@pytest.fixture
def topic(request: pytest.FixtureRequest) -> str:
    """A topic name that no other test uses and that tells which test it belongs to."""
    return re.sub(r"[^A-Za-z0-9]+", "-", request.node.name).strip("-") + "-" + uuid.uuid4().hex[:6]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
