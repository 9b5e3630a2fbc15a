from fractions import Fraction
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
from ball_videos import ball_path, turn_upright

from ttcli.configs import RenderConfig
from ttcli.errors import InputError, LabelError, OutputError, SettingError
from ttcli.render import check_overlay, render
from ttcli.rendering.drawing import (
    BOUNCE,
    CERTAIN,
    DOUBTFUL,
    DRAW_EVENT,
    FLASH,
    TRAIL,
    TrailPoint,
    draw_bounce,
    draw_flash,
    draw_marker,
    draw_text,
    draw_trail,
    format_clock,
)
from ttcli.rendering.overlay import MOST_MARKS, Overlay, find_streak
from ttcli.rendering.slow_motion import SlowMotion
from ttcli.results.events import Event, write_events_csv
from ttcli.results.trajectory import BallPosition, Status, write_ball_csv
from ttcli.video.gif import GifWriter
from ttcli.video.probe import probe
from ttcli.video.reader import Frame, FrameReader

CONFIG = RenderConfig(crf=8)


def seen(frame_index, x, y, confidence=0.9, status=Status.SEEN):
    return BallPosition(frame_index, frame_index / 25, x, y, confidence, status)


def unseen(frame_index):
    return BallPosition(frame_index, frame_index / 25, None, None, 0.1, Status.UNSEEN)


def write_rows(path, frame_count, height=64, width=96):
    write_ball_csv(path, [seen(index, x, y) for index, (x, y) in enumerate(ball_path(frame_count, height, width))])
    return path


def pictures_of(path):
    with FrameReader(probe(path)) as reader:
        return [frame.picture.astype(int) for frame in reader]


def colourful_centre(picture, top):
    """Return the mean place (x, y) of coloured pixels below row `top`: the ball and the text are gray."""
    rows, columns = np.nonzero(np.ptp(picture, axis=2) > 60)
    below = rows >= top
    return columns[below].mean(), rows[below].mean()


def test_the_marker_is_around_the_ball_in_every_frame(ball_video, tmp_path):
    path = [(30.0 + 9 * index, 90.0 + 4 * index) for index in range(12)]
    video = ball_video(positions=path, height=160, width=192)
    write_ball_csv(tmp_path / "ball.csv", [seen(index, x, y) for index, (x, y) in enumerate(path)])
    summary = render(video, tmp_path / "ball.csv", tmp_path / "out.mp4", RenderConfig(trail_seconds=0, crf=8))
    assert (summary.frames, summary.marked) == (12, 12)
    for picture, place in zip(pictures_of(tmp_path / "out.mp4"), path, strict=True):
        assert colourful_centre(picture, top=30) == pytest.approx(place, abs=1.5)


def test_positions_scale_with_the_picture(ball_video, tmp_path):
    video = ball_video(positions=[(150.0, 200.0)], height=320, width=384)
    write_ball_csv(tmp_path / "ball.csv", [seen(0, 150.0, 200.0)])
    render(video, tmp_path / "ball.csv", tmp_path / "out.mp4", RenderConfig(scale=0.5, trail_seconds=0, crf=8))
    info = probe(tmp_path / "out.mp4")
    assert (info.height, info.width) == (160, 192)
    [picture] = pictures_of(tmp_path / "out.mp4")
    assert colourful_centre(picture, top=40) == pytest.approx((74.75, 99.75), abs=1.5)


def test_defaults_lie_beside_the_video(ball_video, tmp_path):
    video = ball_video("match.mkv", 5)
    write_rows(tmp_path / "match.csv", 5)
    assert render(video, None, None, CONFIG).output == str(tmp_path / "match.overlay.mp4")
    assert probe(tmp_path / "match.overlay.mp4").frame_count == 5


def test_sound_is_kept_unless_unwanted(ball_video, tmp_path):
    video = ball_video(positions=25, audio=True)
    write_rows(tmp_path / "match.csv", 25)
    render(video, None, tmp_path / "loud.mp4", CONFIG)
    render(video, None, tmp_path / "mute.mp4", RenderConfig(audio=False))
    assert probe(tmp_path / "loud.mp4").has_audio and not probe(tmp_path / "mute.mp4").has_audio
    with av.open(str(tmp_path / "loud.mp4")) as container:
        assert float(container.streams.audio[0].duration * container.streams.audio[0].time_base) > 0.9


