"""The page of `ttcli review` in a real browser: what is shown, decided, taken back, and there again."""

import os
import time
from contextlib import contextmanager

import numpy as np
import pytest
from ball_videos import turn_upright, write_video
from browsers import browser, page_of, serious_faults
from made_videos import write
from reviewed_matches import COUNT, HEIGHT, WIDTH, WRONG, describe, make_match, numbered_ball_picture, open_match

from ttcli.reviewing.pictures import Pictures
from ttcli.reviewing.server import ReviewServer

pytestmark = pytest.mark.browser
NUMBER_SHOWN = """() => {
  const picture = review.view.picture, canvas = new OffscreenCanvas(picture.width, picture.height), pen = canvas.getContext("2d");
  pen.drawImage(picture, 0, 0);
  const row = pen.getImageData(0, Math.round(picture.height / 12), picture.width, 1).data;
  let number = 0;
  for (let bit = 0; bit < 8; bit++) number |= (row[4 * Math.floor((bit + 0.5) * picture.width / 8) + 1] > 128 ? 1 : 0) << bit;
  return number;
}"""


@pytest.fixture(scope="module")
def running():
    with browser() as running:
        yield running


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_match(tmp_path_factory.mktemp("shown"))


@pytest.fixture
def files(made):
    for path in made[0].parent.glob("*.jsonl"):
        path.unlink()
    return made


@contextmanager
def review_page(running, video, ball, candidates=None, **settings):
    """Open a review of a match in a browser."""
    match = open_match(video, ball)
    pictures = Pictures(match.info, match.frame_count, match.times)
    try:
        with ReviewServer(match, pictures, candidates) as server, page_of(running, server.address, **settings) as page:
            page.wait_for_selector("body[data-ready=yes]")
            yield page, match
    finally:
        pictures.close()
        match.log.close()


def press(page, key):
    """Press a key and wait until what it does is done."""
    page.keyboard.press(key)
    settle(page)


def settle(page):
    """Wait until nothing is under way, and the picture of the frame is there."""
    for _ in range(400):
        page.wait_for_timeout(50)
        if page.evaluate("review.idle"):
            return
    raise AssertionError("the page does not settle")


def play_past(page, frame):
    """Play until a frame is behind, then stop."""
    press(page, " ")
    for _ in range(200):
        page.wait_for_timeout(50)
        if frame_of(page) > frame:
            break
    press(page, " ")
    assert frame_of(page) > frame


def click_video(page, x, y, **settings):
    """Click on a place of the video."""
    left, top = page.evaluate("([x, y]) => review.view.toScreen([x, y])", [x, y])
    page.locator("#picture").click(position={"x": left, "y": top}, **settings)
    settle(page)


def frame_of(page):
    return page.evaluate("review.frame")


def test_doubts_are_gone_through_corrected_taken_back_and_there_again(running, files):
    with review_page(running, *files) as (page, match):
        assert frame_of(page) == WRONG and "jumps" in page.inner_text("#reasons")
        click_video(page, 60, 50)
        corrected = match.log.corrections.balls()[WRONG]
        assert abs(corrected.x - 60) < 0.6 and abs(corrected.y - 50) < 0.6
        second = frame_of(page)
        assert second != WRONG
        press(page, "x")
        assert match.log.corrections.balls()[second].kind == "none"
        press(page, "z")
        assert second not in match.log.corrections.balls() and frame_of(page) == second
        press(page, "Enter")
        third = frame_of(page)
        press(page, "u")
        assert match.log.corrections.balls()[second].confirmed and match.log.corrections.balls()[third].kind == "unknown"
        before = match.log.corrections.balls()
    with review_page(running, *files) as (page, match):
        assert match.log.corrections.balls() == before and frame_of(page) not in before
        assert "3 frames decided" in page.inner_text("#counts")
        page.evaluate(f"review.show({WRONG})")
        settle(page)
        assert page.evaluate("review.row.decided") == "ball" and "decided" in page.inner_text("#where")


