"""Only the file that is given is opened, and only if it is an ordinary one."""

import errno
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import av.error
import cv2
import pytest
from video_files import noise_pictures, numbered_picture, read_number, write_numbered

from ttcli.errors import InputError, TtcliError, VideoError
from ttcli.video import opening
from ttcli.video.image_folder import decode_images, numbered_images
from ttcli.video.probe import is_image_folder, probe
from ttcli.video.reader import FrameReader
from ttcli.video.standard_input import FOLDER_PREFIX, NAME

LISTS = {
    "a.ffconcat": "ffconcat version 1.0\nfile secret.mp4\n",
    "ffconcat.mp4": "ffconcat version 1.0\nfile secret.mp4\n",
    "ffconcat_of_a_pipe.mp4": "ffconcat version 1.0\nfile pipe\n",
    "ffconcat_of_a_list.mp4": "ffconcat version 1.0\nfile a.ffconcat\n",
    "a.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n",
    "m3u8.mp4": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n",
    "marked.m3u8": "\ufeff#EXTM3U\n#EXTINF:1,\nsecret.mp4\n",
    "a.mpd": '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>secret.mp4</BaseURL></MPD>',
    "a.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    "a.idx": "# VobSub index file, v7 (do not modify this line!)\nid: en, index: 0\n",
}


