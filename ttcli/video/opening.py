"""The one place where libavformat is given a file to read: an open one, of a format that names no others.

It opens nothing by itself. It reads what is opened here, so that a name is never taken for a protocol or a pattern.
No protocol is allowed to it. Formats that are lists of other files, devices or scripts are refused before their
headers are read.
"""

import errno
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

import av
import av.error
from av.container import InputContainer

from ttcli.errors import InputError, VideoError, told_of_system
from ttcli.video.standard_input import shown_name

CLOSED_FORMATS = {
    # lists of other files, and files that only mean something beside others
    "applehttp", "concat", "dash", "hds", "hls", "imf", "sdp", "smoothstreaming", "vobsub", "webm_dash_manifest",
    # numbered files by a pattern, and what is built on that
    "alias_pix", "brender_pix", "image2", "image2pipe",
    # the network
    "ndi", "rtp", "rtsp", "sap",
    # scripts and drawings, which may name anything
    "avisynth", "lavfi", "svg_pipe", "vapoursynth",
    # devices
    "alsa", "android_camera", "avfoundation", "bktr", "decklink", "dshow", "dvdvideo", "fbdev", "gdigrab", "iec61883", "jack",
    "kmsgrab", "libcdio", "libdc1394", "openal", "oss", "pulse", "sndio", "v4l2", "vfwcap", "video4linux2", "x11grab", "xcbgrab",
}  # fmt: skip
"""Names of libavformat's formats that no file is read as."""
STILL_FORMATS = {"apng", "bmp_pipe", "jpeg_pipe", "png_pipe", "tiff_pipe", "webp_pipe"}
"""Names of those that are pictures with a suffix which `image_folder` knows."""
FORMAT_OF_SUFFIX = {
    ".png": "png_pipe", ".jpg": "jpeg_pipe", ".jpeg": "jpeg_pipe", ".bmp": "bmp_pipe", ".tif": "tiff_pipe", ".tiff": "tiff_pipe",
    ".webp": "webp_pipe",
}  # fmt: skip
"""What a picture is read as whose beginning is too damaged to tell."""
READ_BYTES = 32768
"""In one go, as libavformat itself reads files."""
LIST_STARTS = (b"#EXTM3U", b"ffconcat")
"""Beginnings of lists that libavformat does not take for any format where they are called otherwise than usual."""
SNIFFED_BYTES = 4096


@contextmanager
def opened(path: Path, still: bool = False) -> Iterator[InputContainer]:
    """Open a media file for reading, and close it after the block.

    Args:
        path: The file.
        still: Whether it is one picture, and nothing else will do.

    Raises:
        InputError: There is no such file, or it is none that can be read.
        VideoError: It is no media file, or damaged.
    """
    with _ordinary_file(path) as file:
        try:
            container = _container(file, still)
        except av.error.FFmpegError as error:
            container = _damaged_picture(path, file, error)
        with container:
            yield container


class _Content(io.FileIO):
    """An open file for PyAV, which calls it by `name`: that tells the suffix, by which some raw formats are known."""

    name: str

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes; what the disk cannot read is an error of the file, as libavformat itself has it."""
        try:
            return super().read(-1 if size is None else size) or b""
        except OSError as error:
            raise av.error.FFmpegError(error.errno or errno.EIO, error.strerror or "Input/output error") from error

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to a place; one that no file has, as damage may name, gives a negative number, which libavformat knows."""
        try:
            return super().seek(offset, whence)
        except OSError as error:
            return -(error.errno or errno.EINVAL)


@contextmanager
def _ordinary_file(path: Path) -> Iterator[_Content]:
    """Open a file that is none but an ordinary one: a pipe or a device could make us wait for ever."""
    name = shown_name(path)
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError as error:
        raise InputError(name, "a name on its way is no valid UTF-8", "rename it") from error
    with told_of_system(path):
        try:
            _check_ordinary(name, path.stat().st_mode)
            handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        except FileNotFoundError as error:
            raise InputError(name, "does not exist", "check the name") from error
    with _Content(handle) as file:
        facts = os.fstat(handle)  # another file may have taken the name since
        _check_ordinary(name, facts.st_mode)
        if facts.st_size == 0:
            raise VideoError(name, "is empty (0 bytes)", "record or copy the file again")
        suffix = path.suffix[1:]
        file.name = f"input.{suffix}" if suffix.isascii() and suffix.isalnum() else "input"
        yield file


def _check_ordinary(name: str, mode: int) -> None:
    if not stat.S_ISREG(mode):
        cure = "give a file, or pipe it in and give - for standard input"
        raise InputError(name, f"is no ordinary file ({_kind(mode)})", cure)


def _kind(mode: int) -> str:
    kinds = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}
    return kinds.get(stat.S_IFMT(mode), "a folder" if stat.S_ISDIR(mode) else "of another kind")


def _container(file: _Content, still: bool, name: str | None = None) -> InputContainer:
    """Return the open file as a format, which is told by its content where no name is given."""
    options = {"protocol_whitelist": "none", "format_whitelist": _allowed_formats(still)}
    file.seek(0)
    try:
        return av.open(file, "r", format=name, options=options, buffer_size=READ_BYTES)
    except UnicodeDecodeError:
        # PyAV before 19 refuses tags (title, artist) that are not UTF-8; PyAV 19 has no such argument.
        file.seek(0)
        return av.open(file, "r", format=name, options=options, buffer_size=READ_BYTES, metadata_errors="replace")


@lru_cache
def _allowed_formats(still: bool) -> str:
    """Return the names of the formats that this build of libavformat may read, as its option takes them."""
    allowed = STILL_FORMATS if still else {name for entry in av.formats_available for name in entry.split(",")} - CLOSED_FORMATS
    return ",".join(sorted(allowed))


def _damaged_picture(path: Path, file: _Content, error: av.error.FFmpegError) -> InputContainer:
    """Return what could not be opened as the picture that its name says, where it says one.

    Raises:
        VideoError: It does not, or that is of no use either.
    """
    unknown = isinstance(error, av.error.InvalidDataError)
    if unknown or error.errno == errno.EINVAL:  # what libavformat says of a format that is not allowed
        _refuse_list(path, file, LIST_STARTS if unknown else (b"",))
        suffix = Path(file.name).suffix.lower()
        if suffix in FORMAT_OF_SUFFIX:
            with suppress(av.error.FFmpegError):
                return _container(file, True, FORMAT_OF_SUFFIX[suffix])
    if unknown:
        fact, cure = "is no video, or its index is missing (truncated?)", "give a complete video file such as .mp4"
    else:
        fact, cure = f"cannot be read as a video ({error.strerror})", "record or copy the file again, or convert it to mp4"
    raise VideoError(shown_name(path), fact, cure) from error


def _refuse_list(path: Path, file: _Content, starts: tuple[bytes, ...]) -> None:
    """Raise VideoError where a file that could not be opened is a text which begins like a list."""
    file.seek(0)
    beginning = file.read(SNIFFED_BYTES)
    if any(part in beginning for part in (b"\0", b"\xff", b"<svg")):  # no text, as lists are, or one of another kind
        return
    if b"<MPD" in beginning or beginning.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(starts):
        raise VideoError(shown_name(path), "is a list of other files, not a video", "give the video files themselves")