def test_events_rallies_and_the_table_are_put_right(running, files):
    with review_page(running, *files) as (page, match):
        page.evaluate("review.show(33)")
        settle(page)
        press(page, "b")
        assert [event.frame for event in match.events() if event.event == "bounce"] == [10.3, 33]
        press(page, "b")
        assert [event.frame for event in match.events() if event.event == "bounce"] == [10.3]
        press(page, "]")
        assert match.progress()["rallies"][0]["end_frame"] == 33
        press(page, "t")
        corners = match.progress()["tables"][0]["corners"]
        x, y = corners["near_left"]
        left, top = page.evaluate("([x, y]) => review.view.toScreen([x, y])", [x, y])
        box = page.locator("#picture").bounding_box()
        page.mouse.move(box["x"] + left, box["y"] + top)
        page.mouse.down()
        page.mouse.move(box["x"] + left - 30, box["y"] + top + 12, steps=4)
        page.mouse.up()
        press(page, "Enter")
        [decision] = match.log.corrections.of_kinds("table")
        assert (
            decision.corners[0][0] < x - 1
            and decision.corners[0][1] > y
            and abs(decision.corners[2][0] - corners["far_right"][0]) < 0.1
        )


def test_corners_that_nobody_put_are_no_table(running, files):
    with review_page(running, *files) as (page, match):
        page.evaluate("review.match.tables.length = 0")  # as where none was found
        page.evaluate("review.show(33)")
        settle(page)
        press(page, "t")
        for number in range(4):
            press(page, "Enter")
            assert match.log.corrections.of_kinds("table") == [] and f"{4 - number} of the corners" in page.inner_text("#said")
            press(page, "ArrowLeft")
            press(page, "Tab")
        press(page, "Enter")
        assert len(match.log.corrections.of_kinds("table")) == 1


def test_candidates_and_the_cross_place_the_ball_without_a_mouse(running, files):
    def network_at_work(frame):
        time.sleep(0.4)
        return [{"x": 30.0, "y": 40.0, "probability": 0.8}, {"x": 90.0, "y": 44.0, "probability": 0.3}]

    with review_page(running, *files, candidates=network_at_work) as (page, match):
        press(page, "v")
        press(page, "2")
        assert match.log.corrections.balls()[WRONG].x == 90.0
        frame = frame_of(page)
        settle(page)
        x = page.evaluate("review.row.x")
        press(page, "c")
        for key in ("ArrowRight", "ArrowRight", "Shift+ArrowDown", "Enter"):
            press(page, key)
        placed = match.log.corrections.balls()[frame]
        assert x is None or abs(placed.x - x - 2) < 0.01


def test_keys_alone_reach_everything(running, files):
    with review_page(running, *files) as (page, match):
        wanted = set(
            page.evaluate(
                "[...document.querySelectorAll('button:not([hidden]):not(dialog button), input')]"
                ".map((each) => each.textContent || each.id)"
            )
        )
        reached = set()
        for _ in range(60):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.textContent || document.activeElement.id"))
        wanted -= {"Try again"}  # hidden while all is well
        assert wanted <= reached
        page.locator("[data-do=none]").focus()
        press(page, "Enter")
        assert match.log.corrections.balls()[WRONG].kind == "none"
        press(page, "?")
        assert page.evaluate("document.getElementById('help').open")
        press(page, "Escape")
        assert not page.evaluate("document.getElementById('help').open")


