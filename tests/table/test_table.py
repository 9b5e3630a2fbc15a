"""The table: which camera sees its landmarks so, from when to when, and what becomes of it on disk."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from scenes import seeded, true_cameras

from ttcli.errors import CheckpointError
from ttcli.networks.table_finder import STRIDE, TableFinder
from ttcli.simulation.backdrop import paint_backdrop
from ttcli.simulation.camera import KINDS
from ttcli.simulation.drawing import draw_scenes
from ttcli.simulation.scene import build_scenes
from ttcli.table.camera import TableCamera, landmarks
from ttcli.table.constants import TABLE_HEIGHT, TABLE_LENGTH
from ttcli.table.fit import WHOLE, Region, fit_camera, region_around
from ttcli.table.views import TableView, TableViews, views_as_json, views_from_json
from ttcli.table.watcher import CHECK_SECONDS, LOOK_SECONDS, LOOKS, TableWatcher
from ttcli.table.weights import load_table_finder, save_table_finder
from ttcli.video.reader import Frame

HEIGHT, WIDTH = 1080, 1920
NET = np.array([[x, 0, z] for x in (-0.6, 0, 0.6) for z in (0.95, 1.2)])
"""Places above the net that balls pass at."""


def heat_of(camera, random, missing=(), error=0.0):
    """Return the heatmaps that a perfect finder gives for a camera, without some landmarks, each off by `error` cells."""
    heat = np.zeros((3, 72, 128), np.float32)
    rows, columns = np.mgrid[:72, :128]
    for number, (place, kind) in enumerate(zip(*landmarks(), strict=True)):
        x, y = (camera.project(place) + 0.5) / (WIDTH / 256) / STRIDE - 0.5 + error * random.normal(size=2)
        if number not in missing:
            heat[kind] = np.maximum(heat[kind], 0.9 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 2.9))
    return heat


def off_at_the_net(found, true):
    """Return how far places above the net are off on the picture; which end of the table is which does not count."""
    return min(np.linalg.norm(found.project(NET * turn) - true.project(NET), axis=1).max() for turn in (1, (-1, -1, 1)))


def is_seen_whole(camera):
    """Return whether all landmarks are on the picture, and apart: from low beside the table, corners hide each other."""
    places, kinds = landmarks()
    seen = camera.project(places)
    apart = np.linalg.norm(seen[:, None] - seen[None], axis=2) + np.where(
        (kinds[:, None] == kinds) & ~np.eye(8, dtype=bool), 0, 1e3
    )
    return ((seen > 20) & (seen < (WIDTH - 20, HEIGHT - 20))).all() and apart.min() > 100


def test_a_pixel_shows_the_point_that_is_projected_to_it():
    for camera in true_cameras(2):
        point = np.array([0.3, -0.8, TABLE_HEIGHT])
        assert camera.on_plane(camera.project(point), TABLE_HEIGHT) == pytest.approx(point, abs=1e-4)
    assert true_cameras(1)[0].on_plane(np.array([900.0, -5000.0]), TABLE_HEIGHT) is None


@pytest.mark.parametrize("kind", range(len(KINDS)), ids=KINDS)
def test_the_camera_is_found_by_what_it_sees_of_the_table(kind):
    random, off = np.random.default_rng(kind), []
    whole = [camera for camera in true_cameras(16, seed=3)[16 * kind : 16 * kind + 16] if is_seen_whole(camera)]
    assert len(whole) >= 3
    for camera in whole[:8]:
        found = fit_camera(heat_of(camera, random, missing=(int(random.integers(8)),), error=0.1), STRIDE, WIDTH, HEIGHT)
        assert found is not None
        off.append(off_at_the_net(found, camera))
        (there, here) = found.project(np.array([[0, TABLE_LENGTH / 2, TABLE_HEIGHT], [0, -TABLE_LENGTH / 2, TABLE_HEIGHT]]))
        right, down = there - here
        assert right > 0 if abs(right) > abs(down) else down < 0
    assert np.median(off) < 12  # of 1920 pixels


def test_a_small_table_is_looked_at_closer():
    random = np.random.default_rng(0)
    camera = replace(true_cameras(2)[0], focal=700.0)
    region = region_around(heat_of(camera, random))
    assert region.width == region.height < 0.8
    seen = (camera.project(landmarks()[0]) + 0.5) / (WIDTH, HEIGHT)
    assert ((seen > (region.left, region.top)) & (seen < (region.left + region.width, region.top + region.height))).all()
    inside = Region(0.25, 0.3, 0.5, 0.5)
    closer = replace(camera, focal=2 * camera.focal, centre=((camera.centre + 0.5) - (0.25 * WIDTH, 0.3 * HEIGHT)) * 2 - 0.5)
    found = fit_camera(heat_of(closer, random), STRIDE, WIDTH, HEIGHT, inside)
    assert off_at_the_net(found, camera) < 3
    assert region_around(np.zeros((3, 72, 128), np.float32)) is WHOLE


def test_no_table_is_made_up():
    random = np.random.default_rng(0)
    assert fit_camera(np.zeros((3, 72, 128), np.float32), STRIDE, WIDTH, HEIGHT) is None
    for _ in range(5):
        heat = np.zeros((3, 72, 128), np.float32)
        heat[random.integers(0, 3, 10), random.integers(0, 72, 10), random.integers(0, 128, 10)] = 0.4
        assert fit_camera(heat, STRIDE, WIDTH, HEIGHT) is None
    whole = heat_of(true_cameras(1)[0], random, missing=(0, 1, 4, 6))
    assert fit_camera(whole, STRIDE, WIDTH, HEIGHT) is None, "four landmarks are too few"
    for net in ((4, 5), (6, 7)):
        whole = heat_of(true_cameras(1)[2], random, missing=net)
        assert fit_camera(whole, STRIDE, WIDTH, HEIGHT) is None, "the net may be the line along the middle"


def test_views_are_on_disk_what_they_were():
    camera = true_cameras(1)[1]
    views = [TableView(0.0, 3.9, camera), TableView(4.0, 9.0, replace(camera, focal=1234.5678901))]
    said = json.loads(json.dumps(views_as_json(views)))
    tables = views_from_json(said)
    assert tables(3.9).focal == camera.focal and np.array_equal(tables(3.9).rotation, camera.rotation)
    assert tables(5.0).focal == 1234.5678901
    assert tables(3.95) is None and tables(9.1) is None
    for spoilt in ({"focal": -1.0}, {"rotation": [1, 2]}, {"position": ["a", 0, 0]}, {"start_s": None}, {"centre": [0, 1e999]},
                   {"position": [10**400, 0, 0]}, {"rotation": np.zeros((3, 3)).tolist()}):  # fmt: skip
        assert views_from_json([{**said[0], **spoilt}, said[1]])(2.0) is None
        assert views_from_json([{**said[0], **spoilt}, said[1]])(5.0) is not None
    for nothing in (None, 3, {"a": 1}, [None, 4, "x"]):
        assert views_from_json(nothing)(1.0) is None
    assert TableViews([])(0.0) is None


class Answers:
    """A stand-in network that answers with heatmaps that a test chose, in turn."""

    def __init__(self, heats):
        self.heats, self.asked = iter(heats), 0

    def __call__(self, pictures):
        self.asked += 1
        return torch.logit(torch.from_numpy(next(self.heats)), eps=1e-6)[None]


def watch(heats, seconds, monkeypatch, cuts=()):
    """Return a watcher that saw a video of 25 frames a second in which the network answers `heats` in turn."""
    answers = Answers(heats)
    monkeypatch.setattr("ttcli.table.watcher.load_table_finder", lambda weights: answers)
    monkeypatch.setattr("ttcli.table.watcher.region_around", lambda heat: WHOLE)  # the answers are of whole pictures
    watcher = TableWatcher(HEIGHT, WIDTH)
    picture = np.zeros((288, 512, 3), np.uint8)
    frames = (Frame(n, n / 25, picture, shot=sum(n / 25 >= cut for cut in cuts)) for n in range(int(25 * seconds)))
    assert sum(1 for _ in watcher.noting(frames)) == int(25 * seconds)
    return watcher, answers.asked


def test_a_table_that_stays_is_looked_at_seldom(monkeypatch):
    camera = true_cameras(2)[0]
    watcher, asked = watch([heat_of(camera, np.random.default_rng(0))] * 99, 12, monkeypatch)
    assert asked == pytest.approx(LOOKS + (12 - LOOKS * LOOK_SECONDS) / CHECK_SECONDS, abs=2)
    [view] = watcher.views()
    assert view.start_seconds == 0 and view.end_seconds == pytest.approx(299 / 25)
    assert off_at_the_net(view.camera, camera) < 4
    assert watcher(6.0) is not None and watcher(20.0) is None


@pytest.mark.parametrize("larger", [True, False])
def test_the_larger_picture_is_looked_at_where_there_is_one(monkeypatch, larger):
    seen = []

    def answer(pictures):
        seen.append(float(pictures.mean()))
        return torch.full((1, 3, 36, 64), -9.0)

    monkeypatch.setattr("ttcli.table.watcher.load_table_finder", lambda weights: answer)
    picture, large = np.zeros((288, 512, 3), np.uint8), np.full((576, 1024, 3), 255, np.uint8)
    frames = (Frame(n, n / 25, picture, large if larger else None) for n in range(50))
    list(TableWatcher(HEIGHT, WIDTH).noting(frames))
    assert seen and set(seen) == {1.0 if larger else 0.0}


def test_a_camera_that_moves_tells_no_table_and_costs_no_memory(monkeypatch):
    random = np.random.default_rng(0)
    camera = true_cameras(2)[0]
    moved = [replace(camera, centre=camera.centre + [30.0 * turn, 0]) for turn in range(60)]
    watcher, asked = watch([heat_of(each, random) for each in moved], 20, monkeypatch)
    assert watcher.views() == []
    assert len(watcher._stretches) <= 2
    assert asked < 20  # seldom, for it keeps moving


def test_shots_have_views_of_their_own_up_to_the_cut(monkeypatch):
    one, other = true_cameras(2)[0], true_cameras(2)[3]
    random = np.random.default_rng(0)
    heats = [heat_of(one, random)] * LOOKS + [heat_of(other, random)] * 20
    watcher, _ = watch(heats, 8, monkeypatch, cuts=(3.0,))
    first, second = watcher.views()
    assert first.end_seconds == pytest.approx(74 / 25) and second.start_seconds == pytest.approx(3.0)
    assert off_at_the_net(first.camera, one) < 4 and off_at_the_net(second.camera, other) < 4


def test_weights_come_back_and_damaged_ones_are_told_of(tmp_path):
    model = TableFinder().eval()
    path = tmp_path / "finder.safetensors"
    save_table_finder(path, model, {"seed": 1})
    picture = torch.rand(1, 3, 144, 256)
    with torch.inference_mode():
        assert torch.allclose(load_table_finder(path)(picture), model(picture), atol=0.02)
    path.write_bytes(path.read_bytes()[:2000])
    for bad in (path, tmp_path / "none.safetensors"):
        with pytest.raises(CheckpointError):
            load_table_finder(bad)


def test_the_weights_of_the_package_find_drawn_tables(rallies, textures):
    generator, count, off = seeded(11), 8, []
    kinds = torch.arange(count) % 4
    times = torch.full((count, 1), 0.5)
    rally = torch.arange(count) % len(rallies.positions)
    still = torch.zeros(count, dtype=torch.bool)
    scenes = build_scenes(rally, times, torch.full((count,), 0.01), kinds, still, textures, 288, 512, generator)
    backdrop = paint_backdrop(scenes, textures, 288, 512, generator)
    pictures = draw_scenes(scenes, backdrop, rallies, 288, 512, generator).frames[:, 0].numpy()
    for row, picture in enumerate(pictures):
        watcher = TableWatcher(288, 512)
        list(watcher.noting(Frame(n, n * LOOK_SECONDS, picture) for n in range(LOOKS)))
        true = TableCamera(
            scenes.cameras.position[row, 0].double().numpy(), scenes.cameras.rotation[row, 0].double().numpy(),
            float(scenes.cameras.focal[row, 0]), scenes.cameras.centre[row, 0].double().numpy(), 512,
        )  # fmt: skip
        off += [off_at_the_net(view.camera, true) for view in watcher.views()]
    assert len(off) >= count // 2
    assert np.median(off) < 3  # of 512 pixels
