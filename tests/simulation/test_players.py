"""People: they stand on the floor, their rackets meet the ball, and they are drawn where they stand."""

from dataclasses import replace

import pytest
import torch
from scenes import HEIGHT, WIDTH, plain_scenes, still_balls

from ttcli.simulation.players import (
    _RADII,
    GRID,
    GRID_START,
    LIMBS,
    PARTS,
    _between,
    disc_streaks,
    paint_people,
    rush_behind,
    sweep_of_parts,
)  # fmt: skip
from ttcli.simulation.poses import pose_people
from ttcli.simulation.surroundings import HAND, HIT
from ttcli.simulation.world import segment_distances

PART = {name: index for index, name in enumerate(_RADII)}


@pytest.fixture(scope="module")
def people(textures):
    """Return the people of ten scenes, two with each kind of camera, and where all their parts are (N, 1, PARTS, 2, 3)."""
    balls = still_balls([(0.0, 0.5, 1.0)] * 10)
    scenes = plain_scenes(torch.arange(10), torch.full((10, 1), 0.2), torch.full((10,), 0.01), textures)
    window = scenes.people.window
    return scenes, pose_people(scenes.people, balls, scenes.rally[window], scenes.times[window])


@pytest.fixture(scope="module")
def painted(people):
    """Return colours, opacities and depths of all these people, and their cameras."""
    scenes, capsules = people
    cameras = scenes.cameras.at(scenes.people.window)
    blur = torch.zeros(len(capsules))
    return *paint_people(scenes.people, capsules, cameras, blur, HEIGHT, WIDTH), cameras


def hits(rallies):
    """Return rally, time, place and side of each hit."""
    rally, slot = torch.nonzero(rallies.contact_kind == HIT, as_tuple=True)
    return rally, *(part[rally, slot] for part in (rallies.contact_time, rallies.contact_position, rallies.contact_side))


def striker_parts(rallies, textures, part, seconds):
    """Return middles (H, 3) of a part of whoever hits, `seconds` after each hit."""
    rally, when, _, side = hits(rallies)
    scenes = plain_scenes(rally, when[:, None] + seconds, torch.full((len(rally),), 0.01), textures)
    window = scenes.people.window
    capsules = pose_people(scenes.people, rallies, scenes.rally[window], scenes.times[window])
    striker = torch.nonzero(scenes.people.side == side[window])[:, 0]
    assert torch.equal(window[striker], torch.arange(len(rally)))
    return capsules[striker, 0, PART[part]].mean(1)


def test_people_stand_on_the_floor(people):
    scenes, capsules = people
    lowest = capsules[..., 2].amin(-1) - scenes.people.radius[:, None]
    for part in ("shoe_l", "shoe_r"):
        assert lowest[:, :, PART[part]].abs().max() < 0.05
    assert lowest.min() > -0.05
    height = (capsules[..., 2].amax(-1) + scenes.people.radius[:, None]).amax(-1)
    assert 1.4 < height.min() < height.max() < 2.1


def test_players_stay_behind_their_end_and_nobody_on_the_table(people):
    scenes, capsules = people
    torso = capsules[:, 0, PART["torso"], 0]
    player = scenes.people.side != 0
    assert (torso[player, 1] * scenes.people.side[player] > 1.3).all()
    assert (torso[~player, 0].abs() > 1.2).all()


def test_the_racket_is_at_the_ball_when_it_is_hit(rallies, textures):
    _, _, where, _ = hits(rallies)
    assert len(where) >= 8
    at_hit = (striker_parts(rallies, textures, "racket", 0.0) - where).norm(dim=1)
    away = (striker_parts(rallies, textures, "racket", -0.5) - where).norm(dim=1)
    assert at_hit.median() < 0.2
    assert at_hit.max() < 1.0
    assert (at_hit < away).float().mean() > 0.8


