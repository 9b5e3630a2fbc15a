"""Every number of a report is that of the files it is made of, and what they do not tell it does not tell either."""

import csv
import json
import re
from collections import Counter
from itertools import pairwise
from statistics import fmean, median

import numpy as np
import pytest
from click.testing import CliRunner
from reported_matches import write_match

from ttcli.cli import main
from ttcli.reporting.match_files import find_files, read_match
from ttcli.reporting.numbers import match_numbers, zone_of
from ttcli.results.content_hash import content_hash
from ttcli.results.events import read_events_csv, write_events_csv


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def cells_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def number(text):
    return float(text) if text else None


@pytest.fixture(scope="module")
def ball(tmp_path_factory):
    return write_match(tmp_path_factory.mktemp("match"), rallies=14, seed=5)


@pytest.fixture(scope="module")
def told(ball):
    return match_numbers(read_match(find_files(ball)))


def test_counts_are_those_of_the_rows(ball, told):
    rows, events = cells_of(ball), cells_of(ball.with_suffix(".events.csv"))
    found, statuses = told["found"], Counter(row["status"] for row in rows)
    assert (found["frames"], found["seen"], found["unseen"], found["broken"]) == (
        len(rows),
        statuses["seen"],
        statuses["unseen"],
        0,
    )
    assert found["seconds"] == round(float(rows[-1]["time_s"]) - float(rows[0]["time_s"]), 3)
    assert found["bounces"] == sum(event["event"] == "bounce" for event in events)
    assert found["passings_of_the_net"] == sum(event["event"] == "net" for event in events)
    seen = [float(row["confidence"]) for row in rows if row["status"] == "seen"]
    assert found["mean_confidence_of_seen"] == pytest.approx(fmean(seen), abs=1e-4)


def test_rallies_strokes_and_bounces_are_those_of_their_files(ball, told):
    for rally, cells in zip(told["rallies"], cells_of(ball.with_suffix(".rallies.csv")), strict=True):
        for name in ("rally", "start_s", "end_s", "start_frame", "end_frame", "strokes", "bounces", "confidence"):
            assert rally[name] == number(cells[name])
        assert (rally["server"], rally["ended"]) == (cells["server"] or None, cells["ended"] or None)
    for stroke, cells in zip(told["strokes"], cells_of(ball.with_suffix(".strokes.csv")), strict=True):
        for name in (
            "stroke",
            "rally",
            "time_s",
            "speed_kmh",
            "speed_low",
            "speed_high",
            "net_clearance_cm",
            "bounce_major_cm",
        ):
            assert stroke[name] == number(cells[name])
        assert (stroke["side"], stroke["spin"]) == (cells["side"] or None, cells["spin"] or None)
    bounces = [cells for cells in cells_of(ball.with_suffix(".events.csv")) if cells["event"] == "bounce"]
    for bounce, cells in zip(told["bounces"], bounces, strict=True):
        for name in ("frame", "time_s", "confidence", "error_s", "table_x_m", "table_y_m"):
            assert bounce[name] == number(cells[name])


def test_spreads_are_those_of_the_strokes(ball, told):
    strokes = cells_of(ball.with_suffix(".strokes.csv"))
    for key, column in (("speeds", "speed_kmh"), ("heights", "net_clearance_cm")):
        for side in ("left", "right"):
            values = [float(cells[column]) for cells in strokes if cells["side"] == side and cells[column]]
            spread = told[key][side]
            assert (spread["count"], spread["least"], spread["most"]) == (len(values), min(values), max(values))
            assert spread["median"] == pytest.approx(median(values), abs=1e-3)
        assert told[key]["all"]["count"] == sum(bool(cells[column]) for cells in strokes)
    first = [
        cells["speed_kmh"]
        for cells in strokes
        if not any(c["rally"] == cells["rally"] and float(c["time_s"]) < float(cells["time_s"]) for c in strokes)
    ]
    assert told["speeds"]["serve"]["count"] == sum(map(bool, first))