@pytest.mark.parametrize(("start", "end"), [("0.4", "0.8"), ("10f", "20f"), ("0.4", "20f")])
def test_a_part_keeps_its_balls_its_clock_and_its_sound(ball_video, tmp_path, start, end):
    path = [(30.0 + 5 * index, 60.0 + 3 * index) for index in range(30)]
    video = ball_video(positions=path, height=160, width=192, audio=True)
    write_ball_csv(tmp_path / "ball.csv", [seen(index, x, y) for index, (x, y) in enumerate(path)])
    config = RenderConfig(trail_seconds=0, crf=8, start=start, end=end)
    summary = render(video, tmp_path / "ball.csv", tmp_path / "out.mp4", config)
    assert (summary.frames, summary.marked) == (11, 11)
    for picture, place in zip(pictures_of(tmp_path / "out.mp4"), path[10:21], strict=True):
        assert colourful_centre(picture, top=30) == pytest.approx(place, abs=1.5)
    with av.open(str(tmp_path / "out.mp4")) as container:
        sound, pictures = container.streams.audio[0], container.streams.video[0]
        assert float(pictures.start_time * pictures.time_base) == pytest.approx(0, abs=0.001)
        stamps = [float(packet.pts * sound.time_base) for packet in container.demux(sound) if packet.size]
    assert 0 <= stamps[0] < 0.03 and 0.4 < stamps[-1] < 0.75  # eleven frames, and a little behind them


def test_a_part_that_cannot_be_is_one_line(ball_video, tmp_path):
    video = ball_video(positions=5)
    write_rows(tmp_path / "match.csv", 5)
    for start, end, message in (
        ("soon", None, "'soon' is no place in a video"), ("9", None, "behind the last row"), ("3f", "1f", "before --start"),
        ("-1", None, "no place"), ("xf", None, "no place"), ("nan", None, "no place"),
    ):  # fmt: skip
        with pytest.raises(SettingError, match=message):
            render(video, None, tmp_path / "out.mp4", RenderConfig(start=start, end=end))
    assert render(video, None, tmp_path / "out.mp4", RenderConfig(start="1f", end="99")).frames == 4


def test_a_turned_video_comes_out_upright(ball_video, tmp_path):
    video = turn_upright(ball_video(positions=3), 90)
    write_rows(tmp_path / "match.csv", 3)
    render(video, None, tmp_path / "out.mp4", CONFIG)
    info = probe(tmp_path / "out.mp4")
    assert (info.height, info.width, info.rotation) == (96, 64, 0)


def test_surplus_rows_are_told_and_missing_ones_show_no_ball(ball_video, tmp_path):
    video, told = ball_video(positions=6), []
    write_rows(tmp_path / "match.csv", 9)
    assert render(video, None, tmp_path / "long.mp4", CONFIG, tell=told.append).marked == 6
    assert len(told) == 1 and "3 rows" in told[0]
    write_rows(tmp_path / "few.csv", 2)
    summary = render(video, tmp_path / "few.csv", tmp_path / "short.mp4", CONFIG, tell=told.append)
    assert (summary.frames, summary.marked, len(told)) == (6, 2, 1)


def test_errors_are_told_before_work(ball_video, tmp_path):
    video = ball_video(positions=2)
    with pytest.raises(InputError, match="no match.csv beside it; run `ttcli detect"):
        render(video, None, None, CONFIG)
    ball_csv = write_rows(tmp_path / "match.csv", 2)
    with pytest.raises(InputError, match="absent.csv"):
        render(video, tmp_path / "absent.csv", None, CONFIG)
    with pytest.raises(InputError, match="absent.mp4"):
        render(tmp_path / "absent.mp4", ball_csv, None, CONFIG)
    for same in (video, ball_csv):
        with pytest.raises(OutputError, match="is an input itself"):
            render(video, None, same, RenderConfig(overwrite=True))
    (tmp_path / "there.mp4").touch()
    with pytest.raises(OutputError, match="exists already"):
        render(video, None, tmp_path / "there.mp4", CONFIG)
    with pytest.raises(SettingError, match="--scale"):
        render(video, None, None, RenderConfig(scale=1.5))
    (tmp_path / "bad.csv").write_text("frame,x,y,status\n0,1,2,perhaps\n")
    with pytest.raises(LabelError, match="bad.csv:2"):
        render(video, tmp_path / "bad.csv", None, CONFIG)
    assert not (tmp_path / "match.overlay.mp4").exists()


