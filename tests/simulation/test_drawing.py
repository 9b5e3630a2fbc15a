"""Drawn scenes: the label says where the ball is in the pictures, and whether it can be seen there."""

from dataclasses import fields, replace

import pytest
import torch
from scenes import (
    CROP_HEIGHT,
    CROP_WIDTH,
    HEIGHT,
    WIDTH,
    backdrop_of,
    close_scenes,
    draw,
    plain_scenes,
    scenes_of,
    seeded,
    still_balls,
)

from ttcli.simulation import cloth, drawing, players, sensor
from ttcli.simulation.backdrop import paint_backdrop
from ttcli.simulation.camera import homographies
from ttcli.simulation.drawing import draw_scenes
from ttcli.simulation.poses import pose_people
from ttcli.simulation.scene import draw_moments
from ttcli.simulation.sensor import Caption
from ttcli.simulation.surroundings import BOUNCE
from ttcli.simulation.timeline import NOT_THERE

FRAMES = 3
CROP = (CROP_HEIGHT, CROP_WIDTH)


def balls_drawn(scenes, rallies, textures):
    """Return scenes drawn, and how opaque the ball is in each pixel (B, T, H, W).

    A white and a black ball in the same scene differ by the ball's opacity, whatever is behind it.
    """
    backdrop = backdrop_of(scenes, textures)
    white, black = (
        draw_scenes(replace(scenes, ball=torch.full_like(scenes.ball, value)), backdrop, rallies, *CROP, seeded())
        for value in (1.0, 0.0)
    )
    return white, (white.frames.float() - black.frames.float()).mean(-1) / 255


def centroids(pictures):
    """Return the centroids (..., 2) of pictures (..., H, W), x and y."""
    rows, columns = (torch.arange(size).float() for size in pictures.shape[-2:])
    total = pictures.sum((-2, -1)).clamp_min(1e-6)
    return torch.stack([pictures.sum(-2) @ columns / total, pictures.sum(-1) @ rows / total], -1)


def moments(rallies, textures, count, moving):
    """Return plain scenes of moments in simulated rallies."""
    rally, times, exposure = draw_moments(rallies, count, FRAMES, seeded(4))
    return close_scenes(rally, times, exposure, rallies, textures, moving=moving)


@pytest.fixture(scope="module", params=[False, True], ids=["still", "moving"])
def windows(request, rallies, textures):
    """Return moments drawn by still or by moving cameras, the ball's opacity in each pixel, and which balls are whole."""
    drawn, opacity = balls_drawn(moments(rallies, textures, 20, request.param), rallies, textures)
    straight = (drawn.path[:, :, 1] == drawn.path[:, :, 2]).all(-1)
    return drawn, opacity, straight & drawn.visible & (drawn.in_view - 1).abs().lt(0.04)


def inside(drawn, margin, height=CROP_HEIGHT, width=CROP_WIDTH):
    """Return whether balls (B, T) are this far inside of the picture."""
    last = torch.tensor([width - 1.0, height - 1.0])
    return ((drawn.position > margin) & (drawn.position < last - margin)).all(-1)


def over_table(count, height=0.9):
    return still_balls([(0.1 + 0.05 * row, 0.4 + 0.04 * row, height) for row in range(count)])


def test_the_label_is_the_centroid_of_the_drawn_ball(windows):
    drawn, opacity, whole = windows
    assert whole.sum() > 25
    error = (centroids(opacity) - drawn.position).norm(dim=-1)[whole]
    assert error.max() < 0.3
    assert error.median() < 0.05


def test_a_drawn_ball_is_as_large_as_it_is_near(windows):
    drawn, opacity, whole = windows
    share = opacity.sum((-2, -1)) / (torch.pi * drawn.radius**2)
    large = whole & (drawn.radius > 1.5)
    assert large.sum() > 15
    assert (share[large] - 1).abs().max() < 0.1  # colours have 256 steps, and a fast ball is faint
    assert (share[large] - 1).abs().median() < 0.03


