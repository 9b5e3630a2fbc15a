"""Videos of every kind that people have, each of a ball on a known path: what they are, and what must be found in them.

`python tests/helpers/made_videos.py` makes them all, reads them, and prints the table of docs/VIDEOS.md.
"""

import struct
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from ball_videos import HEIGHT, WIDTH, ball_path, ball_picture

from ttcli.video.probe import VideoInfo, probe
from ttcli.video.reader import FrameReader

COUNT = 12
"""Frames of most of them."""
TICKS = 90_000


@dataclass(frozen=True)
class Made:
    """One video and what must be found in it."""

    name: str
    """Of the file; its suffix is the container."""
    what: str
    make: Callable[[Path], None]
    times: Sequence[float]
    """Of the frames, in seconds since the first."""
    height: int = HEIGHT
    width: int = WIDTH
    """Of the upright picture, in stored pixels."""
    rotation: int = 0
    mirrored: bool = False
    path: Sequence[tuple[float, float] | None] = ()
    """Where the ball is in each frame, in pixels of the upright picture; None where nothing is asked."""
    duplicates: Sequence[int] = ()
    """Frames that repeat the one before."""
    tolerance_seconds: float = 1e-5
    tolerance: float = 0.6
    """Pixels by which the ball may be off: blocks and halved colours move its middle."""


def write(
    path: Path,
    pictures: Sequence[np.ndarray],
    times: Sequence[float] | None = None,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    rate: Fraction = Fraction(25),
    options: dict[str, str] | None = None,
    aspect: Fraction | None = None,
    color: dict[str, int] | None = None,
    container_options: dict[str, str] | None = None,
    container_format: str | None = None,
    matrix: Sequence[int] | None = None,
) -> None:
    """Write pictures, (H, W, 3) uint8 RGB, as a video file."""
    quality = {"libx264": {"crf": "8"}, "libx265": {"crf": "8", "x265-params": "log-level=none"}}.get(codec, {})
    with av.open(str(path), "w", options=container_options or {}, format=container_format) as container:
        stream = container.add_stream(codec, rate=rate, options={**quality, **(options or {})})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pixel_format
        if not quality and "crf" not in (options or {}):
            stream.bit_rate = 4_000_000
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if times is not None:
            stream.codec_context.time_base = Fraction(1, TICKS)
        for name, value in (color or {}).items():
            setattr(stream.codec_context, name, value)
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame = frame.reformat(format=pixel_format, dst_color_range=2 if (color or {}).get("color_range") == 2 else None)
            for name, value in (color or {}).items():
                setattr(frame, name, value)
            if times is not None:
                frame.pts, frame.time_base = round(times[index] * TICKS), Fraction(1, TICKS)
            else:
                frame.pts, frame.time_base = index, 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    if matrix is not None:
        set_matrix(path, matrix)


def set_matrix(path: Path, entries: Sequence[int]) -> None:
    """Write a, b, c, d of the display matrix into the track header of an mp4 or mov."""
    a, b, c, d = (entry << 16 for entry in entries)
    content = bytearray(path.read_bytes())
    header = content.index(b"tkhd") + 4
    struct.pack_into(">9i", content, header + 40, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)


