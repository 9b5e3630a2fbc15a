"""The page of `ttcli report` in a real browser, opened from a folder, with the network off."""

from fractions import Fraction

import pytest
from ball_videos import ball_picture, write_video
from browsers import browser, page_of, serious_faults
from reported_matches import RATE, write_match

from ttcli.configs import ReportConfig
from ttcli.report import report

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def running():
    with browser() as running:
        yield running


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("a match")
    ball = write_match(folder, rallies=9, seed=2)
    write_video(folder / "ball.mp4", (ball_picture(64, 96, (5 + index % 80, 30)) for index in range(RATE * 60)), Fraction(RATE))
    summary = report([ball], folder / "r.html", ReportConfig())
    return folder / "r.html", summary.report["matches"][0]


def open_page(running, written, **settings):
    return page_of(running, written[0].as_uri(), offline=True, **settings)


def played(page, earliest, latest):
    """Return what is played once it is at one of these seconds: a busy machine shows the first frame before it gets there."""
    for _ in range(200):
        at = page.evaluate(
            "(() => { const film = document.getElementById('film'); return film.seeking ? null : film.currentTime; })()"
        )
        if at is not None and earliest <= at <= latest:
            return page.evaluate("decodeURI(document.getElementById('film').src)")
        page.wait_for_timeout(50)
    raise AssertionError(f"{at} s: {page.inner_text('#player-trouble')}")


# Requests for the video are its own, beside the page.
@pytest.fixture(autouse=True)
def _beside(monkeypatch, written):
    import browsers

    monkeypatch.setattr(browsers, "BESIDE", written[0].parent.as_uri())


def test_a_click_plays_a_rally_or_a_bounce(running, written):
    _path, match = written
    with open_page(running, written) as page:
        rally = match["rallies"][2]
        page.click("button[data-rally='3']")
        assert played(page, rally["start_s"] - 0.1, rally["start_s"] + 3).endswith("/ball.mp4")
        assert page.inner_text("#player-title") == "Rally 3"
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.dataset.rally") == "3"
        place, bounce = next((place, each) for place, each in enumerate(match["bounces"]) if each["rally"] == 4)
        page.locator(f"#m1-bounce-{place}").dispatch_event("click")
        assert played(page, bounce["time_s"] - 2.5, bounce["time_s"] + 2.5).endswith("/ball.mp4")


def test_the_filter_changes_the_map(running, written):
    _, match = written
    with open_page(running, written) as page:
        total = len(match["bounces"])
        assert page.inner_text("#m1-shown") == f"{total} of {total} bounces are shown."
        page.uncheck("#m1-phase-later")
        left = sum(bounce["phase"] != "later" for bounce in match["bounces"])
        assert page.inner_text("#m1-shown").startswith(f"{left} of") and page.locator(".bounce:visible").count() == left
        page.uncheck("#m1-half-left")
        left = sum(bounce["phase"] != "later" and bounce["half"] == "right" for bounce in match["bounces"])
        assert page.locator(".bounce:visible").count() == left


def test_keys_alone_reach_everything(running, written):
    _path, match = written
    with open_page(running, written) as page:
        wanted = page.evaluate("document.querySelectorAll('[data-start], input, summary').length")
        reached = set()
        for _ in range(wanted + 40):
            page.keyboard.press("Tab")
            reached.add(
                page.evaluate("(() => { const on = document.activeElement; return on.dataset.name ?? on.id ?? on.tagName; })()")
            )
        names = set(page.evaluate("[...document.querySelectorAll('[data-start]')].map((each) => each.dataset.name)"))
        assert names <= reached and "m1-phase-serve" in reached
        page.locator("g[data-name='m1-rally-2']").focus()
        page.keyboard.press("Enter")
        assert played(page, match["rallies"][1]["start_s"] - 0.1, match["rallies"][1]["end_s"] + 3).endswith("/ball.mp4")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nobody_is_kept_out(running, written, scheme, width):
    with open_page(running, written, color_scheme=scheme, viewport={"width": width, "height": 800}) as page:
        assert serious_faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_it_is_whole_without_scripts_and_on_paper(running, written, tmp_path):
    with open_page(running, written, java_script_enabled=False) as page:
        assert page.locator(".bounce:visible").count() == len(written[1]["bounces"])
        page.emulate_media(media="print")
        assert page.locator("fieldset").first.is_hidden()
        assert len(page.pdf(path=tmp_path / "r.pdf")) > 10_000


def test_a_page_without_its_video_says_so(running, tmp_path, monkeypatch):
    import browsers

    monkeypatch.setattr(browsers, "BESIDE", tmp_path.as_uri())
    ball = write_match(tmp_path, rallies=2)
    report([ball], tmp_path / "r.html", ReportConfig())
    with page_of(running, (tmp_path / "r.html").as_uri(), offline=True) as page:
        assert page.locator("button.play").first.is_disabled()
        assert page.locator("g[tabindex]").count() == 0