def test_an_overlay_beside_a_detection_is_checked_first(ball_video, tmp_path):
    video = ball_video(positions=2)
    check_overlay(tmp_path / "new.mp4", [video], tmp_path / "ball.csv", overwrite=False)
    with pytest.raises(SettingError, match="is for one video"):
        check_overlay(tmp_path / "new.mp4", [video, video], None, overwrite=False)
    with pytest.raises(SettingError, match="same file as the CSV"):
        check_overlay(tmp_path / "ball.csv", [video], tmp_path / "ball.csv", overwrite=True)
    with pytest.raises(OutputError, match="is an input itself"):
        check_overlay(video, [video], None, overwrite=True)


def test_the_clock_shows_hours_to_milliseconds():
    assert [format_clock(seconds) for seconds in (0, 59.9996, 3725.04)] == ["0:00:00.000", "0:01:00.000", "1:02:05.040"]


def test_the_trail_fades_and_leaves_gaps_open():
    picture = np.zeros((200, 300, 3), np.uint8)
    places = {0: 20, 1: 60, 2: 100, 5: 200, 6: 240}  # frames 3 and 4 did not see the ball
    trail = [TrailPoint(index, index / 25, float(x), 100.0) for index, x in places.items()]
    draw_trail(picture, trail, now_seconds=6 / 25, trail_seconds=0.5)
    line = picture[100].astype(int).sum(1)
    assert line[30] and line[80] and line[220]
    assert not line[110:190].any()
    assert line[40] < line[80] < line[220] <= sum(TRAIL)


def test_the_trail_ends_with_its_time_and_may_leave_the_picture():
    picture = np.zeros((50, 50, 3), np.uint8)
    draw_trail(picture, [TrailPoint(0, 0.0, 25.0, 25.0)], now_seconds=0.5, trail_seconds=0.5)
    draw_trail(picture, [TrailPoint(0, 0.4, 900.0, -80.0)], now_seconds=0.5, trail_seconds=0.5)
    draw_trail(picture, [TrailPoint(0, 0.5, 25.0, 25.0)], now_seconds=0.5, trail_seconds=0.0)
    assert not picture.any()


def test_the_marker_grows_and_greens_with_confidence():
    drawn = []
    for confidence in (0.0, 1.0):
        picture = np.full((1080, 1920, 3), 128, np.uint8)
        draw_marker(picture, 800.0, 500.0, confidence, filled=False)
        changed = np.nonzero((picture != 128).any(2))
        drawn.append((np.ptp(changed[1]), {tuple(colour) for colour in picture[changed].tolist()}))
    assert drawn[0][0] < drawn[1][0]
    assert DOUBTFUL in drawn[0][1] and CERTAIN in drawn[1][1]


@pytest.mark.parametrize(("height", "width"), [(360, 640), (2160, 3840), (640, 360), (48, 64)])
def test_text_is_as_high_as_the_picture_allows_and_stays_inside(height, width):
    picture = np.full((height, width, 3), 128, np.uint8)
    draw_text(picture, "frame 123456  1:23:45.678")
    rows, columns = np.nonzero((picture > 200).all(2)) if height > 100 else np.nonzero((picture != 128).any(2))
    assert columns.max() < width - 1
    if height > 100:
        assert min(height, width) / 45 < np.ptp(rows) < min(height, width) / 18


def test_a_broken_frame_shows_the_picture_before_it(ball_video):
    overlay = Overlay(probe(ball_video(positions=1)), 64, 96, trail_seconds=0.5)
    good = np.full((64, 96, 3), 77, np.uint8)
    overlay.draw(Frame(0, 0.0, good), unseen(0))
    drawn = overlay.draw(Frame(1, 0.04, None), None)
    assert (drawn[-1, -1] == 77).all() and (good == 77).all()


def is_like(picture, colour):
    """Return where a picture has about a colour."""
    return np.abs(picture - np.array(colour)).sum(axis=2) < 150


def test_events_are_marked_where_and_when_they_happen(ball_video, tmp_path):
    video = ball_video(positions=[None] * 40, height=160, width=192)
    write_ball_csv(tmp_path / "ball.csv", [unseen(index) for index in range(40)])
    events = [
        Event(10.4, 0.416, "bounce", 60.0, 120.0, 0.9),
        Event(20.0, 0.8, "net", 120.0, 80.0, 0.9),
        Event(22.0, 0.88, "hit", 20.0, 140.0),
        Event(23.0, 0.92, "bounce"),
    ]
    write_events_csv(tmp_path / "events.csv", events)
    render(video, tmp_path / "ball.csv", tmp_path / "out.mp4", CONFIG, events_csv=tmp_path / "events.csv")
    bounced, flashed = (
        [is_like(picture, colour) for picture in pictures_of(tmp_path / "out.mp4")] for colour in (BOUNCE, FLASH)
    )
    assert [frame for frame, mark in enumerate(bounced) if mark.any()][0] == 10
    assert [frame for frame, mark in enumerate(flashed) if mark.any()][0] == 20
    assert not flashed[30].any()
    for mark, place in ((bounced[12], (60, 120)), (flashed[20], (120, 80))):
        rows, columns = np.nonzero(mark)
        assert (columns.mean(), rows.mean()) == pytest.approx(place, abs=2)


