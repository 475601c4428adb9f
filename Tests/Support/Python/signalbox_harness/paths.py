"""Where things are: the repository, the binaries under test, the files that tests leave behind."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
BINARIES = Path(os.environ.get("BINARIES_UNDER_TEST", ROOT / ".build" / "release"))
CONFIG = ROOT / "config"
SCREENSHOTS = ROOT / ".build" / "screenshots"


def binary(name: str) -> Path:
    """The executable of that name, or an error that says how to get it."""
    path = BINARIES / name
    if not path.exists():
        raise FileNotFoundError(f"{path} is not built: run `make build`, or set BINARIES_UNDER_TEST")
    return path
