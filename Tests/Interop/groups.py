"""The scenario every client goes through: three members, six partitions, one member killed, no record lost."""

import json
import re
import sys
from pathlib import Path
from typing import Callable, Iterable, Sequence

from signalbox_harness.process import Process
from signalbox_harness.waiting import eventually

PARTITIONS = 6
SESSION_TIMEOUT_MS = 6000
MEMBERS = Path(__file__).parent / "members"


class Member:
    """A consumer in a process of its own that reports, line by line in JSON, what it owns and what it reads."""

    def __init__(self, name: str, command: Sequence[str | Path], folder: Path) -> None:
        self.name = name
        self.process = Process(command, name=name, log=folder / f"{name}.log")

    def assigned(self) -> set[int]:
        """The partitions it says it owns now."""
        owned: set[int] = set()
        for line in self._reports():
            if "assigned" in line:
                owned = set(line["assigned"])
        return owned

    def values(self) -> list[str]:
        """The values of all records it has read, in the order it read them."""
        return [line["value"] for line in self._reports() if "value" in line]

    def _reports(self) -> Iterable[dict]:
        for line in self.process.output().splitlines():
            if line.startswith("{") and line.endswith("}"):
                yield json.loads(line)


class KcatMember(Member):
    """kcat in group mode: its reports are its own words."""

    _ASSIGNED = re.compile(r"^% Group .* rebalanced .*: assigned: (.*)$")
    _REVOKED = re.compile(r"^% Group .* rebalanced .*: revoked")

    def assigned(self) -> set[int]:
        owned: set[int] = set()
        for line in self.process.output().splitlines():
            match = self._ASSIGNED.match(line)
            if match:
                owned = {int(number) for number in re.findall(r"\[(\d+)\]", match.group(1))}
            elif self._REVOKED.match(line):
                owned = set()
        return owned

    def values(self) -> list[str]:
        # A kill may come between the pieces of a line, so what is behind the last line's end is no value.
        whole = self.process.output().split("\n")[:-1]
        return [line[6:] for line in whole if line.startswith("VALUE ")]


def python_member(script: str, bootstrap: str, group: str, topic: str) -> list[str | Path]:
    """The command that runs a member of Tests/Interop/members."""
    return [sys.executable, MEMBERS / script, bootstrap, group, topic, str(SESSION_TIMEOUT_MS)]


def share_all(members: Iterable[Member]) -> bool:
    """True when the members own every partition, each once, and every member owns some."""
    owned = [member.assigned() for member in members]
    return (
        all(owned)
        and sum(len(partitions) for partitions in owned) == PARTITIONS
        and set().union(*owned) == set(range(PARTITIONS)))


def one_of_three_is_killed(
    start_member: Callable[[str], Member], produce: Callable[[list[tuple[int, str]]], None]
) -> None:
    """Runs the scenario. `produce` takes (partition, value) pairs and returns when they are acknowledged."""
    produced: set[str] = set()

    def tell(label: str, count: int) -> None:
        records = [(index % PARTITIONS, f"{label}-{index}") for index in range(count)]
        produce(records)
        produced.update(value for _, value in records)

    def read(by: Iterable[Member]) -> set[str]:
        return {value for member in by for value in member.values()}

    members: list[Member] = []
    try:
        tell("before", 600)
        members += [start_member(f"member-{number}") for number in range(3)]
        eventually(lambda: share_all(members), within=60, because="three members share six partitions")
        eventually(lambda: read(members) >= produced, within=60, because="every record has been read")

        victim, *survivors = members
        tell("running", 300)
        victim.process.kill()
        tell("killed", 300)
        eventually(lambda: share_all(survivors), within=60, because="the survivors share all six partitions")
        eventually(
            lambda: read(members) >= produced, within=60,
            because="every record is read although a member was killed")
        tell("after", 300)
        eventually(lambda: read(survivors) >= {f"after-{index}" for index in range(300)}, within=60,
                   because="the survivors read what came after")
        assert read(members) == produced, "somebody read a record that nobody produced"
        for survivor in survivors:
            survivor.process.require_running()
    finally:
        for member in members:
            member.process.kill()