def test_some_strokes_meet_the_ball_before_the_body_and_some_beside_it(rallies, textures):
    _, _, where, _ = hits(rallies)
    across = (striker_parts(rallies, textures, "torso", 0.0) - where)[:, 0].abs()
    assert (across < 0.25).float().mean() > 0.15
    assert (across > 0.35).float().mean() > 0.3


def test_some_strokes_meet_the_ball_where_it_has_passed_the_body(rallies, textures):
    further_back = rallies.contact_position * torch.tensor([1.0, 1.6, 1.0])  # where the table is in nobody's way
    rallies = replace(rallies, contact_position=further_back)
    _, _, where, side = hits(rallies)
    to_body = (striker_parts(rallies, textures, "shorts", 0.0) - where)[:, 1] * side  # metres, away from the net
    assert (to_body < -0.1).float().mean() > 0.1
    assert (to_body > 0.2).float().mean() > 0.3


def test_players_stand_wider_and_lower_at_a_stroke(rallies, textures):
    apart, hip = [], []
    for seconds in (0.0, 3.0):
        shoes = [striker_parts(rallies, textures, f"shoe_{name}", seconds) for name in "lr"]
        apart.append((shoes[0] - shoes[1])[:, :2].norm(dim=1).median())
        hip.append(striker_parts(rallies, textures, "shorts", seconds)[:, 2].median())
    assert apart[0] > apart[1] + 0.1
    assert hip[0] < hip[1]


def test_who_rushes_past_is_behind_the_ball_when_it_is_there(people):
    scenes, _ = people
    who = torch.nonzero(scenes.people.side == 0)[:, 0]
    place, camera = torch.tensor([[0.4, 1.0, 1.0]]).expand(len(who), 3), scenes.cameras.position[:, 0]
    time = torch.full((len(who),), 0.2)
    rushing = rush_behind(scenes.people, who, place, camera, time, torch.Generator().manual_seed(2))
    still = still_balls([(0.0, 0.5, 1.0)] * 10)
    before, there, after = (
        pose_people(rushing, still, scenes.rally[rushing.window], torch.full((len(rushing.side), 1), 0.2 + seconds))
        for seconds in (-0.15, 0.0, 0.15)
    )

    def trunk(capsules):
        return capsules[who, 0, PART["shorts"]].mean(1)[:, :2]

    farther = (trunk(there) - camera[:, :2]).norm(dim=1) - (place - camera)[:, :2].norm(dim=1)
    assert farther.median() > 0.1
    assert (trunk(there) - place[:, :2]).norm(dim=1).max() < 1.3
    assert torch.allclose(trunk(after) - trunk(before), 0.3 * rushing.rush[who], atol=0.1)
    assert rushing.rush[who].norm(dim=1).median() > 2
    others = scenes.people.side != 0
    assert torch.equal(there[others], people[1][others])


def test_the_free_hand_is_under_the_ball_that_it_tosses(rallies, textures):
    rally, slot = torch.nonzero(rallies.contact_kind == HAND, as_tuple=True)
    first = rallies.contact_time[rally, slot] < 1.01
    rally, slot = rally[first], slot[first]
    when, where, side = (part[rally, slot] for part in (rallies.contact_time, rallies.contact_position, rallies.contact_side))
    scenes = plain_scenes(rally, when[:, None] - 0.02, torch.full((len(rally),), 0.01), textures)
    window = scenes.people.window
    capsules = pose_people(scenes.people, rallies, scenes.rally[window], scenes.times[window])
    server = torch.nonzero(scenes.people.side == side[window])[:, 0]
    palm = capsules[server, 0, PART["hand_l"]].mean(1)
    assert (palm - where).norm(dim=1).median() < 0.15
    at_hand = (palm - where).norm(dim=1) < 0.08  # the others stand too far off for their arm
    assert at_hand.sum() >= 2
    assert (palm[at_hand, 2] < where[at_hand, 2]).all()


def test_a_body_does_not_jump(rallies, textures):
    before, after = (striker_parts(rallies, textures, "torso", seconds) for seconds in (-0.01, 0.01))
    assert (after - before).norm(dim=1).max() < 0.15  # 7 m/s