@pytest.mark.parametrize("draw", [draw_bounce, draw_flash])
def test_event_marks_fade_and_may_lie_outside_of_the_picture(draw):
    changes = []
    for age in (0.0, 0.9):
        picture = np.zeros((120, 160, 3), np.uint8)
        draw(picture, 80.0, 60.0, age)
        changes.append(int(picture.max()))
    assert changes[0] > 2 * changes[1] > 0
    empty = np.zeros((120, 160, 3), np.uint8)
    draw(empty, -500.0, 9000.0, 0.0)
    assert not empty.any()


def test_subtitles_are_written_beside_and_need_events(ball_video, tmp_path):
    video = ball_video(positions=3)
    write_rows(tmp_path / "match.csv", 3)
    with pytest.raises(SettingError, match="--events"):
        render(video, None, None, CONFIG, subtitles=tmp_path / "match.srt")
    write_events_csv(tmp_path / "events.csv", [Event(1.0, 0.04, "bounce", 3.0, 4.0, 0.9)])
    render(video, None, None, CONFIG, events_csv=tmp_path / "events.csv", subtitles=tmp_path / "match.srt")
    assert "bounce 0.90" in (tmp_path / "match.srt").read_text()


def test_the_trail_is_fainter_where_the_ball_is_in_doubt():
    strengths = []
    for confidence in (0.5, 1.0):
        picture = np.zeros((60, 90, 3), np.uint8)
        trail = [TrailPoint(index, index / 25, 20.0 + 20 * index, 30.0, confidence) for index in range(3)]
        draw_trail(picture, trail, now_seconds=0.1, trail_seconds=1.0)
        strengths.append(int(picture[30, 30].sum()))
    assert 0 < strengths[0] < 0.6 * strengths[1]


def streaks(frame_count, length, step=24.0, height=120, width=400):
    """Return pictures with a streak of `length` pixels that goes to the right, and the places of its middle."""
    places = [(40.0 + step * index, 60.0) for index in range(frame_count)]
    pictures = []
    for x, y in places:
        picture = np.full((height, width, 3), 60, np.uint8)
        ends = [(round((x + sign * length / 2) * 16), round(y * 16)) for sign in (-1, 1)]
        cv2.line(picture, *ends, (220, 220, 220), 5, cv2.LINE_AA, 4)
        pictures.append(picture)
    return pictures, places


@pytest.mark.parametrize("length", [10, 20])
def test_the_marker_goes_around_the_whole_streak(length):
    pictures, places = streaks(4, length)
    trail = [TrailPoint(index, index / 25, x, y) for index, (x, y) in enumerate(places)]
    streak = find_streak(pictures[2], pictures[3], trail)
    assert abs(streak.end_x - streak.start_x) == pytest.approx(length + 5, abs=4)  # its ends are round
    assert (streak.start_x + streak.end_x) / 2 == pytest.approx(places[3][0], abs=1.5)
    assert streak.start_y == pytest.approx(60) and streak.end_y == pytest.approx(60)
    picture = pictures[3].copy()
    draw_marker(picture, *places[3], 0.9, False, streak)
    columns = np.nonzero((picture != pictures[3]).any(2))[1]
    assert columns.min() < places[3][0] - length / 2 and columns.max() > places[3][0] + length / 2
    round_one = pictures[3].copy()
    draw_marker(round_one, *places[3], 0.9, False)
    assert np.ptp(columns) > np.ptp(np.nonzero((round_one != pictures[3]).any(2))[1])


def test_no_streak_is_made_up():
    pictures, places = streaks(4, 10)
    trail = [TrailPoint(index, index / 25, x, y) for index, (x, y) in enumerate(places)]
    empty = np.full_like(pictures[0], 60)
    assert find_streak(empty, empty, trail) is None  # nothing is there
    assert find_streak(pictures[2], pictures[3], trail[:1]) is None  # nobody knows where it came from
    assert find_streak(pictures[2], pictures[3], [trail[0], trail[3]]) is None  # nor over a gap
    slow = [TrailPoint(0, 0.0, 100.0, 60.0), TrailPoint(1, 0.04, 102.0, 60.0)]
    assert find_streak(pictures[2], pictures[3], slow) is None


