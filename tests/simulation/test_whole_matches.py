"""Simulated matches: rallies on one clock, what is true of them, and how they are filmed."""

import json
from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest
import torch

from ttcli.configs import SimulateConfig
from ttcli.errors import SettingError
from ttcli.labels.openttgames import read_ball_markup, read_events_markup
from ttcli.results.rallies import ENDINGS, read_rallies_csv
from ttcli.simulate import simulate
from ttcli.simulation import match as matches
from ttcli.simulation import match_film
from ttcli.simulation.match import PlayedRally, Score, read_point, simulate_match
from ttcli.simulation.match_film import draw_match, stage_match
from ttcli.simulation.players import TORSO, draw_people
from ttcli.simulation.poses import pose_people
from ttcli.simulation.rally import simulate_rallies
from ttcli.simulation.surroundings import BOUNCE, FLOOR, HIT, NET_PASS, NET_TOUCH
from ttcli.simulation.timeline import CHANGING, IN_PLAY, LOOSE, NOT_THERE, STAND, SWING, TOSS, RallyBatch

RATE = 100
HOME, AWAY = 1, -1
SECONDS = 60.0


@pytest.fixture(scope="module")
def stories():
    """Rallies, and slow play, as a match is made of."""
    generator = torch.Generator().manual_seed(6)
    return {
        share: simulate_rallies(20, generator, duration_seconds=4.5, sample_rate=200, slow_share=share) for share in (0.0, 1.0)
    }


@pytest.fixture(autouse=True)
def quick(stories, textures, monkeypatch):
    """Make matches of stories that are there already, in halls that are painted already."""
    monkeypatch.setattr(matches, "simulate_rallies", lambda count, generator, slow_share, **_: stories[slow_share])
    monkeypatch.setattr(match_film, "paint_textures", lambda seed: textures)


@pytest.fixture
def match(quick):
    return simulate_match(SECONDS, torch.Generator().manual_seed(8))


def contacts_of(story, kinds):
    wanted = torch.isin(story.contact_kind[0], torch.tensor(kinds))
    return story.contact_time[0][wanted], story.contact_side[0][wanted]


def test_a_rally_begins_with_the_servers_stroke_and_ends_when_the_ball_is_no_more_in_play(match):
    assert len(match.rallies) >= 4
    times, sides = contacts_of(match.story, (HIT,))
    for point in match.rallies:
        nearest = (times - point.start).abs().argmin()
        assert abs(times[nearest] - point.start) < 0.01
        assert sides[nearest] == point.server
        inside = torch.tensor([[point.start + 0.01, point.end - 0.01, point.end + 0.01]])
        states = match.story.state_at(torch.tensor([0]), inside)[0].tolist()
        assert states[:2] == [IN_PLAY, IN_PLAY]
        assert states[2] != IN_PLAY
        assert ((times >= point.start - 0.01) & (times <= point.end)).sum() == point.strokes