def test_the_share_in_view_is_the_share_that_is_drawn(windows):
    drawn, opacity, _ = windows
    share = opacity.sum((-2, -1)) / (torch.pi * drawn.radius**2)
    assert (share - drawn.in_view).abs().max() < 0.15
    assert (share - drawn.in_view).abs().median() < 0.03


def test_visible_balls_are_in_the_picture_and_hidden_ones_are_not_visible(windows):
    drawn, _, _ = windows
    x, y = drawn.position[drawn.visible].unbind(-1)
    assert -0.5 < x.min() < x.max() < CROP_WIDTH - 0.5
    assert -0.5 < y.min() < y.max() < CROP_HEIGHT - 0.5
    assert (drawn.in_view[drawn.visible] >= 0.5).all()
    assert (drawn.in_view[drawn.known & ~drawn.visible] <= 0.1).all()
    assert drawn.frames.shape == (20, FRAMES, *CROP, 3)
    assert drawn.frames.dtype == torch.uint8
    for field in fields(drawn):
        assert getattr(drawn, field.name).shape[:2] == (20, FRAMES), field.name


@pytest.mark.parametrize(("ahead", "seen"), [(-0.6, False), (0.6, True)])
def test_a_person_hides_a_ball_behind_and_not_one_in_front(textures, ahead, seen):
    nowhere = still_balls([(0.0, 0.5, 9.0)] * 12)
    times, exposure = torch.full((12, 1), 0.2), torch.full((12,), 0.01)
    scenes = plain_scenes(torch.arange(12), times, exposure, textures, kinds=["end", "corner", "side"] * 4)
    window = scenes.people.window
    capsules = pose_people(scenes.people, nowhere, scenes.rally[window], scenes.times[window])
    torso = capsules[:, 0, 7].mean(1).view(12, 3, 3)  # (B, person, xyz)
    camera = scenes.cameras.position[:, 0]
    # The player who is nearer to the camera: nobody and no table stands before him.
    nearest = (torso[:, :2] - camera[:, None]).norm(dim=-1).argmin(1)
    chest = torso[torch.arange(12), nearest]
    towards = torch.nn.functional.normalize(camera - chest, dim=1)
    aside = scenes.people.side != 0
    scenes = replace(scenes, people=scenes.people.at(aside))
    drawn = draw(scenes, still_balls(chest + ahead * towards), textures, HEIGHT, WIDTH)
    shown = inside(drawn, 4, HEIGHT, WIDTH)
    assert shown.sum() >= 6
    assert (drawn.visible[shown] == seen).all()
    assert drawn.known[shown].float().mean() > 0.8


@pytest.mark.parametrize("moving", [False, True])
@pytest.mark.parametrize("height", [0.5, 0.7])
def test_the_table_hides_what_is_below_it_from_above(textures, moving, height):
    balls = over_table(6, height)
    drawn = draw(scenes_of(balls, textures, frames=3, kinds=["top"] * 6, moving=moving, people=False), balls, textures)
    assert not drawn.visible.any()
    assert drawn.known.all()


@pytest.mark.parametrize("moving", [False, True])
@pytest.mark.parametrize("height", [0.785, 1.0])
def test_every_camera_sees_a_ball_over_the_table(textures, moving, height):
    balls = over_table(10, height)
    scenes = scenes_of(balls, textures, frames=3, moving=moving, people=False)
    drawn = draw(scenes, balls, textures)
    free = inside(drawn, 8) & (scenes.cameras.position[..., 1] > 0)  # from the other half one looks through the net
    assert free.sum() > 10
    assert drawn.visible[free].all()
    assert drawn.in_view[free].min() > 0.85