def test_the_inset_shows_the_ball_larger_and_keeps_out_of_its_way(ball_video):
    overlay = Overlay(probe(ball_video(positions=1, height=200, width=300)), 200, 300, 0.5, zoom=4)
    rows = {}
    for index, place in enumerate([(40.0, 30.0)] * 5 + [(270.0, 180.0)] * 5 + [None] * 40):
        picture = np.full((200, 300, 3), 50, np.uint8)
        if place:
            cv2.circle(picture, (int(place[0]), int(place[1])), 3, (250, 250, 250), -1)
        position = seen(index, *place) if place else unseen(index)
        rows[index] = overlay.draw(Frame(index, index / 25, picture), position)
    white = (rows[4] > 240).all(2)[140:198, 236:298]  # below, to the right; 60 pixels high
    assert 200 < white[2:-2, 2:-2].sum() < 1200  # a disc of 24 pixels, where the ball has 6

    assert (rows[9] > 240).all(2)[140:198, 2:64].sum() > 200  # now to the left
    assert rows[49][140:198].max() < 60  # gone with the ball


def test_the_speed_is_told_in_pixels_of_the_video(ball_video):
    info = probe(ball_video(positions=1, height=200, width=400))
    overlay = Overlay(info, 100, 200, 0.5, speed=True)
    for index in range(6):
        picture = np.zeros((100, 200, 3), np.uint8)
        overlay.draw(Frame(index, index / 25, picture), seen(index, 20.0 + 12 * index, 40.0 + 5 * index))
    assert overlay._speed_at(5 / 25) == pytest.approx(13 * 25)
    assert "325 px/s" in overlay._text(Frame(5, 5 / 25, picture))
    assert overlay._speed_at(6 / 25) is None  # not seen there
    alone = Overlay(info, 100, 200, 0.5, speed=True)
    alone.draw(Frame(0, 0.0, picture), seen(0, 20.0, 40.0))
    assert "px/s" not in alone._text(Frame(0, 0.0, picture))


def test_events_are_shown_slower_and_all_else_as_it_is(ball_video, tmp_path):
    video = ball_video(positions=[None] * 50, height=160, width=192, audio=True)
    write_ball_csv(tmp_path / "ball.csv", [unseen(index) for index in range(50)])
    write_events_csv(tmp_path / "events.csv", [Event(25.0, 1.0, "bounce", 60.0, 120.0, 0.9), Event(40.0, 1.6, "hit")])
    config = RenderConfig(slow=3)
    render(video, tmp_path / "ball.csv", tmp_path / "out.mp4", config, events_csv=tmp_path / "events.csv")
    with FrameReader(probe(tmp_path / "out.mp4")) as reader:
        times = [frame.time_seconds for frame in reader]
    steps = np.diff(times)
    assert len(times) == 50
    assert steps[:18] == pytest.approx(0.04, abs=0.002) and steps[19:32] == pytest.approx(0.12, abs=0.002)
    assert steps[35:] == pytest.approx(0.04, abs=0.002)
    assert times[-1] == pytest.approx(49 / 25 + 2 * (0.25 + 0.35), abs=0.005)
    assert not probe(tmp_path / "out.mp4").has_audio
    with pytest.raises(SettingError, match="--slow"):
        render(video, tmp_path / "ball.csv", tmp_path / "b.mp4", config)


def test_slow_spans_that_meet_are_one():
    clock = SlowMotion([1.0, 0.1, 1.2], 4)
    assert clock.spans == [(0.0, pytest.approx(0.45)), (pytest.approx(0.75), pytest.approx(1.55))]
    moments = np.linspace(0, 3, 61)
    shown = [clock.shown_at(moment) for moment in moments]
    assert (np.diff(shown) > 0.049).all() and shown[-1] == pytest.approx(3 + 3 * (0.45 + 0.8))