def test_rallies_follow_each_other_and_players_serve_in_turn(match):
    assert all(before.end < after.toss for before, after in pairwise(match.rallies))
    serves = [point.server for point in match.rallies if point.ended != "let"]
    assert serves == [(-1, 1)[number // 2 % 2] for number in range(len(serves))]


def point_of(server, strokes, ended):
    return PlayedRally(toss=0.0, start=0.5, end=3.0, server=server, strokes=strokes, bounces=strokes + 1, ended=ended)


@pytest.mark.parametrize(
    ("point", "winner"),
    [
        (point_of(HOME, 1, "missed"), HOME),  # an ace
        (point_of(HOME, 2, "double_bounce"), AWAY),
        (point_of(HOME, 1, "net"), AWAY),
        (point_of(AWAY, 3, "long"), HOME),
        (point_of(AWAY, 4, "wide"), AWAY),
    ],
)
def test_eleven_points_of_one_player_end_a_game(point, winner):
    score = Score()
    assert not any(score.count(point) for _ in range(10))
    assert not any(score.count(point_of(-winner, 1, "missed")) for _ in range(9))
    assert not score.count(point_of(winner, 1, "let"))
    assert score.count(point)
    assert score.server == AWAY  # who received first is now where the first server was


def test_from_ten_all_each_serves_once_and_two_points_ahead_win():
    score, servers = Score(), []
    for number in range(23):
        servers.append(score.server)
        assert not score.count(point_of((AWAY, HOME)[number % 2], 1, "missed"))
    assert servers[:8] == [AWAY, AWAY, HOME, HOME] * 2
    assert servers[20:] == [AWAY, HOME, AWAY]
    assert score.count(point_of(AWAY, 1, "missed"))


@pytest.fixture
def long_match(monkeypatch):
    """A match whose games have one point."""
    monkeypatch.setattr(matches, "POINTS_OF_GAME", 1)
    monkeypatch.setattr(matches, "LEAST_LEAD", 1)
    return simulate_match(SECONDS, torch.Generator().manual_seed(8))


def test_players_change_ends_after_a_game_without_a_leap(long_match):
    story, change = long_match.story, long_match.changes[0]
    people = draw_people(torch.tensor([[4.0, 0.0, 1.5]]), torch.Generator().manual_seed(3))
    times = change + torch.arange(-12.0, 12.0, 0.06)
    before, ways = people.side.clone(), []
    for time in times.tolist():
        there = people.at_other_ends() if long_match.changed_by(time) else people
        near = long_match.story_near(time, 3.0)
        assert near.contact_side.abs().max() <= 1
        ways.append(pose_people(there, near, torch.zeros(3, dtype=torch.long), torch.full((3, 1), time))[:, 0, TORSO].mean(1))
    ways = torch.stack(ways)  # (times, people, 3)
    assert torch.equal(people.side, before)
    assert long_match.changed_by(change) and not long_match.changed_by(change - 0.01)
    for player in torch.nonzero(before)[:, 0].tolist():
        along = ways[:, player, 1] * before[player]
        assert along[0] > 1.0 and along[-1] < -1.0
        assert (ways[1:, player, :2] - ways[:-1, player, :2]).norm(dim=1).max() < 0.25
        crossing = along.abs() < 1.3
        assert ways[crossing, player, 0].abs().min() > 1.9  # round the table, not through it
    assert torch.equal(people.at_other_ends().at_other_ends().home, people.home)
    assert (story.contact_side.abs() == CHANGING).any()


def test_between_the_rallies_the_ball_is_not_in_play_and_players_move(match):
    state = match.story.state[0]
    played = torch.zeros(len(state), dtype=torch.bool)
    for point in match.rallies:
        played[round(point.start * match.story.sample_rate) : round(point.end * match.story.sample_rate) + 1] = True
    assert not (state[~played] == IN_PLAY).any()
    assert torch.isin(match.story.contact_kind, torch.tensor([STAND, SWING])).any()


def test_the_same_seed_gives_the_same_match(match):
    again = simulate_match(SECONDS, torch.Generator().manual_seed(8))
    assert again.rallies == match.rallies
    for field in fields(RallyBatch):
        assert torch.equal(torch.as_tensor(getattr(again.story, field.name)), torch.as_tensor(getattr(match.story, field.name)))


def story_of(contacts, dead, fall_at=None, until=3.0):
    """Return a story of a serve at 1 s and of contacts (seconds, kind, side); it is over at `dead`.

    The ball is at (x, y) of `fall_at` from then on, and below the table.
    """
    samples = round(until * RATE)
    times = torch.arange(samples) / RATE
    state = torch.full((samples,), TOSS, dtype=torch.int8)
    state[times >= 1] = IN_PLAY
    state[times >= dead] = LOOSE
    positions = torch.zeros(1, samples, 3)
    positions[..., 2] = 1.0
    if fall_at is not None:
        positions[0, times >= dead - 0.2, :2] = torch.tensor(fall_at)
        positions[0, times >= dead - 0.1, 2] = 0.3
    seconds, kinds, sides = zip((1.0, HIT, HOME), *contacts, strict=True)
    return RallyBatch(
        positions, RATE, torch.tensor([samples]), state[None], torch.tensor([seconds]),
        torch.tensor([kinds], dtype=torch.int8), torch.zeros(1, len(kinds), 3), torch.tensor([sides], dtype=torch.int8),
    )  # fmt: skip


SERVED = [(1.1, BOUNCE, HOME), (1.2, NET_PASS, HOME), (1.3, BOUNCE, AWAY)]
RETURNED = [*SERVED, (1.5, HIT, AWAY)]


@pytest.mark.parametrize(
    ("contacts", "dead", "fall_at", "ended"),
    [
        ([(1.1, BOUNCE, HOME), (1.3, BOUNCE, HOME)], 1.3, None, "net"),
        ([*RETURNED, (1.6, NET_TOUCH, AWAY), (1.8, BOUNCE, AWAY)], 1.8, None, "net"),
        ([*SERVED, (1.6, FLOOR, AWAY)], 1.6, None, "missed"),
        ([*SERVED, (1.6, BOUNCE, AWAY)], 1.6, None, "double_bounce"),
        ([*RETURNED, (1.7, NET_PASS, AWAY), (2.2, FLOOR, HOME)], 2.2, (0.2, 2.0), "long"),
        ([*RETURNED, (1.7, NET_PASS, AWAY), (2.2, FLOOR, HOME)], 2.2, (1.1, 0.6), "wide"),
        ([(1.1, BOUNCE, HOME), (1.2, NET_TOUCH, HOME), (1.2, NET_PASS, HOME), (1.4, BOUNCE, AWAY)], 1.4, None, "let"),
    ],
)
def test_how_a_point_ended_is_read_from_its_last_contacts(contacts, dead, fall_at, ended):
    point = read_point(story_of(contacts, dead, fall_at), 0)
    assert point is not None
    assert (point.ended, point.server, point.start) == (ended, HOME, 1.0)
    assert point.end == pytest.approx(dead)


def test_a_point_that_the_record_does_not_see_the_end_of_is_none():
    story = story_of(RETURNED, dead=9.0)
    assert read_point(story, 0) is None
    gone = torch.where(torch.arange(300) > 250, NOT_THERE, story.state)
    assert read_point(RallyBatch(**{**vars(story), "state": gone.to(torch.int8)}), 0) is None


def test_stories_keep_the_contacts_near_a_time():
    near = story_of(RETURNED, dead=2.5).near(1.15, 1.4)
    assert near.contact_time[0].tolist() == pytest.approx([1.2, 1.3])
    assert near.contact_kind[0].tolist() == [NET_PASS, BOUNCE]
    none = story_of(RETURNED, dead=2.5).near(8.0, 9.0)
    assert none.contact_time.shape == (1, 1)


def test_pieces_of_a_film_are_the_same_whoever_draws_them_and_in_whatever_order(match):
    film = stage_match(match, 8, 64, 96, "side", frame_rate=6.0, frames=24)
    whole = list(draw_match(film, jobs=1))
    assert [len(part["frames"]) for part in whole] == [16, 8]
    last = match_film._Studio(film).draw(film.segments()[-1])
    for name, values in whole[-1].items():
        assert np.array_equal(values, last[name]), name


def test_a_broadcast_shows_other_things_in_the_pauses_and_all_of_every_rally_as_it_is_played(match):
    film = stage_match(match, 1, 64, 96, "broadcast", frame_rate=25.0)
    assert len(film.shots) >= 3
    assert [shot.first for shot in film.shots] == [0, *(shot.last for shot in film.shots[:-1])]
    assert film.shots[-1].last == film.frames
    true = torch.arange(film.frames) / 25
    live = (film.scenes.times[0] - true).abs() < 1e-3
    assert not live.all()  # there is a replay
    assert (film.scenes.times[0][~live] < true[~live]).all()  # of what was before
    first = film.scenes.cameras.focal[0, 0]
    for point in match.rallies:
        frames = (true >= point.toss) & (true <= point.end)
        assert live[frames].all()
        assert torch.equal(film.scenes.cameras.focal[0][frames], first.expand(int(frames.sum())))


CONFIG = SimulateConfig(match=0.5, seed=8, camera="side", frame_rate=4, height=64, width=96, device="cpu", part="test")


@pytest.fixture(scope="module")
def written(tmp_path_factory, stories, textures):
    folder = tmp_path_factory.mktemp("match") / "drawn"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matches, "simulate_rallies", lambda count, generator, slow_share, **_: stories[slow_share])
        patch.setattr(match_film, "paint_textures", lambda seed: textures)
        summary = simulate(folder, CONFIG, quiet=True)
    return folder / "test" / "annotations" / "test_1", summary


def test_a_match_is_one_video_with_its_rallies_beside_the_labels(written):
    annotations, summary = written
    assert summary["frames"] == 120
    assert [video["name"] for video in summary["videos"]] == ["test_1"]
    rallies = read_rallies_csv(annotations / "rallies.csv")
    story = json.loads((annotations / "rallies.json").read_text())
    assert rallies
    assert len(rallies) == sum(point["ended"] != "let" for point in story["rallies"])
    assert {rally.server for rally in rallies} <= {"left", "right"}
    assert {rally.ended for rally in rallies} <= set(ENDINGS)
    labels = read_ball_markup(annotations / "ball_markup.json")
    assert set(labels) <= set(range(120))
    truth = json.loads((annotations / "truth.json").read_text())["frames"]
    for rally in rallies:
        states = {truth[frame]["state"] for frame in range(rally.start_frame + 1, rally.end_frame - 1)}
        assert states <= {"in_play"}
    assert all(event.frame_index < 120 for event in read_events_markup(annotations / "events_markup.json"))


def test_the_server_is_named_as_the_camera_sees_him(written):
    annotations, _ = written
    truth = json.loads((annotations / "truth.json").read_text())["frames"]
    rallies = read_rallies_csv(annotations / "rallies.csv")
    assert rallies
    for rally in rallies:
        x, _ = truth[rally.start_frame]["blur"][0]
        assert (x < 48) == (rally.server == "left")


@pytest.mark.parametrize("minutes", [0.1, 100.0])
def test_a_match_of_no_length_is_refused(minutes, tmp_path):
    with pytest.raises(SettingError, match="match"):
        simulate(tmp_path / "drawn", SimulateConfig(match=minutes), quiet=True)


@pytest.mark.slow
def test_several_processes_write_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.undo()
    config = SimulateConfig(match=0.25, seed=8, camera="broadcast", frame_rate=6, height=64, width=96, device="cpu")
    for jobs in (1, 2):
        simulate(tmp_path / str(jobs), SimulateConfig(**{**vars(config), "jobs": jobs}), quiet=True)
    paths = sorted(path.relative_to(tmp_path / "1") for path in (tmp_path / "1").rglob("*") if path.is_file())
    assert len(paths) == 6
    for path in paths:
        assert (tmp_path / "1" / path).read_bytes() == (tmp_path / "2" / path).read_bytes(), path
