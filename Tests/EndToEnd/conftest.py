"""Fixtures of the end-to-end tests: recordings to replay."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from signalbox_harness.paths import ROOT
from signalbox_harness.recording import laboratory, write_recording


@pytest.fixture(scope="session")
def made_recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day of 200 trains, with every kind of awkward line."""
    return write_recording(tmp_path_factory.mktemp("recording"))


@pytest.fixture(scope="session", params=["made", "laboratory"])
def recording(request: pytest.FixtureRequest, made_recording: Path) -> Path:
    """Each recorded day there is."""
    if request.param == "made":
        return made_recording
    folder = laboratory()
    if folder is None:
        pytest.skip("the laboratory's recording is not beside this repository")
    return folder


@pytest.fixture(scope="session")
def expected_summary():
    """What /delays/summary must answer for a folder of recorded files, by the rules alone."""
    def ask(folder: Path) -> dict:
        oracle = ROOT / "Tests" / "EndToEnd" / "summary_oracle.py"
        return json.loads(subprocess.run(
            [sys.executable, oracle, folder], capture_output=True, text=True, check=True).stdout)
    return ask