def test_a_ball_that_lies_on_the_table_stays_in_view_of_a_camera_that_turns_far(textures):
    balls = over_table(5, 0.78)
    scenes = scenes_of(balls, textures, frames=7, moving=False, people=False)
    angle = torch.linspace(-0.15, 0.15, 7)
    zero, one = torch.zeros(7), torch.ones(7)
    turn = torch.stack([angle.cos(), zero, -angle.sin(), zero, one, zero, angle.sin(), zero, angle.cos()], -1).view(7, 3, 3)
    cameras = replace(scenes.cameras, rotation=turn @ scenes.cameras.rotation)
    scenes = replace(scenes, cameras=cameras, moving=torch.ones(5, dtype=torch.bool))
    drawn = draw_scenes(scenes, backdrop_of(scenes, textures, margin=160), balls, *CROP, seeded())
    free = inside(drawn, 8) & (scenes.cameras.position[..., 1] > 0)
    assert free.sum() >= 5
    assert (drawn.in_view[free] > 0.85).all()


def test_the_net_hides_a_part_of_a_ball_behind_it(textures):
    behind, before = (still_balls([(0.1, side * 0.12, 0.8)] * 6) for side in (-1.0, 1.0))
    scenes = scenes_of(behind, textures, kinds=["end"] * 6, people=False)
    shares = []
    for balls in (behind, before):
        drawn = draw(scenes, balls, textures)
        far = balls.positions[:, 0, 1] * scenes.cameras.position[:, 0, 1] < 0
        shares.append((drawn.in_view[:, 0], far))
    hidden = torch.cat([share[far] for share, far in shares])
    free = torch.cat([share[~far] for share, far in shares])
    assert len(hidden) == len(free) == 6
    assert free.min() > 0.9
    assert hidden.max() < 0.9


def test_a_moving_camera_moves_the_hall_as_it_moves_the_label(textures):
    balls = over_table(5)
    scenes = scenes_of(balls, textures, frames=3, moving=True, people=False, seed=3)
    drawn = draw(scenes, balls, textures)
    alone = [draw(scenes.at(slice(index, index + 1)), balls, textures) for index in range(3)]  # drawn by that camera itself
    for index in (0, 2):
        assert torch.allclose(alone[index].position[:, 0], drawn.position[:, index])
        followed = (drawn.frames[:, index].float() - alone[index].frames[:, 0]).abs().mean((1, 2, 3))
        frozen = (drawn.frames[:, 1].float() - alone[index].frames[:, 0]).abs().mean((1, 2, 3))
        turned = frozen > 5
        assert turned.any()
        assert (followed[turned] < 0.45 * frozen[turned]).all()
    source, target = scenes.cameras.at(torch.arange(5), 0), scenes.cameras
    flat = torch.cat([drawn.position, torch.ones(5, 3, 1)], -1)[..., None]
    back = (homographies(source, target) @ flat)[..., 0]
    assert (back[..., :2] / back[..., 2:] - drawn.position[:, :1]).abs().max() < 0.05


def test_the_hall_follows_a_moving_camera_also_without_a_margin(textures):
    balls = over_table(5)
    scenes = scenes_of(balls, textures, frames=3, moving=True, people=False, seed=3)
    wide, narrow = (
        draw_scenes(scenes, backdrop_of(scenes, textures, margin=margin), balls, *CROP, seeded()).frames for margin in (64, 0)
    )
    inner = (slice(None), slice(None), slice(40, -40), slice(60, -60))
    assert (wide[inner].float() - narrow[inner].float()).abs().mean() < 1


def test_the_same_seed_gives_the_same_bytes(rallies, textures):
    scenes = moments(rallies, textures, 4, moving=True)
    scenes = replace(scenes, sensors=replace(scenes.sensors, noise=torch.full((4,), 0.05), flicker=torch.full((4,), 0.02)))

    def take(seed):
        backdrop = paint_backdrop(scenes, textures, *CROP, seeded(7), captions=1.0)
        return draw_scenes(scenes, backdrop, rallies, *CROP, seeded(seed))

    first, again, other = take(1), take(1), take(2)
    for field in fields(first):
        assert torch.equal(getattr(first, field.name), getattr(again, field.name)), field.name
    assert not torch.equal(first.frames, other.frames)
    assert torch.equal(first.position, other.position)