def test_bounces_know_their_stroke_half_zone_and_ellipse(ball, told):
    for rally in told["rallies"]:
        own = [bounce for bounce in told["bounces"] if bounce["rally"] == rally["rally"]]
        phases = ["serve", "serve", "receive", "third ball", *["later"] * 20]
        assert [bounce["phase"] for bounce in own] == phases[: len(own)]
        assert [bounce["lands"] for bounce in own[:2]] == ["own half", "other half"]
        if rally["server"]:
            assert own[0]["half"] == rally["server"]
    landed = [bounce for bounce in told["bounces"] if bounce["lands"] == "other half"]
    assert all(bounce["bounce_major_cm"] is not None for bounce in landed)
    counted = sum(count for half in told["zones"].values() for count in half.values())
    assert counted == len(landed)


def test_the_last_three_strokes_are_told(told):
    for rally in told["rallies"]:
        own = [stroke["stroke"] for stroke in told["strokes"] if stroke["rally"] == rally["rally"]]
        assert rally["last_strokes"] == own[-3:]


def test_a_zone_is_told_as_its_own_player_sees_it():
    assert zone_of(0.0, 0.2) == "short_middle" and zone_of(0.0, -1.3) == "long_middle"
    assert zone_of(0.6, 0.7) == "half_left" and zone_of(0.6, -0.7) == "half_right"
    assert zone_of(0.9, 0.7) is None and zone_of(None, None) is None


def test_from_a_missing_event_on_no_stroke_is_told(ball, tmp_path):
    write_match(tmp_path, rallies=14, seed=5)
    path = tmp_path / "ball.events.csv"
    events = read_events_csv(path)
    rallies = cells_of(ball.with_suffix(".rallies.csv"))
    long = next(each for each in rallies if int(each["strokes"]) >= 5)
    inside = [event for event in events if float(long["start_s"]) <= event.time_seconds <= float(long["end_s"])]
    passing = [event for event in inside if event.event == "net"][2]
    write_events_csv(path, [event for event in events if event is not passing], overwrite=True)
    told = match_numbers(read_match(find_files(tmp_path / "ball.csv")))
    own = [bounce["phase"] for bounce in told["bounces"] if bounce["rally"] == int(long["rally"])]
    assert own[:3] == ["serve", "serve", "receive"] and set(own[3:]) == {None}
    assert any("belong to no stroke" in line for line in told["not_told"])


def test_provenance_has_the_hashes_of_the_files(ball, told):
    files = told["provenance"]["files"]
    assert files["ball"] == {"name": "ball.csv", "sha256": content_hash(ball)} and set(files) == {
        "ball",
        "events",
        "rallies",
        "strokes",
    }
    assert told["provenance"]["video"]["sha256"] == "ab" * 32 and told["provenance"]["checkpoint"]["name"].startswith(
        "centernet"
    )


def test_json_is_what_the_page_holds(ball, tmp_path):
    result = run("report", ball, "-o", tmp_path / "r.html", "--json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    [data] = re.findall(
        r'<script type="application/json" id="report">(.*?)</script>', (tmp_path / "r.html").read_text(), re.DOTALL
    )
    inside = json.loads(data)
    assert inside["matches"] == said["matches"] and said["bytes"] == (tmp_path / "r.html").stat().st_size


def test_what_is_not_there_is_said(tmp_path):
    ball = write_match(tmp_path, rallies=4, strokes=False, table=False)
    told = match_numbers(read_match(find_files(ball)))
    assert told["zones"] == told["speeds"] == told["heights"] == {} and told["strokes"] == []
    assert any("no strokes.csv" in line for line in told["not_told"]) and any(
        "no position on the table" in line for line in told["not_told"]
    )
    assert [bounce["phase"] for bounce in told["bounces"][:2]] == ["serve", "serve"]  # by the passings alone
    for kind in ("events", "rallies"):
        (tmp_path / f"ball.{kind}.csv").unlink()
    (tmp_path / "ball.json").unlink()
    told = match_numbers(read_match(find_files(ball)))
    assert (
        told["rallies"] == told["bounces"] == []
        and len([line for line in told["not_told"] if " is no " in line or "no manifest" in line]) == 4
    )
    assert run("report", ball, "-o", tmp_path / "r.html").exit_code == 0