@pytest.fixture
def opened_names(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of files that are opened, in whatever way Python has; libavformat itself is not allowed any protocol."""
    names: list[str] = []
    real = os.open
    monkeypatch.setattr(
        os, "open", lambda path, *rest, **settings: names.append(os.fspath(path)) or real(path, *rest, **settings)
    )
    return names


def write_pictures(folder: Path, count: int = 3) -> Path:
    folder.mkdir()
    for number in range(count):
        cv2.imwrite(str(folder / f"a{number:03d}.png"), numbered_picture(number))
    return folder


def numbers_in(path: Path) -> list[int | None]:
    with FrameReader(probe(path)) as reader:
        return [None if frame.picture is None else read_number(frame.picture) for frame in reader]


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_other_files_is_refused_and_none_of_them_is_opened(
    tmp_path: Path, name: str, opened_names: list[str]
) -> None:
    write_numbered(tmp_path / "secret.mp4", 2)
    os.mkfifo(tmp_path / "pipe")  # whoever opens it waits for ever
    for other, text in LISTS.items():
        (tmp_path / other).write_text(text, encoding="utf-8")
    opened_names.clear()
    with pytest.raises(VideoError, match="is a list of other files, not a video; give the video files themselves"):
        probe(tmp_path / name)
    assert opened_names == [str(tmp_path / name)]


def test_libavformat_opens_nothing_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even a list that were allowed could make it."""
    write_numbered(tmp_path / "secret.mp4", 2)
    monkeypatch.setattr(opening, "_allowed_formats", lambda still: "concat,hls,mov,mp4,image2")
    for name in ("ffconcat.mp4", "a.m3u8"):
        (tmp_path / name).write_text(LISTS[name])
        with pytest.raises(VideoError):
            probe(tmp_path / name)


def test_formats_that_open_other_files_are_closed_off() -> None:
    allowed = set(opening._allowed_formats(False).split(","))
    assert not allowed & {
        "concat",
        "hls",
        "dash",
        "imf",
        "sdp",
        "rtsp",
        "rtp",
        "image2",
        "vobsub",
        "webm_dash_manifest",
        "lavfi",
    }
    assert {"mov", "mp4", "matroska", "webm", "avi", "mpegts", "flv", "asf", "h264", "png_pipe", "gif", "mxf", "ogg"} <= allowed
    assert all(name.endswith("_pipe") or name == "apng" for name in opening._allowed_formats(True).split(","))


@pytest.mark.parametrize(
    "content", [LISTS["a.ffconcat"], LISTS["a.m3u8"], "a text", '<svg xmlns="http://www.w3.org/2000/svg"/>']
)
def test_what_is_no_picture_is_a_broken_frame(tmp_path: Path, content: str, opened_names: list[str]) -> None:
    folder = write_pictures(tmp_path / "in")
    (folder / "a001.png").write_text(content)
    assert numbers_in(folder) == [0, None, 2]
    assert {Path(name).name for name in opened_names if name.startswith(str(folder))} == {"a000.png", "a001.png", "a002.png"}


def test_a_video_among_pictures_is_no_picture(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "in")
    write_numbered(tmp_path / "a.mp4", 2).rename(folder / "a001.png")
    assert numbers_in(folder) == [0, None, 2]


@pytest.mark.parametrize("name", ["a%03d.png", "a%3d.png", "a00*.png", "a00?.png", "a{000,001}.png", "%d.png", "a%%03d.png"])
def test_a_name_is_no_pattern(tmp_path: Path, name: str) -> None:
    folder = write_pictures(tmp_path / "in")
    cv2.imwrite(str(tmp_path / "nine.png"), numbered_picture(9))
    (tmp_path / "nine.png").rename(folder / name)
    assert numbers_in(folder / name) == [9]


@pytest.mark.parametrize("name", ["a%03d_7.png", "a00*_7.png", "a00?7.png", "a{000,001}7.png"])
def test_the_name_of_a_picture_in_a_folder_is_no_pattern(tmp_path: Path, name: str) -> None:
    folder = write_pictures(tmp_path / "in")
    cv2.imwrite(str(tmp_path / "nine.png"), numbered_picture(9))
    (tmp_path / "nine.png").rename(folder / name)
    assert numbers_in(folder) == [0, 1, 2, 9]


def test_a_video_whose_name_is_a_pattern_is_itself(tmp_path: Path) -> None:
    assert numbers_in(write_numbered(tmp_path / "a%03d.mp4", 3)) == [0, 1, 2]


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def make_link_to_a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def make_link_to_a_pipe(path: Path) -> None:
    os.mkfifo(path.with_name("p"))
    path.symlink_to("p")


@pytest.mark.parametrize(
    ("make", "kind"),
    [(make_pipe, "a pipe"), (make_socket, "a socket"), (make_link_to_a_device, "a device"), (make_link_to_a_pipe, "a pipe")],
)
def test_what_is_no_ordinary_file_is_refused_without_waiting(
    tmp_path: Path, make: Callable[[Path], None], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the name of a socket may not be long
    make(Path("a.mp4"))
    cure = "give a file, or pipe it in and give - for standard input"
    with pytest.raises(InputError) as raised:
        probe(Path("a.mp4"))
    assert str(raised.value) == f"a.mp4: is no ordinary file ({kind}); {cure}"


def test_a_pipe_that_takes_the_name_of_a_file_is_refused_without_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, real = write_numbered(tmp_path / "a.mp4", 2), os.open

    def swapped(name: Path, *rest: int) -> int:
        path.unlink()
        os.mkfifo(path)
        return real(name, *rest)

    monkeypatch.setattr(os, "open", swapped)
    with pytest.raises(InputError, match="is no ordinary file"):
        probe(path)


def test_pipes_in_a_folder_are_neither_videos_nor_pictures(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "in")
    os.mkfifo(folder / "a.mp4"), os.mkfifo(folder / "a007.png")
    assert is_image_folder(folder) and list(numbered_images(folder)) == [0, 1, 2]


def test_a_picture_that_goes_away_is_a_broken_frame(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "in")
    pictures: Iterator = decode_images(folder)
    next(pictures)
    (folder / "a001.png").unlink()
    assert [frame is None for _, frame in pictures] == [True, False]


def raised_by(path: Path) -> str:
    with pytest.raises(TtcliError) as raised:
        probe(path)
    message = str(raised.value)
    assert raised.value.exit_code == 1 and message.isprintable() and message.encode()
    return message


def test_a_name_that_is_no_text_is_told_of_in_one_escaped_line(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/match\xff.mp4"))
    write_numbered(tmp_path / "a.mp4", 2).rename(path)
    assert raised_by(path) == f"{tmp_path}/match\\udcff.mp4: a name on its way is no valid UTF-8; rename it"
    folder = write_pictures(tmp_path / "in")
    picture = Path(os.fsdecode(os.fsencode(folder) + b"/\xe4_004.png"))
    (folder / "a002.png").rename(picture)
    assert raised_by(folder) == f"{folder}/\\udce4_004.png: the name of this picture is no valid UTF-8; rename it"
    picture.rename(folder / "a002.png")
    parent = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    folder.rename(parent)
    assert "rename" in raised_by(parent / "a000.png") and "\\udcff" in raised_by(parent / "a000.png")


def test_a_name_of_two_lines_is_told_of_in_one(tmp_path: Path) -> None:
    (tmp_path / "two\nlines\x1b[31m.mp4").write_bytes(b"")
    assert raised_by(tmp_path / "two\nlines\x1b[31m.mp4").startswith(
        f"{tmp_path}/two\\nlines\\x1b[31m.mp4: is empty (0 bytes); "
    )
    assert numbers_in(write_numbered(tmp_path / "two\ngood\nlines.mp4", 2)) == [0, 1]


def test_a_name_that_is_too_long_is_told_of_as_that(tmp_path: Path) -> None:
    assert raised_by(tmp_path / ("a" * 300 + ".mp4")).endswith(": the system says: File name too long; give a shorter name")
    assert raised_by(tmp_path / ("a/" * 3000) / "a.mp4").endswith("give a shorter name")


def test_a_folder_that_may_not_be_passed_is_told_of_as_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user of the tests may be one that may do everything."""
    path = write_numbered(tmp_path / "a.mp4", 2)
    real = Path.stat

    def refused(self: Path, **settings: bool) -> os.stat_result:
        if self == path:
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return real(self, **settings)

    monkeypatch.setattr(Path, "stat", refused)
    assert raised_by(path) == f"{path}: the system says: Permission denied; check the permissions"


def test_what_cannot_be_opened_is_told_of_by_what_the_system_says(tmp_path: Path) -> None:
    (tmp_path / "loop.mp4").symlink_to("loop.mp4")
    assert raised_by(tmp_path / "loop.mp4").endswith("Too many levels of symbolic links; check the links on the way")
    (tmp_path / "file").write_bytes(b"x")
    assert raised_by(tmp_path / "file" / "a.mp4").endswith("Not a directory; check the name")


def test_a_disk_that_fails_midway_ends_the_file_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_numbered(tmp_path / "a.mkv", 100)
    info, read, half = probe(path), opening._Content.read, path.stat().st_size // 2

    def failing(self: opening._Content, size: int = -1) -> bytes:
        if self.tell() > half:
            raise av.error.FFmpegError(errno.EIO, "Input/output error")
        return read(self, size)

    monkeypatch.setattr(opening, "READ_BYTES", 1024)
    monkeypatch.setattr(opening._Content, "read", failing)
    with FrameReader(info) as reader:
        frames = list(reader)
    assert 10 < len(frames) < 100 and reader.truncated


def open_files() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def test_a_file_is_closed_after_it_was_read(tmp_path: Path) -> None:
    path, before = write_numbered(tmp_path / "a.mp4", 3), open_files()
    (tmp_path / "text.mp4").write_text("no video" * 100)
    for _ in range(3):
        assert numbers_in(path) == [0, 1, 2]
        with pytest.raises(VideoError):
            probe(tmp_path / "text.mp4")
    assert open_files() == before


def test_a_place_that_no_file_has_is_an_error_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"content")
    with opening._ordinary_file(tmp_path / "a.mp4") as file:
        assert file.seek(-5) == -errno.EINVAL and file.read() == b"content"


def test_what_came_from_standard_input_is_called_so(tmp_path: Path) -> None:
    copy = tmp_path / f"{FOLDER_PREFIX}x" / NAME
    copy.parent.mkdir()
    copy.write_text("no video" * 100)
    assert raised_by(copy).startswith("-: is no video")


def test_tags_in_another_encoding_are_no_hindrance(tmp_path: Path) -> None:
    pictures = noise_pictures(2)
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        container.metadata["title"] = "Bxll"
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 96, 128, "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode(None))
    content = (tmp_path / "a.mkv").read_bytes()
    (tmp_path / "a.mkv").write_bytes(content.replace(b"Bxll", b"B\xe4ll"))
    assert probe(tmp_path / "a.mkv").codec == "h264"