@pytest.mark.parametrize("moving", [False, True])
def test_frames_drawn_in_pieces_are_those_drawn_together(rallies, textures, moving):
    scenes = moments(rallies, textures, 4, moving)
    backdrop = backdrop_of(scenes, textures)
    together = draw_scenes(scenes, backdrop, rallies, *CROP, seeded())
    pieces = [draw_scenes(scenes.at(part), backdrop, rallies, *CROP, seeded()) for part in (slice(0, 1), slice(1, FRAMES))]
    frames = torch.cat([piece.frames for piece in pieces], 1)
    assert (frames.int() - together.frames.int()).abs().max() <= 1
    assert torch.equal(torch.cat([piece.position for piece in pieces], 1), together.position)


def test_a_ball_behind_a_caption_is_hidden(textures):
    balls = over_table(5)
    scenes = scenes_of(balls, textures, people=False)
    backdrop = backdrop_of(scenes, textures)
    free = draw_scenes(scenes, backdrop, balls, *CROP, seeded())
    assert free.visible.all()
    boxes = [
        Caption(window, max(int(y) - 12, 0), max(int(x) - 20, 0), torch.full((3, 24, 40), 0.3))
        for window, (x, y) in enumerate(free.position[:, 0].tolist())
    ]
    covered = draw_scenes(scenes, replace(backdrop, captions=boxes), balls, *CROP, seeded())
    assert not covered.visible.any()
    assert covered.known.all()


def test_where_there_is_no_ball_it_is_known_to_be_out_of_sight(textures):
    there, gone = over_table(5), still_balls(over_table(5).positions[:, 0], state=NOT_THERE)
    scenes = scenes_of(there, textures, people=False)
    drawn = draw(scenes, gone, textures)
    assert not drawn.visible.any()
    assert drawn.known.all()
    assert (draw(scenes, there, textures).frames != drawn.frames).any()


def test_a_ball_as_bright_as_what_is_behind_it_is_unknown(textures):
    balls = over_table(5)
    scenes = scenes_of(balls, textures, people=False, kinds=["top"] * 5)
    drawn = draw(replace(scenes, ball=scenes.halls.table), balls, textures)
    assert not drawn.known.any()


def bounces(rallies):
    """Return rally, time and place of each bounce on the table."""
    rally, slot = torch.nonzero(rallies.contact_kind == BOUNCE, as_tuple=True)
    return rally, rallies.contact_time[rally, slot], rallies.contact_position[rally, slot]


def test_a_path_that_bounces_within_the_exposure_is_bent_at_the_table(rallies, textures):
    rally, when, where = bounces(rallies)
    assert len(rally) >= 8
    exposure = torch.full((len(rally),), 0.03)
    scenes = close_scenes(rally, when[:, None], exposure, rallies, textures, people=False)
    drawn = draw(scenes, rallies, textures)
    bounce = scenes.cameras.project(where[:, None, None])[0][:, 0, 0]
    away = (drawn.path[:, 0, 1] - bounce).norm(dim=1)
    assert away.max() < 8  # half a sample of the fastest ball
    assert away.median() < 1
    extent = (drawn.path.amin(2) + drawn.path.amax(2)) / 2
    assert torch.allclose(drawn.position, extent)


def test_the_exposure_decides_how_long_and_faint_a_streak_is_but_not_its_label(rallies, textures):
    rally, when, _ = bounces(rallies)
    times = when[:, None] - 0.05
    long, short = (
        balls_drawn(
            close_scenes(rally, times, torch.full((len(rally),), seconds), rallies, textures, people=False), rallies, textures
        )
        for seconds in (0.03, 0.001)
    )
    both = (long[0].visible & short[0].visible & (long[0].in_view > 0.95) & (short[0].in_view > 0.95))[:, 0]
    assert both.sum() >= 5
    assert (long[1].amax((-2, -1)) < short[1].amax((-2, -1)))[both].float().mean() > 0.9
    apart = (long[0].position - short[0].position)[both].norm(dim=-1)
    assert apart.median() < 1  # the path of an exposure is drawn straight; gravity and perspective bend it a little


