"""Looking at the pages with a real browser: what a visitor must see."""

import re
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from playwright.sync_api import Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE = 60_000

# A page's own timeout does not hold for what is expected of it: that would be five seconds.
expect.set_options(timeout=PATIENCE)

# Where each train was when it was first seen: a train may be over before the next look at it, others come.
A_TRAIN_HAS_MOVED = """() => {
    const first = window.firstSeen ??= new Map();
    return [...document.querySelectorAll('[data-train]')].some(one => {
        const box = one.getBoundingClientRect(), old = first.get(one.dataset.trip);
        if (!old) first.set(one.dataset.trip, box);
        return old && (Math.abs(old.x - box.x) > 2 || Math.abs(old.y - box.y) > 2);
    });
}"""


@contextmanager
def browser_page(screenshots: Path) -> Iterator[Page]:
    """A fresh page of a headless Chromium; errors of its scripts fail the test when it closes."""
    screenshots.mkdir(parents=True, exist_ok=True)
    problems: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.set_default_timeout(PATIENCE)
        try:
            yield page
        finally:
            browser.close()
    assert not problems, f"the page's scripts failed: {problems}"


def trains_move(page: Page, dashboard: str, screenshots: Path) -> None:
    """The control room draws trains, at least one of them moves, and topics show their rate."""
    page.goto(dashboard)
    expect(page).to_have_title(re.compile("Signalbox", re.IGNORECASE))
    expect(page.locator("[data-train]").first).to_be_attached()
    page.screenshot(path=screenshots / "dashboard-before.png", full_page=True)
    page.wait_for_function(A_TRAIN_HAS_MOVED)
    page.screenshot(path=screenshots / "dashboard-after.png", full_page=True)
    expect(page.get_by_text("station-events").first).to_be_visible()


def board_shows_trains(page: Page, board: str, station: str, screenshots: Path) -> list[str]:
    """A station's board lists trains with their times; returns its rows as text."""
    page.goto(f"{board}/stations/{station}")
    rows = page.locator("[data-trip]")
    expect(rows.first).to_be_visible()
    expect(rows.first).to_contain_text(re.compile(r"\d\d:\d\d"))
    page.screenshot(path=screenshots / f"board-{station.lower()}.png", full_page=True)
    return rows.all_inner_texts()