@pytest.mark.slow
def test_many_strokes_are_drawn_within_five_megabytes(tmp_path):
    ball = write_match(tmp_path, rallies=250)
    said = json.loads(run("report", ball, "-o", tmp_path / "r.html", "--json").stdout)
    assert said["matches"][0]["found"]["strokes"] > 900 and said["bytes"] < 5e6


def test_several_matches_stand_beside_each_other(tmp_path):
    balls = [write_match(tmp_path, 5, seed, f"match_{seed}") for seed in (1, 2)]
    assert run("report", *balls, "-o", tmp_path / "both.html").exit_code == 0
    page = (tmp_path / "both.html").read_text()
    assert "href='#m1'>match_1" in page and 'id="m2"' in page and page.count("<article") == 2
    assert (
        run(
            "report", *balls, "-o", tmp_path / "both.html", "--overwrite", "--events", tmp_path / "match_1.events.csv"
        ).exit_code
        == 2
    )


@pytest.mark.parametrize("count", [1, 2])
def test_no_level_of_headings_is_left_out(tmp_path, count):
    balls = [write_match(tmp_path, 3, seed, f"match_{seed}") for seed in range(count)]
    assert run("report", *balls, "-o", tmp_path / "r.html").exit_code == 0
    main_part = (tmp_path / "r.html").read_text().split("<dialog")[0]
    levels = [int(level) for level in re.findall(r"<h(\d)", main_part)]
    assert levels[0] == 1 and all(after <= before + 1 for before, after in pairwise(levels))


def test_wrong_input_is_one_line(tmp_path):
    ball = write_match(tmp_path, 2)
    for arguments, fact in (
        ((tmp_path / "absent.csv",), "does not exist"),
        ((tmp_path / "absent.mp4",), "does not exist"),
        ((ball, "--strokes", tmp_path / "ball.json"), "ball.json"),
        ((ball, "-o", tmp_path / "ball.json"), "exists already"),
    ):
        result = run("report", *arguments)
        assert result.exit_code == 1 and fact in result.stderr and result.stderr.count("\n") == 1, result.output
    (tmp_path / "ball.strokes.csv").write_text("stroke,rally,time_s\n1,0.5,3\n")
    assert "rally is '0.5'" in run("report", ball).stderr
    assert not (tmp_path / "ball.html").exists()


def test_names_from_outside_are_text(tmp_path):
    ball = write_match(tmp_path, 2, name="<img src=x onerror=alert(1)>&")
    assert run("report", ball, "-o", tmp_path / "r.html", "--title", "</script><script>alert(2)</script>").exit_code == 0
    page = (tmp_path / "r.html").read_text()
    assert "<img" not in page and "alert(2)</script>" not in page.replace("&lt;/script&gt;", "")
    assert page.count("<script") == 2


def test_the_page_asks_for_nothing_of_a_network(tmp_path):
    ball = write_match(tmp_path, 2)
    run("report", ball, "-o", tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()
    assert not re.findall(r"(?:https?:)?//[a-z]", page.split('id="report"')[0]) and "default-src &#x27;none&#x27;" in page


def test_clips_lie_beside_the_page(tmp_path):
    from fractions import Fraction

    from ball_videos import ball_picture, write_video

    ball = write_match(tmp_path, 2)
    write_video(tmp_path / "ball.mp4", (ball_picture(64, 96, (5 + index % 80, 30)) for index in range(500)), Fraction(50))
    result = run("report", ball, "-o", tmp_path / "r.html", "--with-clips", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["clips"] == 2
    assert [path.name for path in sorted((tmp_path / "r_clips").iterdir())] == ["1_001.mp4", "1_002.mp4"]
    assert "r_clips/1_001.mp4" in (tmp_path / "r.html").read_text()
    assert np.isfinite(json.loads(result.stdout)["bytes"])
