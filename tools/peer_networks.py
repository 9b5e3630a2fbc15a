"""Times published networks of the field beside the default one, with random weights, on this machine, in turns.

    python tools/peer_networks.py [--threads N] [--rounds 5]

TrackNetV2 (Sun et al., ICPADS 2020) as its authors describe it: three frames of 512x288 in, three heatmaps of that size out,
an encoder and a decoder after VGG-16 with skips. WASB (Tarashima et al., BMVC 2023) as its authors describe it: an HRNet whose
stem keeps the full resolution, branches of 16, 32, 64 and 128 channels. Only their cost is looked at.
"""

import argparse
import statistics
import time
from itertools import pairwise

import torch
from rich import box
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ttcli.networks.blocks import fuse_batch_norm
from ttcli.networks.devices import cpu_multiplies_in_bf16
from ttcli.networks.model_input import input_channels
from ttcli.networks.registry import create_model

HEIGHT, WIDTH = 288, 512


def unit(channels_in: int, channels_out: int, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    """Return a convolution with ReLU and batch norm."""
    conv = nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(channels_out), nn.ReLU(inplace=True))


def units(count: int, channels_in: int, channels_out: int) -> nn.Sequential:
    """Return several in a row."""
    return nn.Sequential(*(unit(channels_out if index else channels_in, channels_out) for index in range(count)))


class TrackNetV2(nn.Module):
    """Three frames in, three heatmaps out."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList([units(2, 9, 64), units(2, 64, 128), units(3, 128, 256), units(3, 256, 512)])
        self.up = nn.ModuleList([units(3, 768, 256), units(2, 384, 128), units(2, 192, 64)])
        self.last = nn.Conv2d(64, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        kept = []
        for number, stage in enumerate(self.down):
            x = stage(x if number == 0 else nn.functional.max_pool2d(x, 2))
            kept.append(x)
        for stage, skip in zip(self.up, kept[-2::-1], strict=True):
            x = stage(torch.cat([nn.functional.interpolate(x, scale_factor=2.0), skip], 1))
        return self.last(x).sigmoid()


class Residual(nn.Module):
    """Two convolutions beside their input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(unit(channels, channels), unit(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Exchange(nn.Module):
    """Branches of residuals, then every branch gets the sum of all, each brought to its size."""

    def __init__(self, widths: list[int], blocks: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Sequential(*(Residual(width) for _ in range(blocks))) for width in widths)
        self.ways = nn.ModuleList(
            nn.ModuleList(self._way(widths, source, target) for source in range(len(widths))) for target in range(len(widths))
        )

    @staticmethod
    def _way(widths: list[int], source: int, target: int) -> nn.Module:
        if source == target:
            return nn.Identity()
        if source > target:
            return nn.Sequential(
                unit(widths[source], widths[target], kernel=1), nn.Upsample(scale_factor=2 ** (source - target))
            )
        steps = [unit(widths[source], widths[source], 2) for _ in range(target - source - 1)]
        return nn.Sequential(*steps, unit(widths[source], widths[target], 2))

    def forward(self, branches: list[Tensor]) -> list[Tensor]:
        branches = [body(x) for body, x in zip(self.branches, branches, strict=True)]
        return [sum(way(x) for way, x in zip(ways, branches, strict=True)) for ways in self.ways]


class Wasb(nn.Module):
    """An HRNet of three frames, full resolution in its finest branch."""

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64, 128), blocks: int = 2) -> None:
        super().__init__()
        self.stem = nn.Sequential(unit(9, 64), unit(64, 64), Residual(64), unit(64, widths[0]))
        self.begin = nn.ModuleList(unit(fine, coarse, 2) for fine, coarse in pairwise(widths))
        self.stages = nn.ModuleList(Exchange(list(widths[:count]), blocks) for count in (2, 3, 4))
        self.last = nn.Conv2d(widths[0], 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        branches = [self.stem(x)]
        for begin, stage in zip(self.begin, self.stages, strict=True):
            branches = stage([*branches, begin(branches[-1])])
        return self.last(branches[0]).sigmoid()


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    told = parser.parse_args()
    torch.set_num_threads(told.threads)
    # Name -> network, channels in, and frames that one pass gives answers for.
    networks = {
        "centernet_v8n, step 9": (create_model("centernet_v8n"), input_channels(9, True), 9),
        "centernet_v8n, step 3": (create_model("centernet_v8n"), input_channels(9, True), 3),
        "WASB-like, step 3": (Wasb(), 9, 3),
        "TrackNetV2-like, step 3": (TrackNetV2(), 9, 3),
    }
    dtype = torch.bfloat16 if cpu_multiplies_in_bf16() else torch.float32
    ready, flops = {}, {}
    for name, (fresh, channels, frames) in networks.items():
        network = fuse_batch_norm(fresh.eval())
        with FlopCounterMode(display=False) as counter, torch.inference_mode():
            network(torch.zeros(1, channels, HEIGHT, WIDTH))
        flops[name] = counter.get_total_flops() / frames / 1e9
        network = network.to(dtype=dtype, memory_format=torch.channels_last)
        pictures = torch.randn(1, channels, HEIGHT, WIDTH).to(dtype).to(memory_format=torch.channels_last)
        ready[name] = network, pictures, frames
    times: dict[str, list[float]] = {name: [] for name in ready}
    with torch.inference_mode():
        for number in range(told.rounds + 1):
            for name, (network, pictures, frames) in ready.items():
                began = time.perf_counter()
                network(pictures)
                if number:
                    times[name].append((time.perf_counter() - began) / frames)
    table = Table("network", "GFLOP a frame", "ms a frame", "from", "to", "relative", "parameters", box=box.MARKDOWN)
    first = statistics.median(next(iter(times.values())))
    for name, found in times.items():
        middle = statistics.median(found)
        count = sum(parameter.numel() for parameter in networks[name][0].parameters()) / 1e6
        spread = (f"{1000 * each:.1f}" for each in (middle, min(found), max(found)))
        table.add_row(name, f"{flops[name]:.2f}", *spread, f"{middle / first:.0f}", f"{count:.1f} M")
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