def test_people_are_opaque_at_their_torso_and_clear_far_away(people, painted):
    scenes, capsules = people
    _, opacity, depth, cameras = painted
    torso = capsules[:, :, PART["torso"]].mean(2)
    pixel, _ = cameras.project(torso[:, :, None])
    column, row = pixel[:, 0, 0].round().long().unbind(-1)
    inside = (column >= 0) & (column < WIDTH) & (row >= 0) & (row < HEIGHT)
    whole = inside & (depth[:, 0] > 1) & (scenes.people.radius[:, PART["torso"]] * cameras.focal[:, 0] / depth[:, 0] > 2.5)
    assert whole.sum() > 10
    assert (opacity[torch.arange(len(opacity)), 0, 0, row.clamp(0, HEIGHT - 1), column.clamp(0, WIDTH - 1)][whole] > 0.99).all()
    ends, _ = cameras.project(capsules.flatten(2, 3))
    radius = 0.3 * cameras.focal[:, 0] / depth[:, 0]
    left = ends[:, 0, :, 0].amin(1) - radius - 2 * GRID
    columns = torch.arange(WIDTH)
    assert (opacity[:, 0, 0] * (columns < left[:, None])[:, None]).max() == 0
    assert 0 <= opacity.min() <= opacity.max() <= 1


def test_depth_is_the_torsos(people, painted):
    _, capsules = people
    _, _, depth, cameras = painted
    _, ends = cameras.project(capsules[:, :, PART["torso"]])
    assert torch.allclose(depth, ends.mean(-1))


def test_colours_are_those_of_the_clothes(people, painted):
    scenes, _ = people
    colour, opacity, depth, _ = painted
    solid = opacity[:, 0, 0] > 0.999
    seen = torch.nonzero((solid.flatten(1).sum(1) > 40) & (depth[:, 0] > 1))[:, 0]
    assert len(seen) > 5
    for row in seen.tolist():
        inside = colour[row, 0][:, solid[row]]
        assert inside.amax(1).sub(scenes.people.colour[row].amax(0)).max() < 0.1  # between the points of a coarse grid
        assert inside.min() >= 0


def test_distances_to_segments_are_the_geometry():
    ends = torch.tensor([[[3.0, 4.0], [3.0, 4.0]], [[0.0, 0.0], [10.0, 0.0]]])
    distance = segment_distances(ends, torch.tensor([4.0, -3.0]), torch.tensor([3.0, 14.0]))
    assert distance[0, 0].tolist() == [0.0, 11.0]
    assert distance[0, 1, 0].item() == pytest.approx(7.0)
    assert distance[1].tolist() == [[4.0, pytest.approx(32**0.5)], [3.0, 5.0]]


