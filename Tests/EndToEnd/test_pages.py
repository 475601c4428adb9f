"""The pages in a real browser: trains move, the board tells the same as its JSON."""

from pathlib import Path
from typing import Iterator

import pytest
from playwright.sync_api import expect

from pages import CHROMIUM, PATIENCE, board_shows_trains, browser_page, trains_move
from signalbox_harness import http
from signalbox_harness.line import Embedded
from signalbox_harness.paths import SCREENSHOTS
from signalbox_harness.recording import write_recording
from signalbox_harness.waiting import eventually

STATION = "GARE_DE_LYON"


@pytest.fixture(scope="module")
def railway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """`signalbox up` with a day of trains at sixty times their speed."""
    if not CHROMIUM:
        pytest.fail("Chromium is not installed: run Tools/Setup/install.sh test")
    folder = tmp_path_factory.mktemp("pages")
    recording = write_recording(folder / "recording", trips=150, headway=180, awkward=False, late_every=2)
    with Embedded(folder, recording=recording, speed="60") as running:
        yield running.start()


def test_trains_move_on_the_control_room(railway: Embedded):
    with browser_page(SCREENSHOTS) as page:
        trains_move(page, f"http://127.0.0.1:{railway.http_port['dashboard']}", SCREENSHOTS)


def test_the_board_shows_the_next_trains_as_its_json_has_them(railway: Embedded):
    port = railway.http_port["arrivals"]
    eventually(
        lambda: http.get_json(port, f"/stations/{STATION}/board")["trips"], within=PATIENCE / 1000,
        because="the board has trains")
    with browser_page(SCREENSHOTS) as page:
        rows = board_shows_trains(page, f"http://127.0.0.1:{port}", STATION, SCREENSHOTS)
    assert rows


def test_the_board_changes_without_being_loaded_again(railway: Embedded):
    with browser_page(SCREENSHOTS) as page:
        before = board_shows_trains(
            page, f"http://127.0.0.1:{railway.http_port['arrivals']}", STATION, SCREENSHOTS)
        page.evaluate("window.neverLoadedAgain = true")
        eventually(
            lambda: page.locator("[data-trip]").all_inner_texts() != before, within=PATIENCE / 1000,
            because="the board changes as trains come and go")
        assert page.evaluate("window.neverLoadedAgain") is True


def test_a_late_train_is_told_as_late(railway: Embedded):
    with browser_page(SCREENSHOTS) as page:
        page.goto(f"http://127.0.0.1:{railway.http_port['arrivals']}/stations/CHATELET")
        expect(page.locator("[data-trip][data-late]").first).to_be_visible()
        page.screenshot(path=SCREENSHOTS / "board-late.png", full_page=True)
