"""White lines on the picture itself: the camera is found again to a part of a pixel, and nothing else is taken for them."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from drawn_tables import HEIGHT, WIDTH, corners_off, hall, is_seen_whole, maps_of, painted
from scenes import true_cameras

from ttcli.table.camera import TableCamera, landmarks
from ttcli.table.constants import TABLE_HEIGHT, TABLE_LENGTH, TABLE_WIDTH
from ttcli.table.evidence import WHOLE, Evidence, Region
from ttcli.table.fit import sigmas_off
from ttcli.table.gains import edge_agreement, gains_of
from ttcli.table.lines import lay_lines
from ttcli.table.profiles import piece, profiles_across, stations_of
from ttcli.table.refining import AIM, EVERYTHING, refine

CAMERAS = [camera for camera in true_cameras(12, seed=5) if is_seen_whole(camera)][:4]
SPREAD = np.diag([0.002, 0.002, 0.003, 0.03, 0.03, 0.03, 0.01]) ** 2
"""Of a camera that the network found."""


def about(camera: TableCamera, seed: int) -> TableCamera:
    """Return a camera as the network may find it, corners off by several pixels."""
    change = np.random.default_rng(seed).multivariate_normal(np.zeros(7), SPREAD)
    return replace(camera.moved(change), covariance=SPREAD)


def shown(picture: np.ndarray, region: Region = WHOLE, motion: np.ndarray | None = None):
    return piece(picture, region, HEIGHT, WIDTH, np.eye(3) if motion is None else motion)


@pytest.mark.parametrize("number", range(len(CAMERAS)))
def test_the_camera_is_found_again_to_a_part_of_a_pixel(number):
    camera = CAMERAS[number]
    start = about(camera, seed=number)
    laid = lay_lines(start, [shown(painted(camera))], EVERYTHING)
    assert corners_off(start, camera) > 3
    assert laid is not None and laid.sure
    assert corners_off(laid.camera, camera) < 1.0


@pytest.mark.parametrize("colour", [(210, 90, 220), (150, 160, 150)])
def test_lines_of_other_colours_are_lines(colour):
    camera = CAMERAS[0]
    laid = lay_lines(about(camera, seed=1), [shown(painted(camera, line=colour, top=(60, 60, 65)))], EVERYTHING)
    assert laid is not None and corners_off(laid.camera, camera) < 1.0


@pytest.mark.parametrize("number", range(len(CAMERAS)))
@pytest.mark.parametrize("side", [(25, 25, 25), (150, 150, 150)])
def test_edges_of_the_surface_stand_in_for_lines_that_nobody_sees(number, side):
    camera, top = CAMERAS[number], (60, 60, 65)
    start = about(camera, seed=number)
    laid = lay_lines(start, [shown(painted(camera, line=top, top=top, side=side, tape=(30, 30, 30)))], EVERYTHING)
    assert corners_off(start, camera) > 3
    assert laid is not None and laid.sure and set(laid.support) == {0, 1, 3, 4}
    assert corners_off(laid.camera, camera) < (2.5 if side[0] < 100 else 4.0), "a light side may be a line"


@pytest.mark.parametrize("number", range(len(CAMERAS)))
@pytest.mark.parametrize("side", [(25, 25, 25), (235, 235, 235)])
def test_edges_on_a_floor_as_white_as_lines_may_be_off_by_a_line(number, side):
    camera = CAMERAS[number]
    white = shown(painted(camera, floor=(235, 235, 235), side=side))
    laid = lay_lines(about(camera, seed=number), [white], EVERYTHING)
    if laid is not None and laid.edges and laid.sure:
        assert corners_off(laid.camera, camera) < 8 and sigmas_off(camera, laid.camera) < 1.3


def test_edges_of_a_table_far_away_are_looked_for_as_well():
    above = TableCamera(np.array([0.0, -0.01, 8.0]), look_down(), 300.0, CAMERAS[0].centre, WIDTH)
    for camera, most in ((replace(CAMERAS[0], focal=0.2 * CAMERAS[0].focal), 1.6), (above, 0.5)):  # the first shows a thin side
        bare = shown(painted(camera, line=(40, 70, 130), floor=(200, 190, 205)))
        profiles = profiles_across(stations_of(halves=False), camera, [bare], 3.0, 0.0)
        assert profiles is not None
        gains = gains_of(profiles, 3.0)
        agree = edge_agreement(profiles, gains)
        assert agree.shape == gains.free.shape
        for number, own in profiles.own_stations():
            if number in (0, 1, 3, 4):
                assert abs(gains.shifts[agree[own].mean(0).argmax()]) <= most


@pytest.mark.parametrize("tilt", [0.0, 0.1, 0.25])
def test_lines_place_a_table_seen_from_right_above_though_its_distance_is_not_known(tilt):
    turn = cv2.Rodrigues(np.array([tilt, 0.6 * tilt, 0.4]))[0]
    rotation = turn @ look_down()
    camera = TableCamera(-7.0 * rotation[2] + [0, 0, TABLE_HEIGHT], rotation, 1400.0, CAMERAS[0].centre, WIDTH)
    random = np.random.default_rng(3)
    seen = refine(camera, Evidence(maps_of(camera, error=0.6, random=random), WIDTH, HEIGHT))
    assert seen is not None and seen.camera.spread(landmarks()[0][:4]).max() > 4 and seen.camera.covariance[6, 6] > 0.25
    laid = lay_lines(seen.camera, [shown(painted(camera))], EVERYTHING)
    assert laid is not None and laid.sure and not laid.edges
    assert corners_off(laid.camera, camera) < 1.5


def look_down() -> np.ndarray:
    """Return the rotation of a camera above the table, its right along the table."""
    return np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, -1]])


def test_a_surface_of_the_floors_colour_has_no_edges():
    camera, floor = CAMERAS[0], (120, 60, 50)
    hidden = painted(camera, line=floor, top=floor, side=floor, tape=floor)
    laid = lay_lines(about(camera, seed=1), [shown(hidden)], EVERYTHING)
    assert laid is None or not laid.sure


@pytest.mark.parametrize("number", range(len(CAMERAS)))
def test_the_tape_of_the_net_stands_in_for_an_end_that_nobody_sees(number):
    camera = CAMERAS[number]
    start = about(camera, seed=3)
    white, dark = (with_end_covered(camera, tape) for tape in [(245, 245, 245), (30, 30, 30)])
    with_tape, without = (lay_lines(start, [shown(picture)], EVERYTHING) for picture in (white, dark))
    assert with_tape is not None and without is not None
    assert corners_off(with_tape.camera, camera) < min(5.0, corners_off(without.camera, camera) / 2)
    told, told_without = (each.camera.spread(landmarks()[0][:4]).max() for each in (with_tape, without))
    assert told < told_without / 4


def with_end_covered(camera: TableCamera, tape: tuple[int, int, int]) -> np.ndarray:
    """Return a picture in which one end of the table is covered, and the net's tape has a colour."""
    picture = painted(camera, tape=tape)
    left, right = camera.project(np.array([[across, TABLE_LENGTH / 2, TABLE_HEIGHT] for across in (-0.9, 0.9)])) / 2
    cv2.line(picture, left.astype(int).tolist(), right.astype(int).tolist(), (120, 60, 50), 40)
    return picture


