"""Any frame by its number: the picture that was drawn with that number, whatever the file is."""

from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from ball_videos import turn_upright
from made_videos import write

from ttcli.video.frame_access import FrameAccess
from ttcli.video.probe import probe
from ttcli.video.reader import FrameReader

COUNT, HEIGHT, WIDTH, BITS = 110, 64, 128, 8


def numbered_picture(number: int) -> np.ndarray:
    """Return a picture in which a number stands as white and black columns."""
    picture = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    for bit in range(BITS):
        picture[8:-8, 16 * bit + 2 : 16 * bit + 14] = 235 if number >> bit & 1 else 20
    return picture


def number_in(picture: np.ndarray) -> int:
    """Read it back."""
    columns = picture[20:-20, :, 1].mean(0)
    return sum(int(columns[16 * bit + 8] > 128) << bit for bit in range(BITS))


def numbered(path, count=COUNT, **settings):
    write(path, [numbered_picture(number) for number in range(count)], **settings)
    return path


UNEVEN = np.cumsum(np.random.default_rng(3).choice([0.01, 0.02, 0.04, 0.11], COUNT)).tolist()
B_FRAMES = {"g": "25", "bf": "3", "x264-params": "open-gop=1:bframes=3:b-adapt=0"}
HEVC = {"x265-params": "log-level=none:keyint=24:min-keyint=24:open-gop=1:bframes=4:b-adapt=0"}
FILES = {
    "plain.mp4": {"options": {"g": "12", "bf": "0"}},
    "open_gop.mp4": {"options": B_FRAMES},
    "open_gop.mkv": {"options": B_FRAMES},
    "hevc.mp4": {"codec": "libx265", "options": HEVC},
    "hevc.mkv": {"codec": "libx265", "options": HEVC},
    "uneven.mp4": {"times": UNEVEN, "options": B_FRAMES},
    "uneven.mkv": {"times": UNEVEN, "options": B_FRAMES},
    "late.mp4": {"times": [7.3 + time for time in UNEVEN], "options": B_FRAMES},
    "stream.ts": {"options": B_FRAMES},
    "old.avi": {"codec": "mpeg4", "options": {"g": "12"}},
}
ORDER = [0, 1, 2, 60, 61, 59, 58, 100, 3, 109, 24, 25, 26, 47, 48, 49, 50, 99, 23, 0, 108, 109]


@pytest.fixture(scope="module")
def file_of(tmp_path_factory):
    """Return a function that gives the file of a name, made once; no test changes it."""
    folder = tmp_path_factory.mktemp("numbered")
    return cache(lambda name: numbered(folder / name, **FILES[name]))


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("name", FILES)
def test_frame_n_shows_the_picture_of_that_number(file_of, name, timed):
    info = probe(file_of(name))
    times = None
    if timed:
        with FrameReader(info) as reader:
            frames = list(reader)
        assert [number_in(frame.picture) for frame in frames] == list(range(COUNT))
        times = np.round([frame.time_seconds for frame in frames], 6)  # as ball.csv has them
    with FrameAccess(info, times) as access:
        assert [number_in(access.picture(number)) for number in ORDER] == ORDER
        assert access.picture(COUNT) is None
        assert number_in(access.picture(7)) == 7


@pytest.mark.parametrize("cut", [30, 80])
def test_joined_recordings_whose_clock_starts_anew_are_counted(tmp_path, cut):
    first, second = (tmp_path / name for name in ("first.ts", "second.ts"))
    write(first, [numbered_picture(number) for number in range(cut)], options=B_FRAMES)
    write(second, [numbered_picture(number) for number in range(cut, COUNT)], options=B_FRAMES)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    info = probe(joined)
    with FrameReader(info) as reader:
        frames = list(reader)
    shown = [number_in(frame.picture) for frame in frames]
    times = np.round([frame.time_seconds for frame in frames], 6)
    for frame in (*range(17, len(frames), 9), 3):  # each as the first that is asked for
        with FrameAccess(info, times) as access:
            assert number_in(access.picture(frame)) == shown[frame]


@pytest.mark.parametrize("clockwise", [90, 180, 270])
def test_pictures_are_upright_and_of_the_size_asked_for(tmp_path, clockwise):
    path = tmp_path / "turned.mp4"
    turned = [np.ascontiguousarray(np.rot90(numbered_picture(number), clockwise // 90)) for number in range(40)]
    write(path, turned)
    with FrameAccess(probe(turn_upright(path, clockwise))) as access:
        assert [number_in(access.picture(number)) for number in (30, 5, 39)] == [30, 5, 39]
        assert access.picture(31, (32, 64)).shape == (32, 64, 3)


def test_frames_of_one_time_are_counted_from_one_whose_time_is_its_own(file_of):
    info = probe(file_of("plain.mp4"))
    times = np.round(np.arange(COUNT) / 25, 6)
    with FrameAccess(info, times) as access:
        assert number_in(access.picture(80)) == 80
    times[50:54] = times[50]  # as a clock has it that never goes back
    with FrameAccess(info, times) as access:
        assert [number_in(access.picture(number)) for number in (70, 90, 56)] == [70, 90, 56]


@pytest.mark.parametrize(("name", "step"), [("plain.mp4", 0.0371), ("uneven.mp4", 0.04), ("uneven.mkv", 0.01)])
def test_times_of_another_video_do_not_mislead(file_of, name, step):
    info = probe(file_of(name))
    with FrameAccess(info, np.arange(COUNT) * step) as access:
        assert [number_in(access.picture(number)) for number in (70, 71, 20)] == [70, 71, 20]


def test_a_folder_of_pictures_is_a_video(tmp_path):
    import cv2

    for number in range(30):
        cv2.imwrite(str(tmp_path / f"p_{number + 5:04d}.png"), numbered_picture(number))
    with FrameAccess(probe(tmp_path, 25.0)) as access:
        assert [number_in(access.picture(number)) for number in (20, 3, 29)] == [20, 3, 29]
        assert access.picture(30) is None


def test_what_is_damaged_is_none_and_the_others_keep_their_numbers(tmp_path):
    path = numbered(tmp_path / "plain.mp4", options={"g": "10", "bf": "0"}, rate=Fraction(25))
    content = bytearray(path.read_bytes())
    middle = content.index(b"mdat") + len(content) // 3
    content[middle : middle + 120] = bytes(120)
    path.write_bytes(content)
    info = probe(path)
    with FrameReader(info) as reader:
        frames = list(reader)
    broken = [frame.frame_index for frame in frames if frame.picture is None]
    with FrameAccess(info, np.round([frame.time_seconds for frame in frames], 6)) as access:
        assert number_in(access.picture(100)) == 100
        assert number_in(access.picture(99)) == 99
        assert all(access.picture(number) is None for number in broken)
