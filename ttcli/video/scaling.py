"""Decoded frames as RGB pictures of the size asked for: upright, by the right matrix, brought to ordinary range."""

import av.error
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter

from ttcli.video.orientation import Orientation
from ttcli.video.tone import is_high_range, to_ordinary_range

UNSPECIFIED = 2
"""AVCOL_SPC_UNSPECIFIED: the file does not say by which matrix its YUV was made."""
RANGES = (1, 2)
"""AVCOL_RANGE_MPEG and AVCOL_RANGE_JPEG, what there is beside the unspecified 0."""
PLANAR = ("yuv420p", "yuvj420p")
"""What nearly all video is decoded to: eight bits, colour at half the resolution."""
HD_HEIGHT = 720
"""From this height on, untagged video is taken as BT.709, as players do; below it as BT.601, swscale's default."""


def to_picture(frame: VideoFrame, scaler: VideoReformatter, height: int, width: int, orientation: Orientation) -> np.ndarray:
    """Return the frame as (height, width, 3) RGB, scaled first and turned upright while it is small."""
    stored_height, stored_width = orientation.upright_size(height, width)  # the way back is the same
    try:
        scaled = _scale(frame, scaler, stored_height, stored_width)
    except av.error.FFmpegError:
        # a matrix that the scaler does not know: a rare one, or a damaged header
        frame.colorspace = UNSPECIFIED
        frame.color_range = frame.color_range if frame.color_range in RANGES else 0
        scaled = _scale(frame, scaler, stored_height, stored_width)
    picture = scaled.to_ndarray()
    if is_high_range(frame.color_trc):
        picture = to_ordinary_range(picture, frame.color_trc, frame.color_primaries)
    return orientation.upright(picture)


def shrink(frame: VideoFrame, scaler: VideoReformatter, height: int, width: int) -> VideoFrame:
    """Return a larger frame of the usual kind at `height` x `width`, its colours left as they are, not turned; else itself.

    Two pictures cost no more from here than the smaller one alone from the whole frame. Bicubic, for that blurs
    nothing: a picture that is shrunk again from here bilinearly is as sharp as one shrunk from the whole frame.
    """
    if frame.format.name not in PLANAR or height >= frame.height or width >= frame.width:
        return frame
    shrunk = scaler.reformat(
        frame, width=width, height=height, format=frame.format.name, interpolation=Interpolation.BICUBIC, threads=1
    )
    shrunk.colorspace = Colorspace.ITU709 if _is_untagged_hd(frame) else frame.colorspace
    shrunk.color_range, shrunk.color_trc, shrunk.color_primaries = frame.color_range, frame.color_trc, frame.color_primaries
    return shrunk


def _is_untagged_hd(frame: VideoFrame) -> bool:
    return frame.colorspace == UNSPECIFIED and frame.height >= HD_HEIGHT


def _scale(frame: VideoFrame, scaler: VideoReformatter, height: int, width: int) -> VideoFrame:
    """Return the frame as RGB of `height` x `width`, not turned."""
    return scaler.reformat(
        frame,
        width=width,
        height=height,
        format="rgb24",
        src_colorspace=Colorspace.ITU709 if _is_untagged_hd(frame) else None,
        interpolation=Interpolation.BILINEAR,
        threads=1,  # beside the decoder's own threads more are no faster, and slices would depend on the machine
    )
