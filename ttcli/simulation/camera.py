"""Pinhole cameras: where people put them, and how they shake, pan and zoom.

World axes as in `flight`: metres, origin on the floor under the table, y along the table, z up.
Camera axes: x right, y down, z forward. Pixel centres lie on integers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from ttcli.simulation.chance import uniform_draw

LARGEST_TREMOR = 0.004
"""Radians, 2 working pixels in an ordinary view; nine tremors in ten are below two thirds of this."""

KINDS = ("side", "end", "corner", "broadcast", "top")

_PLACES = {
    # kind: (|x| from, to, |y| from, to, z from, to) in metres, and the widest and narrowest table on the picture
    "side": (4.0, 9.0, 0.0, 1.6, 1.1, 3.2, 0.22, 0.62),
    "end": (0.0, 1.2, 4.5, 10.0, 1.6, 4.0, 0.14, 0.45),
    "corner": (2.2, 5.5, 3.0, 6.5, 1.2, 3.0, 0.20, 0.60),
    "broadcast": (3.0, 12.0, 0.0, 12.0, 3.0, 7.0, 0.16, 0.42),
    "top": (0.0, 0.8, 0.0, 1.5, 5.5, 9.0, 0.25, 0.70),
}


@dataclass(frozen=True)
class Cameras:
    """Cameras for windows of frames, one a frame.

    `position` (B, T, 3) in metres, `rotation` (B, T, 3, 3) from world to camera axes, `focal` (B, T) and
    `centre` (B, T, 2) in pixels of the picture that is drawn.
    """

    position: Tensor
    rotation: Tensor
    focal: Tensor
    centre: Tensor

    def project(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Return pixels (B, T, P, 2) and depths (B, T, P) of world points (B, T, P, 3)."""
        seen = torch.einsum("btij,btpj->btpi", self.rotation, points - self.position[:, :, None])
        depth = seen[..., 2].clamp_min(0.05)
        return seen[..., :2] * (self.focal[:, :, None, None] / depth[..., None]) + self.centre[:, :, None], depth

    def rays(self, height: int, width: int) -> list[Tensor]:
        """Return the directions x, y, z, each (B, H, W), of all pixels of the first frames; depth 1 along the camera's axis."""
        columns = torch.arange(width, device=self.focal.device)
        rows = torch.arange(height, device=self.focal.device)
        right, down, forward = self.rotation[:, 0].unbind(1)  # each (B, 3)
        along_x = ((columns - self.centre[:, 0, 0, None]) / self.focal[:, 0, None])[:, None, :]  # (B, 1, W)
        along_y = ((rows - self.centre[:, 0, 1, None]) / self.focal[:, 0, None])[:, :, None]  # (B, H, 1)
        axes = zip(right.unbind(1), down.unbind(1), forward.unbind(1), strict=True)
        return [along_x * r[:, None, None] + (along_y * d[:, None, None] + f[:, None, None]) for r, d, f in axes]

    def view(self, left: Tensor, top: Tensor, zoom: Tensor | float = 1.0) -> "Cameras":
        """Return cameras that draw the picture enlarged by `zoom`, then cut at pixel (left, top), each (B,)."""
        zoom = torch.as_tensor(zoom, device=self.focal.device).expand(len(left))
        corner = torch.stack([left, top], -1)[:, None]
        centre = (self.centre + 0.5) * zoom[:, None, None] - 0.5 - corner
        return replace(self, focal=self.focal * zoom[:, None], centre=centre)

    def at(self, windows: Tensor, frames: slice | int = slice(None)) -> "Cameras":
        """Return the cameras of some windows (an index tensor) and frames."""
        frames = slice(frames, frames + 1) if isinstance(frames, int) else frames
        return Cameras(*(part[windows][:, frames] for part in (self.position, self.rotation, self.focal, self.centre)))

    def aimed(self, target: Tensor, zoom: float) -> "Cameras":
        """Return the cameras turned to points (B, 3) in metres, with a focal length `zoom` times theirs."""
        rotation = look_at(self.position[:, 0].cpu(), target.cpu())[:, None].to(self.rotation.device)
        return replace(self, rotation=rotation.expand_as(self.rotation).clone(), focal=self.focal * zoom)

    def followed_by(self, others: Sequence["Cameras"]) -> "Cameras":
        """Return cameras of these frames and of the others' frames after them."""
        names = [field.name for field in fields(self)]
        return Cameras(*(torch.cat([getattr(part, name) for part in (self, *others)], 1) for name in names))


def homographies(source: Cameras, target: Cameras) -> Tensor:
    """Return the maps (B, T, 3, 3) from pixels of `target` to pixels of `source` for one camera position."""
    turn = source.rotation @ target.rotation.transpose(-1, -2)
    return _intrinsics(source) @ turn @ torch.linalg.inv(_intrinsics(target))


def _intrinsics(cameras: Cameras) -> Tensor:
    matrix = torch.zeros(*cameras.focal.shape, 3, 3, device=cameras.focal.device)
    matrix[..., 0, 0] = matrix[..., 1, 1] = cameras.focal
    matrix[..., :2, 2] = cameras.centre
    matrix[..., 2, 2] = 1
    return matrix