def test_a_gif_is_short_small_and_complete(ball_video, tmp_path):
    path = [(30.0 + 5 * index, 60.0 + 3 * index) for index in range(50)]
    video = ball_video(positions=path, height=320, width=1280)
    write_ball_csv(tmp_path / "ball.csv", [seen(index, x, y) for index, (x, y) in enumerate(path)])
    render(video, tmp_path / "ball.csv", tmp_path / "out.gif", RenderConfig(trail_seconds=0))
    with av.open(str(tmp_path / "out.gif")) as container:
        frames = list(container.decode(video=0))
    assert (frames[0].width, frames[0].height) == (640, 160)
    assert 24 <= len(frames) <= 30  # of 50, at 15 a second
    assert float(frames[-1].pts * frames[-1].time_base) == pytest.approx(49 / 25, abs=0.09)
    last = frames[-1].to_ndarray(format="rgb24").astype(int)
    place = colourful_centre(last, top=25)
    assert place == pytest.approx((path[48][0] / 2, path[48][1] / 2), abs=4)


def test_a_gif_that_would_be_long_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(SettingError, match="--start"), GifWriter(tmp_path / "a.gif", 48, 64) as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8), 0.0)
        writer.write(np.zeros((48, 64, 3), np.uint8), 21.0)
    with pytest.raises(OutputError, match="not one picture"), GifWriter(tmp_path / "a.gif", 48, 64):
        pass
    assert not list(tmp_path.iterdir())


def test_the_map_shows_where_bounces_were_as_they_happen(ball_video):
    info = probe(ball_video(positions=3, height=360, width=640))
    events = [
        Event(0.0, 0.0, "bounce", 300.0, 200.0, 0.9, None, 0.5, -1.0),
        Event(2.0, 0.08, "bounce", 400.0, 200.0, 0.9, None, -0.5, 1.0),
        Event(2.2, 0.088, "net", 350.0, 150.0, 0.9),
    ]
    overlay = Overlay(info, 360, 640, 0.5, events, table_map=True)
    plain = Overlay(info, 360, 640, 0.5, events)
    pictures = []
    for number in range(3):
        picture = np.full((360, 640, 3), 90, np.uint8)
        drawn, without = (each.draw(Frame(number, number / 25, picture), None).astype(int) for each in (overlay, plain))
        assert np.array_equal(drawn[200:], without[200:])
        pictures.append(drawn[:200, 320:])
    pink = [(abs(picture - BOUNCE).sum(2) < 60) for picture in pictures]
    left, right = ([mask[:, half].sum() for mask in pink] for half in (slice(0, 244), slice(244, 320)))
    assert left[0] > 5 and right[:2] == [0, 0] and right[2] > 5
    rows = [np.nonzero(mask)[0].mean() for mask in (pink[0], pink[2][:, 244:])]
    assert rows[0] > rows[1]  # what is nearer to the camera is lower on the map


@pytest.mark.parametrize(("height", "width"), [(8, 8), (2, 16), (16, 2), (1, 1), (20, 24), (48, 64)])
@pytest.mark.parametrize("zoom", [1.0, 20.0])
def test_all_can_be_drawn_on_pictures_however_small(height, width, zoom):
    info = SimpleNamespace(height=height, width=width, frame_rate=Fraction(25))
    events = [Event(frame, frame / 25, "bounce", 3.0, 1.0, 0.9, None, 0.1, 0.2) for frame in range(6)]
    overlay = Overlay(info, height, width, 1.0, events, zoom=zoom, speed=True, table_map=True)
    for index in range(6):
        picture = np.full((height, width, 3), 20 * index, np.uint8)
        drawn = overlay.draw(Frame(index, 10_000 + index / 25, picture), seen(index, 1.5 * index, 1.0))
        assert drawn.shape == (height, width, 3)


def test_of_very_many_events_the_latest_are_drawn(monkeypatch):
    drawn = []
    monkeypatch.setitem(DRAW_EVENT, "bounce", lambda picture, x, y, age: drawn.append(x))
    info = SimpleNamespace(height=48, width=64, frame_rate=Fraction(25))
    events = [Event(frame / 1000, None, "bounce", frame / 100, 1.0) for frame in range(5000)]
    overlay = Overlay(info, 48, 64, 1.0, events)
    overlay.draw(Frame(5, 0.2, np.zeros((48, 64, 3), np.uint8)), None)
    assert len(drawn) == MOST_MARKS and max(drawn) == events[-1].x


def test_slow_motion_asks_few_of_many_instants():
    clock = SlowMotion([2.0 * number for number in range(100_000)], 3)
    assert all(clock.shown_at(second + 1.0) == pytest.approx(second + 1.0 + 2 * (0.6 * (second // 2) + 0.35), abs=1e-6)
               for second in range(2, 150_000, 2))  # fmt: skip
