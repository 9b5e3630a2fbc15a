"""From what the network says to the camera, or to the reason why there is none."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from drawn_tables import HEIGHT, WIDTH, corners_off, hall, is_seen_whole, maps_of, painted
from scenes import true_cameras

from ttcli.networks.table_finder import CENTRE, KINDS, NET, SIDE, TOP
from ttcli.simulation.camera import KINDS as CAMERA_KINDS
from ttcli.table import fit as table_fit
from ttcli.table.camera import TableCamera, landmarks
from ttcli.table.candidates import lies_on
from ttcli.table.constants import TABLE_LENGTH, TABLE_WIDTH
from ttcli.table.evidence import OTHER, OWN, WHOLE, Evidence, tables_apart
from ttcli.table.fit import fit_camera, refit, relay, worst_corner
from ttcli.table.judging import impossible_camera, judge
from ttcli.table.lines import lay_lines
from ttcli.table.profiles import Picture, piece
from ttcli.table.refining import EVERYTHING


def seen(camera, **changed):
    return Evidence(maps_of(camera, **changed), WIDTH, HEIGHT, changed.get("region", WHOLE))


@pytest.mark.parametrize("kind", range(len(CAMERA_KINDS)), ids=CAMERA_KINDS)
def test_the_camera_is_found_by_what_it_sees_of_the_table(kind):
    random = np.random.default_rng(kind)
    whole = [camera for camera in true_cameras(16, seed=3)[16 * kind : 16 * kind + 16] if is_seen_whole(camera)]
    assert len(whole) >= 2
    for camera in whole[:2]:
        fit = fit_camera(seen(camera, missing=(int(random.integers(10)),), error=0.1, random=random))
        assert fit.reason is None and fit.camera is not None
        assert corners_off(fit.camera, camera) < 9  # of 1920; a cell has 15
        assert 0.5 < fit.error < 15
        there, here = fit.camera.project(np.array([[0, TABLE_LENGTH / 2, 0.76], [0, -TABLE_LENGTH / 2, 0.76]]))
        right, down = there - here
        assert right > 0 if abs(right) > abs(down) else down < 0


def test_a_table_that_the_picture_cuts_is_found_by_the_rest():
    camera = replace(true_cameras(2, seed=3)[1], focal=1.5 * true_cameras(2, seed=3)[1].focal)
    cut = camera.moved(np.array([0, 0.1, 0, 0, 0, 0, 0]))  # it turns until an end leaves the picture
    shown = cut.project(landmarks()[0][:4])
    assert ((shown < 0) | (shown > (WIDTH, HEIGHT))).any(1).sum() in (1, 2)
    fit = fit_camera(seen(cut))
    assert fit.camera is not None and corners_off(fit.camera, cut) < 40


def test_a_bent_lens_is_noticed():
    straight = true_cameras(2, seed=3)[0]
    reach = np.abs(straight.project(landmarks()[0][:4]) - straight.centre).max()
    bent = replace(straight, focal=0.95 * straight.focal * WIDTH / 2 / reach, bend=-0.15)
    fit = fit_camera(seen(bent))
    assert fit.camera is not None and corners_off(fit.camera, bent) < 15
    assert fit.camera.bend < -0.02


def test_half_a_table_is_none():
    """Maps as a finder gives them that takes the line along the middle for a side: the half of it looks as a whole one does."""
    camera = true_cameras(4, seed=3)[9]
    half = maps_of(camera)
    evidence = Evidence(half, WIDTH, HEIGHT)
    squeezed = np.array([TABLE_WIDTH / 4, 0, 0])
    wrong = [fit for fit in [fit_camera(evidence)] if fit.camera is not None and corners_off(fit.camera, camera) > 30]
    assert not wrong
    moved = replace(camera, position=(camera.position - squeezed) * [1.0, 2.0, 2.0])  # it sees the right half as a whole one
    assert judge(moved, evidence).reason is not None


def test_a_line_of_another_kind_speaks_against_it():
    camera = true_cameras(4, seed=3)[5]
    maps = maps_of(camera)
    assert judge(camera, Evidence(maps, WIDTH, HEIGHT)).reason is None
    swapped = maps.copy()
    swapped[[SIDE, CENTRE]] = np.maximum(maps[SIDE] * 0.3, maps[CENTRE]), np.maximum(maps[SIDE], maps[CENTRE])
    assert "half a table" in judge(camera, Evidence(swapped, WIDTH, HEIGHT)).reason
    wide = maps.copy()
    wide[TOP] = np.maximum(wide[TOP], np.roll(wide[TOP], 25, 1))
    assert "goes on beside it" in judge(camera, Evidence(wide, WIDTH, HEIGHT)).reason


@pytest.mark.parametrize("kind", [NET, TOP])
def test_no_table_without_its_net_or_its_surface(kind):
    maps = maps_of(true_cameras(4, seed=3)[5])
    maps[kind] = 0
    assert fit_camera(Evidence(maps, WIDTH, HEIGHT)).camera is None


def test_no_table_is_made_up():
    random = np.random.default_rng(0)
    assert fit_camera(Evidence(np.zeros((KINDS, 72, 128), np.float32), WIDTH, HEIGHT)).reason == "no table is seen"
    for _ in range(3):
        maps = np.zeros((KINDS, 72, 128), np.float32)
        maps[random.integers(0, KINDS, 40), random.integers(0, 72, 40), random.integers(0, 128, 40)] = 0.6
        assert fit_camera(Evidence(maps, WIDTH, HEIGHT)).camera is None


def test_cameras_that_cannot_be_are_refused_with_the_reason():
    camera = true_cameras(1, seed=3)[0]
    assert impossible_camera(camera) is None
    assert "lower than the table" in impossible_camera(replace(camera, position=np.array([4.0, 0, 0.7])))
    assert "m away" in impossible_camera(replace(camera, position=np.array([90.0, 0, 5.0])))
    assert "focal length" in impossible_camera(replace(camera, focal=60.0 * WIDTH))


def test_a_camera_is_set_right_by_what_is_seen_now():
    camera = true_cameras(1, seed=3)[0]
    off = replace(camera, position=camera.position + 0.05, centre=camera.centre)
    fit = refit(off, seen(camera))
    assert fit.camera is not None and corners_off(fit.camera, camera) < 8
    assert refit(camera, Evidence(np.zeros((KINDS, 72, 128), np.float32), WIDTH, HEIGHT)).camera is None


def test_tables_are_looked_at_one_by_one():
    near = true_cameras(2, seed=3)[0]
    far = replace(near, position=near.position * [2, 2, 1.5])
    one, other = (far.moved(np.array([0, turn, 0, 0, 0, 0, 0])) for turn in (0.3, -0.25))
    patches = tables_apart(np.maximum(maps_of(one), maps_of(other)))
    assert len(patches) == 2
    for camera in (one, other):
        shown = (camera.project(landmarks()[0][:4]) + 0.5) / (WIDTH, HEIGHT)
        around = [
            patch for patch in patches if (shown > patch.region[:2]).all()
            and (shown < (patch.region.left + patch.region.width, patch.region.top + patch.region.height)).all()
        ]  # fmt: skip
        assert len(around) == 1
        fit = fit_camera(seen(camera, region=around[0].region))
        assert fit.camera is not None and corners_off(fit.camera, camera) < 5
        assert [lies_on(patch.surface, HEIGHT, camera) for patch in patches] == [patch is around[0] for patch in patches]
        both = Evidence(0.7 * maps_of(camera) + 0.3 * np.maximum(maps_of(one), maps_of(other)), WIDTH, HEIGHT)
        other_patch = next(patch for patch in patches if patch is not around[0])
        found = fit_camera(both, is_meant=partial(lies_on, other_patch.surface, HEIGHT))
        assert found.camera is None or corners_off(found.camera, camera) > 50, "the other table is wanted"
        cut = around[0].surface.copy()
        rows, columns = np.nonzero(cut == OWN)
        third = np.quantile(columns, [0.4, 0.6])
        cut[rows[columns < third[0]], columns[columns < third[0]]] = OTHER
        cut[rows[columns > third[1]], columns[columns > third[1]]] = OTHER
        assert lies_on(cut, HEIGHT, camera), "a board that somebody cuts into three is one"
    assert tables_apart(np.zeros((KINDS, 72, 128), np.float32)) == []
    assert tables_apart(maps_of(replace(near, focal=3 * near.focal)))[0].region is WHOLE


def pictured(picture) -> list[Picture]:
    return [piece(picture, WHOLE, HEIGHT, WIDTH, np.eye(3))]


LAID = true_cameras(2, seed=3)[1]


def test_lines_on_the_picture_tell_the_corners_better_than_the_network():
    alone = fit_camera(seen(LAID, error=0.4, random=np.random.default_rng(3)))
    fit = fit_camera(seen(LAID, error=0.4, random=np.random.default_rng(3)), pictured(painted(LAID)))
    assert alone.camera is not None and fit.camera is not None and fit.laid and not alone.laid
    assert corners_off(fit.camera, LAID) < 1.5 < corners_off(alone.camera, LAID)
    assert fit.error < 0.5 * alone.error


def test_a_network_that_is_not_sure_needs_the_lines_on_the_picture():
    faint = Evidence(0.66 * maps_of(LAID), WIDTH, HEIGHT)
    fit = fit_camera(faint, pictured(painted(LAID)))
    assert fit.camera is not None and corners_off(fit.camera, LAID) < 1.5
    elsewhere = fit_camera(faint, pictured(hall(2)), thorough=True)
    assert elsewhere.camera is None and elsewhere.reason is not None
    too_faint = fit_camera(Evidence(0.55 * maps_of(LAID), WIDTH, HEIGHT), pictured(painted(LAID)))
    assert too_faint.reason == "lines, net and surface do not agree on a table", "a court has lines, too"


@pytest.mark.parametrize(("kind", "reason"), [("top", None), ("side", "the net is not seen where it should be")])
def test_the_net_counts_but_from_right_above_where_it_is_hardly_to_be_seen(kind, reason):
    number = CAMERA_KINDS.index(kind)
    camera = next(each for each in true_cameras(16, seed=3)[16 * number :] if is_seen_whole(each))
    maps = maps_of(camera)
    maps[NET] = 0
    assert judge(camera, Evidence(maps, WIDTH, HEIGHT)).reason == reason


def test_lines_that_are_looked_for_and_not_seen_are_told_of():
    doubtful = Evidence(0.68 * maps_of(LAID), WIDTH, HEIGHT)
    assert fit_camera(doubtful).camera is not None
    fit = fit_camera(doubtful, pictured(hall(2)))
    assert fit.camera is None and fit.reason == "its white lines are not seen where they should be"


def test_a_table_whose_lines_are_not_seen_may_be_farther_off():
    clear = seen(LAID, error=0.2, random=np.random.default_rng(3))
    alone, unseen = fit_camera(clear), fit_camera(clear, pictured(hall(2)))
    assert not unseen.laid and unseen.error == pytest.approx(2 * alone.error, rel=0.05)


def test_more_pictures_make_a_laid_table_no_worse():
    fit = fit_camera(seen(LAID), pictured(painted(LAID)))
    again = relay(fit, pictured(painted(LAID, seed=1)) + pictured(painted(LAID, seed=2)), HEIGHT)
    assert again.camera is not None and corners_off(again.camera, LAID) < 1.5
    assert relay(fit, pictured(hall(2)), HEIGHT) is fit


def test_lines_far_from_where_the_network_was_sure_leave_the_corners_unsure():
    pictures = pictured(painted(LAID))
    fit = fit_camera(seen(LAID), pictures)
    assert fit.coarse is not None
    away = fit.coarse.moved(np.array([0.004, 0, 0, 0, 0, 0, 0]))
    told = {}
    for share in (20.0, 0.25, 0.05):
        coarse = replace(away, covariance=share * fit.coarse.covariance)
        told[share] = relay(fit._replace(coarse=coarse, error=99.0), pictures, HEIGHT)
    assert all(corners_off(each.camera, LAID) < 4 for each in told.values())
    assert 1.2 * told[20.0].error < told[0.25].error < 20
    assert told[0.05].error == 99.0  # lines so far off are not believed


def test_a_table_that_further_pictures_make_unsure_is_told_no_more(monkeypatch):
    pictures = pictured(painted(LAID))
    fit = fit_camera(seen(LAID), pictures)
    again = relay(fit, pictures, HEIGHT)
    for share, told in ((1.1, True), (0.9, False)):
        monkeypatch.setattr(table_fit, "MOST_ERROR", share * again.error / WIDTH)
        monkeypatch.setattr(table_fit, "MOST_ERROR_SHARE", 0.0)
        now = relay(fit, pictures, HEIGHT)
        assert (now.camera is not None) == told and now.reason == (None if told else table_fit.CORNERS_UNSURE)
        assert now.score == fit.score


def test_further_pictures_that_show_the_lines_elsewhere_leave_the_table_less_sure(monkeypatch):
    pictures = pictured(painted(LAID))
    fit = fit_camera(seen(LAID), pictures)
    right = lay_lines(fit.coarse, pictures, EVERYTHING)
    wrong = right._replace(camera=right.camera.moved(np.array([0, 0, 0, 0, 0.05, 0, 0])))
    for before, now in ((right, wrong), (wrong, right)):
        camera = table_fit.ends_told_apart(before.camera)
        again = fit._replace(camera=camera, error=worst_corner(camera, HEIGHT))
        monkeypatch.setattr(table_fit, "lay_lines", lambda *_, now=now: now)
        for _ in range(2 if now is wrong else 1):
            again = relay(again, pictures, HEIGHT)
            assert corners_off(again.camera, LAID) < 1.5 < corners_off(wrong.camera, LAID)
            assert again.error > 1.3 * worst_corner(camera, HEIGHT)
        monkeypatch.setattr(table_fit, "lay_lines", lambda *_: right)
        again = relay(again, pictures, HEIGHT)
        assert again.error == pytest.approx(worst_corner(right.camera, HEIGHT), rel=0.01), "they agree again"


def test_two_lines_in_one_cell_are_not_taken_for_half_a_table():
    """From hardly above the board the line along the middle lies beside that along the near side."""
    forward = np.array([-1.0, 0.0, -0.06]) / np.hypot(1, 0.06)
    right = np.array([0.0, 1.0, 0.0])
    rotation = np.stack([right, np.cross(forward, right), forward])
    low = TableCamera(np.array([7.0, 0.0, 1.18]), rotation, 2600.0, np.array([(WIDTH - 1) / 2, (HEIGHT - 1) / 2]), WIDTH)
    maps = maps_of(low)
    maps[CENTRE] = maps[[SIDE, CENTRE]].max(0)  # a network cannot tell them apart there
    maps[SIDE] *= 0.5
    assert judge(low, Evidence(maps, WIDTH, HEIGHT)).reason is None
