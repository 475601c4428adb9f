"""The compose files and Dockerfiles parse; Tests/EndToEnd/compose.sh runs them on a real engine."""

from signalbox_harness.paths import ROOT
from signalbox_harness.process import run


def test_the_container_files_parse():
    done = run([ROOT / "Tests" / "EndToEnd" / "compose.sh", "--quick"], within=60, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