def test_windows_drawn_all_at_once_are_those_drawn_one_by_one(rallies, textures, monkeypatch):
    scenes = moments(rallies, textures, 6, False)
    effects = torch.tensor([0.0, 0.4, 0.8, 0.0, 0.5, 0.3])
    sensors = replace(scenes.sensors, sharpen=effects, chroma=effects > 0.4, quantise=0.1 * effects.flip(0))
    scenes = replace(scenes, sensors=sensors)
    backdrop = backdrop_of(scenes, textures)
    one_by_one = draw_scenes(scenes, backdrop, rallies, *CROP, seeded())
    for module in (cloth, sensor):  # as on a GPU
        monkeypatch.setattr(module, "portions", lambda rows: [rows] if len(rows) else [])
    monkeypatch.setattr(drawing, "row_groups", lambda count, device: [torch.arange(count)] if count else [])
    together = draw_scenes(scenes, backdrop, rallies, *CROP, seeded())
    assert (one_by_one.frames.int() - together.frames.int()).abs().max() <= 1
    for name in ("visible", "known", "in_view"):
        assert torch.equal(getattr(one_by_one, name), getattr(together, name)), name


def test_people_are_painted_in_a_part_of_the_picture_as_on_the_whole(rallies, textures, monkeypatch):
    scenes = moments(rallies, textures, 8, False)
    backdrop = backdrop_of(scenes, textures)
    parts = draw_scenes(scenes, backdrop, rallies, *CROP, seeded())
    boxes = []

    def whole(people, capsules, cameras, blur, height, width, sweep):
        boxes.append(players.box_of_people(people, capsules, cameras, blur, height, width, sweep))
        return players.Box(0, 0, width, height)

    monkeypatch.setattr(drawing, "box_of_people", whole)
    all_of_it = draw_scenes(scenes, backdrop, rallies, *CROP, seeded())
    assert (parts.frames.int() - all_of_it.frames.int()).abs().max() <= 1
    assert any(box is not None and box.width * box.height < 0.5 * CROP[0] * CROP[1] for box in boxes)


def test_what_people_wear_moves_with_them(textures):
    balls = over_table(10)
    scenes = scenes_of(balls, textures, frames=2)
    people = replace(scenes.people, weave=torch.tensor([100.0, 1.0]).expand(len(scenes.people.window), 2))
    plain = replace(people, weave=torch.tensor([100.0, 0.0]).expand_as(people.weave))
    cameras = scenes.cameras.at(people.window)
    capsules = pose_people(people, balls, scenes.rally[people.window], scenes.times[people.window])
    capsules = capsules[:, :1].repeat(1, 2, 1, 1, 1)
    size = 40, 60

    def seen(people: players.People, shift: int) -> torch.Tensor:
        """Return colours (N, 2, 3, H, W) round each torso, on the second frame `shift` pixels to the right of it."""
        ends = cameras.project(capsules[:, :, players.TORSO])[0].mean(2)  # (N, 2, 2)
        corner = (ends.round() - torch.tensor([size[1] // 2, size[0] // 2]))[:, :1].repeat(1, 2, 1)
        corner[:, 1, 0] -= shift
        placed = replace(cameras, centre=cameras.centre - corner)
        zero = torch.zeros(len(people.window))
        return players.paint_people(people, capsules, placed, zero, *size, textures=textures)[0]

    printed, without = seen(people, 8), seen(plain, 8)
    added = printed - without
    assert added[:, 0].abs().amax() > 0.1
    assert torch.allclose(added[:, 0, :, :, :-8], added[:, 1, :, :, 8:], atol=1e-5)
