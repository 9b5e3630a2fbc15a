"""Pictures with EXIF: what nobody here knows in it is passed over, and the orientation is followed."""

import io
import struct
from pathlib import Path

import av
import numpy as np
import pytest

from ttcli.video.orientation import Orientation, orientation_of
from ttcli.video.probe import probe
from ttcli.video.reader import FrameReader

UPRIGHT = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90,
}
"""What makes a stored picture upright, by the value of Orientation (Exif 2.32, table 6): where its row 0 and column 0 belong."""


def corners() -> np.ndarray:
    """Return a picture whose four corners differ."""
    picture = np.full((48, 64, 3), 30, np.uint8)
    picture[:16, :16], picture[:16, -16:], picture[-16:, :16] = (220, 40, 40), (40, 200, 40), (40, 40, 220)
    return picture


def jpeg(orientation: int | None, maker: bytes = b"ACME") -> bytes:
    """Return `corners` as JPEG with EXIF: the maker, and an orientation unless it is None."""
    file = io.BytesIO()
    with av.open(file, "w", format="image2pipe") as container:
        stream = container.add_stream("mjpeg", rate=25, options={"qscale": "2"})
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuvj444p"
        frame = av.VideoFrame.from_ndarray(corners(), format="rgb24")
        container.mux(stream.encode(frame.reformat(format="yuvj444p")))
        container.mux(stream.encode(None))
    entries = [struct.pack("<HHI4s", 0x010F, 2, 4, maker)]  # Make
    if orientation is not None:
        entries.append(struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0))
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(entries)) + b"".join(entries) + bytes(4)
    content = file.getvalue()
    return content[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + content[2:]


def pictures_folder(folder: Path, contents: list[bytes]) -> Path:
    folder.mkdir()
    for number, content in enumerate(contents):
        (folder / f"IMG_{number:04d}.jpg").write_bytes(content)
    return folder


def read(path: Path, **settings: object) -> list[np.ndarray]:
    with FrameReader(probe(path), **settings) as reader:
        return [frame.picture for frame in reader]


def is_near(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and np.abs(one.astype(int) - other).mean() < 8


def motion_jpeg(path: Path, contents: list[bytes]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuvj444p"
        for number, content in enumerate(contents):
            packet = av.Packet(content)
            packet.stream, packet.pts, packet.dts, packet.time_base = stream, number, number, stream.time_base or 1
            container.mux(packet)
    return path


@pytest.mark.parametrize("orientation", [*UPRIGHT, None])
def test_orientation_in_exif_is_followed(tmp_path: Path, orientation: int | None) -> None:
    upright = UPRIGHT[orientation or 1](corners())
    folder = pictures_folder(tmp_path / "in", [jpeg(orientation)] * 3)
    info = probe(folder)
    assert (info.height, info.width) == upright.shape[:2] and info.mirrored == (orientation in (2, 4, 5, 7))
    pictures = read(folder)
    assert len(pictures) == 3 and all(is_near(picture, upright) for picture in pictures)


@pytest.mark.parametrize("orientation", [1, 5, 6])
def test_orientation_in_motion_jpeg_is_followed(tmp_path: Path, orientation: int) -> None:
    pictures = read(motion_jpeg(tmp_path / "a.avi", [jpeg(orientation)] * 3))
    assert len(pictures) == 3 and all(is_near(picture, UPRIGHT[orientation](corners())) for picture in pictures)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_none(tmp_path: Path, orientation: int) -> None:
    (picture,) = read(pictures_folder(tmp_path / "in", [jpeg(orientation)]))
    assert is_near(picture, corners())


def test_tags_that_are_no_text_are_passed_over(tmp_path: Path) -> None:
    assert len(read(pictures_folder(tmp_path / "in", [jpeg(None, b"\xff\xfe\x80\0")] * 2))) == 2


def test_each_picture_of_a_folder_is_turned_by_its_own_orientation(tmp_path: Path) -> None:
    folder = pictures_folder(tmp_path / "in", [jpeg(value) for value in (1, 3, 2, 4)])
    for picture, value in zip(read(folder), (1, 3, 2, 4), strict=True):
        assert is_near(picture, UPRIGHT[value](corners()))
    folder = pictures_folder(tmp_path / "two", [jpeg(6), jpeg(1)])
    assert [picture.shape for picture in read(folder)] == [(64, 48, 3)] * 2  # the size of the first


def test_a_frame_is_as_good_after_its_orientation_was_read() -> None:
    with av.open(io.BytesIO(jpeg(6))) as container:
        frame = next(container.decode(video=0))
    before = frame.to_ndarray(format="rgb24")
    assert orientation_of(frame) == orientation_of(frame) == Orientation(True, True, False)
    assert np.array_equal(frame.to_ndarray(format="rgb24"), before)


def test_a_picture_whose_beginning_is_damaged_is_still_read(tmp_path: Path) -> None:
    content = bytes(8) + jpeg(6)
    folder = pictures_folder(tmp_path / "in", [jpeg(6), content])
    assert all(is_near(picture, UPRIGHT[6](corners())) for picture in read(folder))
    (tmp_path / "alone.JPG").write_bytes(content)
    assert len(read(tmp_path / "alone.JPG")) == 1