def test_moving_zooming_and_playing(running, files):
    with review_page(running, *files) as (page, match):
        press(page, "Home")
        assert frame_of(page) == 0 and page.evaluate(NUMBER_SHOWN) == 0
        press(page, "ArrowRight")
        press(page, "Shift+ArrowRight")
        assert frame_of(page) == 11 and page.evaluate(NUMBER_SHOWN) == 11
        press(page, "+")
        assert page.evaluate("review.view.zoom") == 1.5
        press(page, "0")
        page.locator("#picture").hover()
        page.mouse.wheel(0, -200)
        page.wait_for_timeout(100)
        assert page.evaluate("review.view.zoom") > 1.2
        box = page.locator("#whole").bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 10)
        settle(page)
        assert abs(frame_of(page) - COUNT / 2) <= 1 and match.log.next_number == 1
        press(page, "Home")
        play_past(page, 5)
        settle(page)
        assert page.evaluate(NUMBER_SHOWN) == frame_of(page)  # stopped: the exact picture


def test_a_large_picture_has_a_lens_while_it_plays_too(running, tmp_path):
    video = tmp_path / "large.mp4"
    write_video(video, (numbered_ball_picture(number, 360, 640) for number in range(COUNT)))
    describe(video, video.with_suffix(".csv"), manifest=False)
    with review_page(running, video, video.with_suffix(".csv")) as (page, _):
        press(page, "Home")
        assert page.evaluate("review.view.scene.lens !== null && review.view.scale[1] < 4")
        play_past(page, 3)
        settle(page)
        assert page.evaluate(NUMBER_SHOWN) == frame_of(page)


def test_a_decision_that_a_full_disk_refused_is_kept_and_tried_again(running, files, monkeypatch):
    write = os.write

    def full(handle, content):
        if content.startswith(b'{"number"'):
            raise OSError(28, "No space left on device")
        return write(handle, content)

    match = open_match(*files)
    pictures = Pictures(match.info, match.frame_count, match.times)
    with ReviewServer(match, pictures, None) as server:
        context = running.new_context()  # its refusal stands in the console
        page = context.new_page()
        page.goto(server.address)
        page.wait_for_selector("body[data-ready=yes]")
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", full)
            press(page, "x")
        assert "No space left" in page.inner_text("#trouble") and frame_of(page) == WRONG
        page.click("#again")
        settle(page)
        assert match.log.corrections.balls()[WRONG].kind == "none" and page.locator("#trouble").is_hidden()
        context.close()
    pictures.close()
    match.log.close()


UNEVEN = np.cumsum(np.random.default_rng(3).choice([0.01, 0.02, 0.04, 0.11], COUNT)).tolist()
OPEN = {"g": "18", "bf": "3", "x264-params": "open-gop=1:bframes=3:b-adapt=0"}
FILES = {
    "uneven.mp4": {"times": UNEVEN, "options": OPEN},
    "b_frames.mkv": {"options": OPEN},
    "hevc.mp4": {"codec": "libx265", "options": {"x265-params": "log-level=none:keyint=20:open-gop=1:bframes=4:b-adapt=0"}},
    "turned.mp4": {"options": {"g": "18"}},
}


@pytest.mark.parametrize("name", FILES)
def test_frame_n_shows_the_picture_of_that_number(running, tmp_path, name):
    video = tmp_path / name
    turned = name.startswith("turned")
    pictures = [numbered_ball_picture(number) for number in range(COUNT)]
    write(video, [np.ascontiguousarray(np.rot90(picture)) for picture in pictures] if turned else pictures, **FILES[name])
    if turned:
        turn_upright(video, 90)
    describe(video, video.with_suffix(".csv"), manifest=False)
    with review_page(running, video, video.with_suffix(".csv")) as (page, _):
        assert page.evaluate("[review.match.width, review.match.height]") == [WIDTH, HEIGHT]
        for frame in (0, 41, 40, 39, 7, 59, 22, 23):
            page.evaluate(f"review.show({frame})")
            settle(page)
            assert page.evaluate(NUMBER_SHOWN) == frame


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nobody_is_kept_out(running, files, scheme, width):
    with review_page(running, *files, color_scheme=scheme, viewport={"width": width, "height": 800}) as (page, _):
        assert serious_faults(page) == []
        press(page, "?")
        assert serious_faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
