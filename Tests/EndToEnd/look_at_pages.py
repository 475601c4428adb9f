"""Looks at the pages of a running railway, for scripts: look_at_pages.py --dashboard URL --board URL"""

import argparse
from pathlib import Path

from pages import board_shows_trains, browser_page, trains_move


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--dashboard", required=True)
    arguments.add_argument("--board", required=True)
    arguments.add_argument("--station", default="NATION")
    arguments.add_argument("--screenshots", type=Path, required=True)
    options = arguments.parse_args()
    with browser_page(options.screenshots) as page:
        trains_move(page, options.dashboard, options.screenshots)
        board_shows_trains(page, options.board, options.station, options.screenshots)


if __name__ == "__main__":
    main()