def test_a_tape_that_is_not_white_is_no_line():
    camera = CAMERAS[0]
    laid = lay_lines(about(camera, seed=1), [shown(painted(camera, tape=(60, 90, 150)))], EVERYTHING)
    assert laid is not None and laid.sure
    assert corners_off(laid.camera, camera) < 1.0


def test_of_two_lines_the_one_counts_that_is_nearer_to_where_the_network_saw_it():
    camera = CAMERAS[0]
    picture = painted(camera, line=(200, 200, 200))
    inwards = TABLE_WIDTH / 2 - 0.1
    ends = camera.project(np.array([[inwards, along, TABLE_HEIGHT] for along in (-1.3, 1.3)])) / 2
    cv2.line(picture, *(end.astype(int).tolist() for end in ends), (255, 255, 255), 2)
    small = replace(camera.moved(np.array([0.0005, -0.0005, 0, 0, 0, 0, 0.001])), covariance=SPREAD / 16)
    laid = lay_lines(small, [shown(picture)], EVERYTHING)
    assert laid is not None and corners_off(laid.camera, camera) < 2.0


def test_somebody_before_the_lines_in_one_picture_of_three_does_no_harm():
    camera = CAMERAS[1]
    clear, hidden = painted(camera), painted(camera, seed=1)
    x, y = camera.project(landmarks()[0][0]) / 2
    cv2.circle(hidden, (int(x), int(y)), 110, (200, 160, 140), -1)
    laid = lay_lines(about(camera, seed=2), [shown(hidden), shown(clear), shown(clear)], EVERYTHING)
    assert laid is not None and corners_off(laid.camera, camera) < 1.0


def test_one_picture_in_five_without_somebody_before_a_side_is_enough():
    camera = CAMERAS[1]
    pictures = [painted(camera, seed=seed) for seed in range(5)]
    for picture in pictures[1:]:
        for place in camera.project(landmarks()[0][:2]) / 2:
            cv2.circle(picture, tuple(place.astype(int).tolist()), 110, (200, 160, 140), -1)
    laid = lay_lines(about(camera, seed=2), [shown(picture) for picture in pictures], EVERYTHING)
    assert laid is not None and laid.sure and corners_off(laid.camera, camera) < 1.0
    assert all(support > 0.4 for support in laid.support.values())


def test_what_the_net_hides_of_a_line_does_not_count_against_it():
    middle = np.array([(WIDTH - 1) / 2, (HEIGHT - 1) / 2])
    down = np.array([[1, 0, 0], [0, -0.13, -1], [0, 1, -0.13]])
    down[1:] /= np.hypot(1, 0.13)
    low = TableCamera(np.array([0.4, -7.0, 1.55]), down, 1.3 * WIDTH, middle, WIDTH)
    laid = lay_lines(about(low, seed=3), [shown(painted(low))], EVERYTHING)
    assert laid is not None and laid.sure
    assert min(laid.support.values()) > 0.5