def place_cameras(
    kinds: Tensor, times: Tensor, height: int | Tensor, width: int | Tensor, moving: Tensor, generator: torch.Generator
) -> Cameras:
    """Return cameras for `kinds` (B,), indexes into KINDS, at `times` (B, T) in seconds.

    Args:
        kinds: Where each camera stands.
        times: When each frame is taken; the motion of the camera is a function of time.
        height: Height of the whole picture, in pixels, or of each (B,).
        width: The same.
        moving: Which cameras (B,) pan, zoom or shake.
        generator: Source of all chance, on the CPU.
    """
    count = len(kinds)
    uniform = uniform_draw(generator)
    ranges = torch.tensor([_PLACES[kind] for kind in KINDS])[kinds.cpu()]
    low, high = ranges[:, 0:6:2], ranges[:, 1:6:2]
    side = (uniform(count, 3) < 0.5).float() * 2 - 1
    side[:, 2] = 1
    position = (low + (high - low) * uniform(count, 3)) * side
    target = torch.tensor([0.0, 0.0, 0.85]) + (uniform(count, 3) - 0.5) * torch.tensor([0.8, 1.6, 0.8])

    # The table's size on the picture sets the focal length: that is how people frame a match.
    share = ranges[:, 6] + (ranges[:, 7] - ranges[:, 6]) * uniform(count)
    size = torch.stack([torch.as_tensor(pixels).float().expand(count) for pixels in (width, height)], 1)
    focal = share / table_extent(position, target, size)

    yaw, pitch, zoom = _motion(times.cpu(), moving.cpu(), generator)
    rotation = look_at(position, target, roll=(uniform(count) - 0.5) * 0.06)[:, None]
    rotation = _turn(yaw, pitch) @ rotation
    centre = ((size - 1) / 2)[:, None].expand(-1, times.shape[1], -1)
    cameras = Cameras(position[:, None].expand(-1, times.shape[1], 3), rotation, focal[:, None] * zoom, centre)
    return Cameras(*(part.to(times.device) for part in vars(cameras).values()))


def table_extent(position: Tensor, target: Tensor, size: Tensor) -> Tensor:
    """Return the larger part of the picture's width or height (B, 2) that the table takes at a focal length of one pixel."""
    corners = torch.tensor([[x, y, 0.76] for x in (-0.76, 0.76) for y in (-1.37, 1.37)])
    seen = torch.einsum("bij,bpj->bpi", look_at(position, target), corners - position[:, None])
    flat = seen[..., :2] / seen[..., 2:].clamp_min(0.3)
    extent = (flat.amax(1) - flat.amin(1)).clamp_min(0.12)
    # Seen from above the table is taller than wide: by its width alone, its ends were cut off in two of three pictures.
    return (extent / size).amax(1)


def look_at(position: Tensor, target: Tensor, roll: Tensor | None = None) -> Tensor:
    """Return rotations (B, 3, 3) from world to camera axes for cameras at `position` that look at `target`."""
    forward = torch.nn.functional.normalize(target - position, dim=-1)
    up = torch.tensor([1e-3, 0.0, 1.0]).expand_as(forward)
    right = torch.nn.functional.normalize(torch.linalg.cross(forward, up), dim=-1)
    down = torch.linalg.cross(forward, right)
    rotation = torch.stack([right, down, forward], -2)
    if roll is None:
        return rotation
    zero = torch.zeros_like(roll)
    tilt = torch.stack([roll.cos(), -roll.sin(), zero, roll.sin(), roll.cos(), zero, zero, zero, zero + 1], -1)
    return tilt.view(-1, 3, 3) @ rotation


def _turn(yaw: Tensor, pitch: Tensor) -> Tensor:
    """Return small rotations (B, T, 3, 3) of the camera about its own axes."""
    one, zero = torch.ones_like(yaw), torch.zeros_like(yaw)
    about_y = torch.stack([yaw.cos(), zero, -yaw.sin(), zero, one, zero, yaw.sin(), zero, yaw.cos()], -1)
    about_x = torch.stack([one, zero, zero, zero, pitch.cos(), -pitch.sin(), zero, pitch.sin(), pitch.cos()], -1)
    return about_x.view(*yaw.shape, 3, 3) @ about_y.view(*yaw.shape, 3, 3)


def _motion(times: Tensor, moving: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Return yaw, pitch (radians) and zoom (B, T): slow waves for pans and zooms, fast ones for shaking hands.

    A tremor, another one on each frame, stands for what is left where frames of a shaking camera were laid over each
    other. It is a hash of the frame's time, so that a frame that is shown twice has the same.
    """
    count = len(times)
    waves = []
    for amplitude, slowest, fastest in ((0.08, 0.1, 0.5), (0.03, 0.1, 0.5), (0.15, 0.05, 0.4)):
        size = amplitude * torch.rand(count, 1, generator=generator) ** 2
        rate = slowest + (fastest - slowest) * torch.rand(count, 1, generator=generator)
        phase = torch.rand(count, 1, generator=generator) * 6.2832
        waves.append(size * torch.sin(6.2832 * rate * times + phase))
    shaking = (torch.rand(count, 1, generator=generator) < 0.4).float()
    for axis in (0, 1):
        size = 0.004 * torch.rand(count, 1, generator=generator) ** 2 * shaking
        rate = 1 + 6 * torch.rand(count, 1, generator=generator)
        waves[axis] = waves[axis] + size * torch.sin(6.2832 * rate * times)
        tremor = LARGEST_TREMOR * torch.rand(count, 1, generator=generator) ** 4
        seed = torch.rand(count, 1, generator=generator)
        waves[axis] = waves[axis] + tremor * (2 * torch.sin(997.0 * (times + seed)).mul(4373.1).frac().abs() - 1)
    still = (~moving)[:, None]
    yaw, pitch, zoom = (wave.masked_fill(still, 0) for wave in waves)
    return yaw, pitch, 1 + zoom