def test_a_distance_between_grid_points_is_known_within_half_a_pixel():
    height, width = 61, 83
    rows = torch.arange(height // GRID + 3) * GRID + GRID_START
    columns = torch.arange(width // GRID + 3) * GRID + GRID_START
    ends = torch.tensor([[[20.3, 18.8], [50.1, 40.2]], [[70.0, 10.0], [70.0, 10.0]]])
    coarse = segment_distances(ends, rows, columns)
    exact = segment_distances(ends, torch.arange(height).float(), torch.arange(width).float())
    error = (_between(coarse[None], height, width)[0] - exact).abs()
    assert error[exact > 1.5 * GRID].max() < 0.5
    assert error.max() < GRID  # the kink on the axis itself, deep inside of a limb


def test_people_of_some_rows_are_posed_as_among_all(people):
    scenes, capsules = people
    rows = torch.tensor([4, 1])
    few = scenes.people.at(rows)
    again = pose_people(few, still_balls([(0.0, 0.5, 1.0)] * 10), scenes.rally[few.window], scenes.times[few.window])
    assert torch.equal(again, capsules[rows])
    assert capsules.shape == (30, 1, PARTS, 2, 3)


def test_blur_softens_edges(people):
    scenes, capsules = people
    cameras = scenes.cameras.at(scenes.people.window)
    sharp, soft = (
        paint_people(scenes.people, capsules, cameras, torch.full((30,), blur), HEIGHT, WIDTH)[1] for blur in (0.0, 2.0)
    )
    edges = [((opacity > 0.05) & (opacity < 0.95)).sum() for opacity in (sharp, soft)]
    assert edges[1] > 1.5 * edges[0]


def test_the_racket_sweeps_over_the_picture_at_a_hit_and_feet_do_not(rallies, textures):
    rally, when, _, side = hits(rallies)
    scenes = plain_scenes(rally, when[:, None], torch.full((len(rally),), 0.02), textures)
    people, window = scenes.people, scenes.people.window
    cameras = scenes.cameras.at(window)

    def pose(seconds):
        return pose_people(people, rallies, rally[window], scenes.times[window] + seconds)

    half, full = (sweep_of_parts(pose(-seconds), pose(seconds), cameras) for seconds in (0.005, 0.01))
    assert half.shape == (len(window), 1, PARTS)
    strikes = people.side == side[window]
    ratio = full[strikes, 0, PART["racket"]] / half[strikes, 0, PART["racket"]]
    assert ratio.median() == pytest.approx(2, rel=0.2)
    assert (full[strikes, 0, PART["racket"]] > full[strikes, 0, PART["shoe_l"]]).float().mean() > 0.8


def test_a_part_that_sweeps_is_drawn_softer(people):
    scenes, capsules = people
    cameras = scenes.cameras.at(scenes.people.window)
    sweep = torch.zeros(30, 1, PARTS)

    def paint(sweep):
        return paint_people(scenes.people, capsules, cameras, torch.zeros(30), HEIGHT, WIDTH, sweep)[1]

    assert torch.equal(paint(sweep), paint(None))
    soft = paint(sweep + 6)
    assert ((soft > 0.05) & (soft < 0.95)).sum() > 1.5 * ((paint(None) > 0.05) & (paint(None) < 0.95)).sum()


def test_hands_and_rackets_smear_along_their_way(people):
    scenes, capsules = people
    cameras = scenes.cameras.at(scenes.people.window)
    aside = torch.zeros_like(capsules)
    aside[..., 0] = 0.1  # metres to each side
    smeared, depth = disc_streaks(scenes.people, (capsules - aside, capsules, capsules + aside), cameras, 2, torch.zeros(30))
    middle, _ = cameras.project(capsules[:, :, LIMBS + 2].mean(-2)[:, :, None])
    assert (smeared.path[:, 1] - middle[:, 0, 0]).abs().max() < 1e-3
    ends, _ = cameras.project(torch.stack([(capsules + sign * aside)[:, :, LIMBS + 2].mean(-2) for sign in (-1, 1)], 2))
    assert (smeared.path[:, [0, 2]] - ends[:, 0]).abs().max() < 1e-3
    assert torch.allclose(smeared.radius, scenes.people.radius[:, LIMBS + 2] * cameras.focal[:, 0] / depth[:, 0])
    assert smeared.picture.tolist() == scenes.people.window.tolist()  # one frame a window


def test_hands_are_the_ends_of_forearms(people):
    _, capsules = people
    ends = capsules[..., [PART["forearm_l"], PART["forearm_r"]], 1, :]
    assert torch.equal(capsules[..., [PART["hand_l"], PART["hand_r"]], 0, :], ends)


def test_a_crop_shows_the_same_people(people, painted):
    scenes, capsules = people
    _, opacity, _, cameras = painted
    shift = torch.full((30,), 12.0)
    part = paint_people(scenes.people, capsules, cameras.view(shift, shift), torch.zeros(30), 40, 56)[1]
    assert (part - opacity[..., 12:52, 12:68]).abs().max() < 0.02  # 12 is a multiple of the grid's step