def test_a_picture_that_moved_a_little_is_one_more():
    camera, motion = CAMERAS[1], np.array([[1, 0, 7.0], [0, 1, -4.0], [0, 0, 1]])
    moved = painted(camera.carried(motion), seed=1)
    laid = lay_lines(about(camera, seed=3), [shown(painted(camera)), shown(moved, motion=motion)], EVERYTHING)
    assert laid is not None and corners_off(laid.camera, camera) < 1.5


def test_a_camera_that_only_turned_and_zoomed_stays_where_it_is():
    camera = CAMERAS[2]
    start = replace(camera.moved(np.array([0.003, -0.002, 0.001, 0, 0, 0, 0.004])), covariance=SPREAD)
    laid = lay_lines(start, [shown(painted(camera))], AIM, (9.0, 3.0))
    assert laid is not None and corners_off(laid.camera, camera) < 1.0
    assert np.array_equal(laid.camera.position, start.position)


def test_a_part_of_the_picture_is_enough():
    camera = CAMERAS[0]
    low, high = (edge(camera.project(landmarks()[0]), axis=0) / (WIDTH, HEIGHT) for edge in (np.min, np.max))
    share = float((high - low).max())
    cut = shown(painted(camera), Region(*np.clip(low, 0, 1 - share).tolist(), share, share))
    assert cut.pixels.size < 0.8 * painted(camera).size
    laid = lay_lines(about(camera, seed=4), [cut], EVERYTHING)
    assert laid is not None and corners_off(laid.camera, camera) < 1.0


def test_a_hall_without_a_table_has_no_sure_lines():
    for seed in range(3):
        picture = hall(seed)
        laid = lay_lines(about(CAMERAS[seed], seed), [shown(picture)], EVERYTHING)
        assert laid is None or not laid.sure


def test_a_board_without_lines_on_a_bright_floor_has_edges_alone():
    camera = CAMERAS[3]
    bare = painted(camera, line=(40, 70, 130), floor=(200, 190, 205))
    laid = lay_lines(about(camera, seed=5), [shown(bare)], EVERYTHING)
    assert laid is not None and laid.sure and set(laid.support) == {0, 1, 3, 4}, "the middle line is none"
    assert corners_off(laid.camera, camera) < 5 and sigmas_off(camera, laid.camera) < 1, "it may have lines as white"


def test_lines_above_a_side_as_white_as_they_are_seen():
    for number, camera in enumerate(CAMERAS):
        laid = lay_lines(about(camera, seed=number), [shown(painted(camera, side=(240, 240, 240)))], EVERYTHING)
        assert laid is not None and laid.sure and min(laid.support.values()) > 0
        assert corners_off(laid.camera, camera) < 2.0


def test_thin_lines_above_a_dark_side_stay_where_they_are():
    for number, near in enumerate(CAMERAS):
        camera = replace(near, focal=0.6 * near.focal)
        picture = cv2.GaussianBlur(painted(camera, seed=number), (0, 0), 1.0)
        laid = lay_lines(about(camera, seed=number), [shown(picture)], EVERYTHING)
        assert laid is not None and corners_off(laid.camera, camera) < 3.0


def test_a_table_that_rises_to_its_net_is_known_as_such():
    camera = CAMERAS[2]
    laid = lay_lines(about(camera, seed=6), [shown(painted(camera, hump=0.016))], EVERYTHING)
    assert laid is not None and laid.sure
    assert laid.hump == pytest.approx(0.016, abs=0.005)
    assert corners_off(laid.camera, camera) < 1.5


@pytest.mark.parametrize(("seed", "number"), [(2, 0), (3, 4), (5, 5)])
def test_a_table_that_rises_is_known_though_enough_lines_of_a_flat_one_are_seen(seed, number):
    camera = true_cameras(2, seed=seed)[number]
    start, picture = about(camera, seed=6), shown(painted(camera, hump=0.02))
    flat = lay_lines(start, [picture], EVERYTHING, known_hump=0.0)
    assert flat is not None and flat.sure and flat.hump == 0
    laid = lay_lines(start, [picture], EVERYTHING)
    assert laid is not None and laid.sure and laid.mean_support > flat.mean_support
    assert laid.hump == pytest.approx(0.02, abs=0.006)


def test_the_error_that_is_told_is_less_where_lines_are_seen_and_holds():
    camera = CAMERAS[0]
    start = about(camera, seed=7)
    laid = lay_lines(start, [shown(painted(camera))], EVERYTHING)
    places = landmarks()[0][:4]
    before, after = (each.spread(places).trace(axis1=1, axis2=2) for each in (start, laid.camera))
    assert (after < 0.1 * before).all()
    off = camera.project(places) - laid.camera.project(places)
    assert all(each @ np.linalg.solve(spread, each) < 9.2 for each, spread in zip(off, laid.camera.spread(places), strict=True))
