"""Recorded days: five files of made-up trains, and the laboratory's day where it lies beside the repository."""

import datetime
import os
import random
from pathlib import Path

from .paths import ROOT

# Planned seconds as in config/network.toml: dwell at the station, run to the next.
_LINE = [
    ("VINCENNES", 0, 300), ("NATION", 20, 180), ("GARE_DE_LYON", 35, 180), ("BASTILLE", 55, 240), ("CHATELET", 0, 0)]
_FIRST_TRAIN = datetime.datetime(2022, 10, 11, 5, 0)


def laboratory() -> Path | None:
    """The recorded day of the issue (7,992 events, 999 trips): beside the repository, or where LAB_DATA says."""
    folder = Path(os.environ.get("LAB_DATA", ROOT.parent / "shared" / "lab-data"))
    return folder if any(folder.glob("*.txt")) else None


def write_recording(
    folder: Path, *, trips: int = 200, seed: int = 1, headway: int = 300, awkward: bool = True, late_every: int = 10,
) -> Path:
    """Writes a day of trains that run past midnight; every `late_every`th is held for two to six minutes.

    `awkward` adds what consumers must cope with: a train without its first departure, repeated lines.
    """
    chance = random.Random(seed)
    lines: dict[str, list[str]] = {name: [] for name, _, _ in _LINE}

    def tell(train: int, station: str, state: str, at: datetime.datetime) -> None:
        lines[station].append(f"{train}|{station}|{state}|{at:%Y-%m-%d %H:%M:%S}")

    for train in range(1, trips + 1):
        at = _FIRST_TRAIN + datetime.timedelta(seconds=headway * (train - 1))
        held_at = chance.randrange(1, len(_LINE)) if train % late_every == 0 else None
        for index, (station, dwell, run) in enumerate(_LINE):
            if index:
                at += datetime.timedelta(seconds=chance.randint(120, 360) if index == held_at else 0)
                tell(train, station, "ARRIVED", at)
                at += datetime.timedelta(seconds=max(1, dwell + chance.randint(-6, 6)))
            if run and not (awkward and train == 7 and index == 0):
                tell(train, station, "DEPARTURE", at)
            at += datetime.timedelta(seconds=run + chance.randint(-8, 8))
    folder.mkdir(parents=True, exist_ok=True)
    for station, told in lines.items():
        if awkward:
            told += told[10:20]  # a station that repeats itself
        (folder / f"{station}.txt").write_text("".join(line + "\n" for line in told))
    return folder


def events_in(folder: Path) -> int:
    """How many lines the recording has."""
    return sum(len(path.read_text().splitlines()) for path in folder.glob("*.txt"))