def balls(count: int = COUNT, height: int = HEIGHT, width: int = WIDTH) -> list[np.ndarray]:
    if height * width > 1 << 20:  # the smallest whole part of it, enlarged
        return [picture.repeat(10, 0).repeat(10, 1) for picture in balls(count, height // 10, width // 10)]
    radius = 3.0 * min(height / HEIGHT, width / WIDTH)
    return [ball_picture(height, width, place, radius) for place in ball_path(count, height, width)]


def steady(rate: Fraction | int, count: int = COUNT) -> list[float]:
    return [float(index / Fraction(rate)) for index in range(count)]


def plain(name: str, what: str, rate: Fraction | int = 25, count: int = COUNT, **settings) -> Made:
    """Return a video at a steady rate whose only peculiarity is how it is encoded."""
    rate = Fraction(rate)
    return Made(
        name, what, lambda path: write(path, balls(count), rate=rate, **settings), steady(rate, count), path=ball_path(count)
    )


def timed(name: str, what: str, times: Sequence[float], tolerance_seconds: float = 1e-5, **settings) -> Made:
    """Return a video with frames at given times."""
    since_first = [time - times[0] for time in times]
    count = len(times)
    return Made(
        name, what, lambda path: write(path, balls(count), times, **settings), since_first, path=ball_path(count),
        tolerance_seconds=tolerance_seconds,
    )  # fmt: skip


def turned(name: str, what: str, matrix: tuple[int, int, int, int], stored: Callable, rotation: int, mirrored: bool) -> Made:
    """Return a video that a player must turn; `stored` undoes that for an upright picture."""

    def make(path: Path) -> None:
        write(path, [np.ascontiguousarray(stored(picture)) for picture in balls()], matrix=matrix)

    return Made(name, what, make, steady(25), rotation=rotation, mirrored=mirrored, path=ball_path(COUNT))


def sized(name: str, what: str, height: int, width: int, count: int = COUNT, tolerance: float = 0.6, **settings) -> Made:
    return Made(
        name, what, lambda path: write(path, balls(count, height, width), **settings), steady(25, count), height, width,
        path=ball_path(count, height, width), tolerance=tolerance,
    )  # fmt: skip


def wide_pixels(path: Path, matrix: tuple[int, int, int, int] | None = None) -> None:
    """Write pictures whose pixels are 4:3, in which a round ball is narrow."""
    pictures = [cv2.resize(picture, (72, HEIGHT), interpolation=cv2.INTER_AREA) for picture in balls()]
    if matrix is not None:
        pictures = [np.ascontiguousarray(np.rot90(picture)) for picture in pictures]
    write(path, pictures, aspect=Fraction(4, 3) if matrix is None else Fraction(3, 4), matrix=matrix)


def narrow(path: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    return [((x + 0.5) * 72 / WIDTH - 0.5, y) for x, y in path]


def interlace(path: Path, **settings) -> None:
    """Write frames whose even rows were taken half a frame later, bottom field first as the encoders here flag it."""
    halves = balls(2 * COUNT)
    pictures = []
    for index in range(COUNT):
        picture = halves[2 * index].copy()
        picture[::2] = halves[2 * index + 1][::2]
        pictures.append(picture)
    write(path, pictures, **settings)


def high_range(path: Path, transfer: int) -> None:
    """Write 10-bit HEVC whose code values are PQ or HLG light, the ball's that of a white sheet, primaries BT.2020."""
    background, white = {16: (60, 148), 18: (60, 191)}[transfer]
    pictures = [
        (background + (picture.astype(float) - 40) / 200 * (white - background)).round().clip(0, 255).astype(np.uint8)
        for picture in balls()
    ]
    color = {"color_trc": transfer, "color_primaries": 9, "colorspace": 9, "color_range": 1}
    write(path, pictures, codec="libx265", pixel_format="yuv420p10le", color=color)


def cut_by_edit_list(path: Path) -> None:
    """Write an mp4 whose edit list leaves out its first four frames."""
    write(path, balls(), options={"bf": "0"})
    content = bytearray(path.read_bytes())
    entry = content.index(b"elst") + 12  # version and flags, count; then duration, media time, rate
    with av.open(str(path)) as container:
        ticks = round(4 / 25 / container.streams.video[0].time_base)
    struct.pack_into(">I", content, entry + 4, ticks)
    path.write_bytes(content)


def joined(path: Path, second: Sequence[np.ndarray]) -> None:
    """Write two MPEG-TS recordings into one file: the clock starts anew in its middle."""
    parts = [path.with_name(f"{name}-{path.name}") for name in ("first", "second")]
    write(parts[0], balls()[: COUNT // 2])
    write(parts[1], second)
    path.write_bytes(b"".join(part.read_bytes() for part in parts))


def images(folder: Path, suffix: str, numbers: Sequence[int], broken: int | None = None) -> None:
    folder.mkdir()
    for number, picture in zip(numbers, balls(), strict=True):
        cv2.imwrite(str(folder / f"img_{number:04d}{suffix}"), picture[..., ::-1])
    if broken is not None:
        (folder / f"img_{numbers[broken]:04d}{suffix}").write_bytes(b"no picture")


def repeated(path: Path, times: Sequence[int]) -> None:
    pictures = [picture for picture, count in zip(balls(), times, strict=True) for _ in range(count)]
    write(path, pictures, rate=Fraction(60), options={"crf": "16"})


PULL_UP = (3, 2) * (COUNT // 2)
"""24 pictures a second made 60."""
PULLED = [index for index, count in enumerate(PULL_UP) for _ in range(count)]
VARYING = [0.0, *np.cumsum(np.random.default_rng(3).uniform(0.004, 0.09, COUNT - 1))]
NTSC = Fraction(30000, 1001)
MPEG4 = {"codec": "mpeg4", "options": {"qscale": "2"}}
AV1 = {"codec": "libsvtav1", "options": {"preset": "12", "crf": "20"}}
MJPEG = {"codec": "mjpeg", "pixel_format": "yuvj420p", "color": {"color_range": 2}}

MADE = [
    plain("rate_25.mp4", "H.264 at 25 frames/s"),
    plain("rate_23976.mp4", "23.976 frames/s", Fraction(24000, 1001)),
    plain("rate_2997.mov", "29.97 frames/s", NTSC),
    plain("rate_5994.mp4", "59.94 frames/s", Fraction(60000, 1001)),
    plain("rate_120.mp4", "120 frames/s", 120),
    plain("rate_240.mp4", "240 frames/s", 240, 24),
    timed("varying.mp4", "variable rate", VARYING),
    timed("varying.mov", "variable rate", VARYING),
    timed("varying.mkv", "variable rate, whole milliseconds", VARYING, 6e-4),
    timed("varying.webm", "variable rate, whole milliseconds", VARYING, 6e-4, codec="libvpx-vp9"),
    timed("said_1000.webm", "30 frames/s that the header calls 1000", steady(30), 6e-4, codec="libvpx", rate=Fraction(1000)),
    timed("late_start.mkv", "first timestamp 3 s", [3 + time for time in steady(25)], 6e-4),
    timed("pause.mp4", "two seconds without a frame", [0, 0.04, 0.08, *[2.12 + time for time in steady(25, 9)]]),
    timed(
        "same_stamp.mkv",
        "two frames with one timestamp",
        [0.0, 0.04, 0.0402, *[0.08 + time for time in steady(25, 9)]],
        6e-4,
        options={"bf": "0"},
    ),
    plain("b_frames.mp4", "B-frames, stored out of order", options={"bf": "3", "b-adapt": "0"}),
    plain("b_frames.avi", "B-frames in AVI, which has no timestamps", **{**MPEG4, "options": {"qscale": "2", "bf": "2"}}),
    plain("b_frames.ts", "B-frames in MPEG-TS", options={"bf": "3", "b-adapt": "0"}),
    plain("raw.h264", "no container, no timestamps"),
    Made(
        "edit_list.mp4",
        "edit list leaves out four frames",
        cut_by_edit_list,
        steady(25, COUNT - 4),
        path=ball_path(COUNT)[4:],
    ),
    Made(
        "joined.ts",
        "clock starts anew in the middle",
        lambda path: joined(path, balls()[COUNT // 2 :]),
        steady(25),
        path=ball_path(COUNT),
    ),
    Made(
        "pulled_up.mp4",
        "24 pictures/s repeated to 60",
        lambda path: repeated(path, PULL_UP),
        steady(60, len(PULLED)),
        path=[ball_path(COUNT)[index] for index in PULLED],
        duplicates=[index for index in range(1, len(PULLED)) if PULLED[index] == PULLED[index - 1]],
        tolerance=1.0,
    ),
    turned("turned_90.mp4", "to be turned by 90 degrees", (0, 1, -1, 0), lambda picture: np.rot90(picture, 1), 90, False),
    turned("turned_180.mov", "to be turned by 180 degrees", (-1, 0, 0, -1), lambda picture: np.rot90(picture, 2), 180, False),
    turned("turned_270.mp4", "to be turned by 270 degrees", (0, -1, 1, 0), lambda picture: np.rot90(picture, 3), 270, False),
    turned("mirrored.mp4", "to be mirrored, as front cameras write", (-1, 0, 0, 1), lambda picture: picture[:, ::-1], 0, True),
    turned("upside_down.mp4", "to be flipped upside down", (1, 0, 0, -1), lambda picture: picture[::-1], 180, True),
    turned(
        "mirrored_90.mp4",
        "to be mirrored and turned by 90 degrees",
        (0, -1, -1, 0),
        lambda picture: picture.swapaxes(0, 1)[::-1, ::-1],
        90,
        True,
    ),
    Made("wide_pixels.mp4", "pixels of 4:3", wide_pixels, steady(25), width=72, path=narrow(ball_path(COUNT))),
    Made(
        "wide_pixels_turned.mp4",
        "pixels of 3:4, to be turned by 90 degrees",
        lambda path: wide_pixels(path, (0, 1, -1, 0)),
        steady(25),
        width=72,
        rotation=90,
        path=narrow(ball_path(COUNT)),
    ),
    Made(
        "interlaced.mp4",
        "interlaced H.264",
        lambda path: interlace(path, options={"x264-params": "bff=1"}),
        steady(25),
        path=ball_path(2 * COUNT)[::2],
        tolerance=1.0,
    ),
    Made(
        "interlaced.mpg",
        "interlaced MPEG-2",
        lambda path: interlace(path, codec="mpeg2video", options={"flags": "+ildct+ilme"}),
        steady(25),
        path=ball_path(2 * COUNT)[::2],
        tolerance=1.0,
    ),
    plain("ten_bit.mp4", "10-bit HEVC", codec="libx265", pixel_format="yuv420p10le"),
    plain("ten_bit_av1.mp4", "10-bit AV1", pixel_format="yuv420p10le", **AV1),
    plain("ten_bit_422.mov", "10-bit 4:2:2 ProRes", codec="prores_ks", pixel_format="yuv422p10le"),
    plain("full_range.mp4", "full range", color={"color_range": 2}),
    plain("full_colour.mp4", "4:4:4", pixel_format="yuv444p"),
    plain("gray.mkv", "gray, without colours", codec="ffv1", pixel_format="gray"),
    Made("pq.mp4", "HDR, PQ and BT.2020", lambda path: high_range(path, 16), steady(25), path=ball_path(COUNT)),
    Made("hlg.mp4", "HDR, HLG and BT.2020", lambda path: high_range(path, 18), steady(25), path=ball_path(COUNT)),
    sized("odd_size.mp4", "odd height and width", 65, 97, pixel_format="yuv444p"),
    sized("odd_size_420.mkv", "odd size with halved colours", 65, 97, codec="ffv1"),
    sized("tiny.mp4", "240p", 240, 426, 6, 2.0),
    sized("large.mp4", "4K", 2160, 3840, 3, 20.0, options={"preset": "ultrafast"}),
    sized("portrait.mp4", "stored upright", 96, 64),
    Made(
        "size_changes.ts",
        "half size from the middle on",
        lambda path: joined(path, [cv2.resize(picture, (WIDTH // 2, HEIGHT // 2)) for picture in balls()[COUNT // 2 :]]),
        steady(25),
        path=ball_path(COUNT),
        tolerance=1.5,
    ),
    plain("hevc.mp4", "HEVC", codec="libx265"),
    plain("hevc.mkv", "HEVC", codec="libx265"),
    plain("vp9.webm", "VP9", codec="libvpx-vp9"),
    plain("vp9.mp4", "VP9", codec="libvpx-vp9"),
    plain("vp8.webm", "VP8", codec="libvpx"),
    plain("av1.mp4", "AV1", **AV1),
    plain("av1.webm", "AV1", **AV1),
    plain("mpeg4.avi", "MPEG-4", **MPEG4),
    plain("mpeg4.mp4", "MPEG-4", **MPEG4),
    plain("mjpeg.avi", "Motion JPEG", **MJPEG),
    plain("mjpeg.mov", "Motion JPEG", **MJPEG),
    plain("h264.ts", "H.264"),
    plain("h264.flv", "H.264"),
    plain("h264.m4v", "H.264", container_format="mp4"),
    plain("h264.avi", "H.264", options={"bf": "0"}),
    plain(
        "fragments.mp4",
        "H.264 in fragments, as live streams are kept",
        container_options={"movflags": "frag_keyframe+empty_moov"},
    ),
    plain("mpeg2.mpg", "MPEG-2", codec="mpeg2video"),
    plain("wmv.wmv", "Windows Media Video 8", codec="wmv2"),
    plain("lossless.mkv", "FFV1", codec="ffv1"),
    Made("png", "folder of PNG pictures", lambda path: images(path, ".png", range(COUNT)), steady(25), path=ball_path(COUNT)),
    Made(
        "jpeg",
        "folder of JPEG pictures, numbers 7 to 30 in steps of 2",
        lambda path: images(path, ".jpg", range(7, 31, 2)),
        [index * 2 / 25 for index in range(COUNT)],
        path=ball_path(COUNT),
    ),
    Made(
        "png_broken",
        "folder of PNG pictures, one of them damaged",
        lambda path: images(path, ".png", range(COUNT), broken=4),
        steady(25),
        path=[None if index == 4 else place for index, place in enumerate(ball_path(COUNT))],
    ),
]


def _cells(frames: int, last_seconds: float, picture: "Made | VideoInfo") -> list[str]:
    turned = f"{picture.rotation}°" + (", mirrored" if picture.mirrored else "")
    return [str(frames), f"{last_seconds:.3f}", f"{picture.width}x{picture.height}", turned]


def main() -> None:
    """Print the table: what was expected of each video, and what was found."""
    print("| file | what it is | frames | last time, s | size | turned | right |\n|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for made in MADE:
            path = Path(folder) / made.name
            made.make(path)
            with FrameReader(probe(path), judge=True) as reader:
                frames = list(reader)
            info = reader.info
            found = _cells(len(frames), frames[-1].time_seconds, info)
            expected = _cells(len(made.times), made.times[-1], made)
            cells = [
                each if each == other else f"{each}, expected {other}" for each, other in zip(found, expected, strict=True)
            ]
            worst = max(abs(frame.time_seconds - time) for frame, time in zip(frames, made.times, strict=False))
            right = found[:1] + found[2:] == expected[:1] + expected[2:] and worst <= made.tolerance_seconds
            print(f"| {made.name} | {made.what} | {' | '.join(cells)} | {'yes' if right else f'NO, {worst:.4f} s'} |")


if __name__ == "__main__":
    main()
