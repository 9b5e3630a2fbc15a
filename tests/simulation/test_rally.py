"""Simulated rallies: the order of their contacts, their places, speeds and ends."""

import dataclasses
from itertools import pairwise

import pytest
import torch

from ttcli.simulation.rally import simulate_rallies
from ttcli.simulation.surroundings import BOUNCE, FLOOR, HAND, HIT, NET_PASS, NOTHING, TABLE_HALF_LENGTH, TABLE_HALF_WIDTH
from ttcli.simulation.timeline import IN_HAND, IN_PLAY, LOOSE, NOT_THERE, TOSS
from ttcli.table.constants import BALL_RADIUS, TABLE_HEIGHT


@pytest.fixture(scope="module")
def batch():
    return simulate_rallies(128, torch.Generator().manual_seed(0), duration_seconds=3.0, sample_rate=500)


def test_shapes_and_padding(batch):
    rallies, samples = batch.state.shape
    assert (rallies, samples) == (128, 1500)
    assert batch.positions.shape == (rallies, samples, 3)
    assert batch.positions.isfinite().all()
    padded = batch.contact_kind == NOTHING
    assert torch.equal(padded, batch.contact_time.isinf())
    times = batch.contact_time.nan_to_num(posinf=1e9)
    assert (times.diff(dim=1) >= 0).all()
    assert (batch.contact_time[~padded] >= 0).all()
    later = torch.arange(samples) >= batch.end_sample[:, None]
    assert torch.equal(later, batch.state == NOT_THERE)
    assert batch.contact_side[~padded].abs().max() == 1


def test_bounces_lie_on_the_table_and_passes_in_the_plane_of_the_net(batch):
    bounces = batch.contact_position[batch.contact_kind == BOUNCE]
    assert len(bounces) > 200
    assert (bounces[:, 2] - TABLE_HEIGHT - BALL_RADIUS).abs().max() < 0.01
    assert bounces[:, 0].abs().max() <= TABLE_HALF_WIDTH
    assert bounces[:, 1].abs().max() <= TABLE_HALF_LENGTH
    passes = batch.contact_position[batch.contact_kind == NET_PASS]
    assert len(passes) > 100
    assert passes[:, 1].abs().max() < 0.02
    assert passes[:, 2].min() > TABLE_HEIGHT


def test_contacts_lie_on_the_recorded_path(batch):
    story, slot = (batch.contact_kind != NOTHING).nonzero(as_tuple=True)
    path = batch.position_at(story, batch.contact_time[story, slot][:, None])[:, 0]
    distance = (path - batch.contact_position[story, slot]).norm(dim=1)
    assert distance.max() < 0.04  # half a sample at the fastest, bent by the bounce
    assert distance.median() < 0.002


def test_ball_stays_out_of_table_and_floor(batch):
    x, y, z = batch.positions.unbind(dim=2)
    assert z.min() > BALL_RADIUS - 0.005
    board = (x.abs() < TABLE_HALF_WIDTH) & (y.abs() < TABLE_HALF_LENGTH)
    assert not (board & (z > TABLE_HEIGHT - 0.03) & (z < TABLE_HEIGHT + BALL_RADIUS - 0.005)).any()


def test_speeds_are_those_of_the_game(batch):
    speed = batch.positions.diff(dim=1).norm(dim=2) * batch.sample_rate
    assert speed.max() < 35
    both = (batch.state[:, 1:] == IN_PLAY) & (batch.state[:, :-1] == IN_PLAY)
    assert 3.5 < speed[both].median() < 8
    held = (batch.state[:, 1:] == IN_HAND) & (batch.state[:, :-1] == IN_HAND)
    assert speed[held].median() < 0.3


def contacts_of(batch, story):
    """Return (kind, side) of one story's contacts in order."""
    kinds, sides = batch.contact_kind[story].tolist(), batch.contact_side[story].tolist()
    return [(kind, side) for kind, side in zip(kinds, sides, strict=True) if kind != NOTHING]


def served(batch):
    """Return the stories with a toss."""
    return (batch.state == TOSS).any(dim=1).nonzero()[:, 0].tolist()


def test_serves_bounce_on_the_own_half_then_over_the_net_on_the_other(batch):
    good = 0
    for story in served(batch):
        (hand, side), (hit, hit_side), *rest = contacts_of(batch, story)
        assert (hand, hit) == (HAND, HIT)
        assert side == hit_side
        good += rest[:3] == [(BOUNCE, side), (NET_PASS, side), (BOUNCE, -side)]
    assert good > 0.85 * len(served(batch))


def test_strokes_alternate_and_each_follows_a_bounce_on_the_strikers_half(batch):
    for story in served(batch):
        contacts = contacts_of(batch, story)
        hits = [index for index, (kind, _) in enumerate(contacts) if kind == HIT]
        for last, index in pairwise(hits):
            side = contacts[index][1]
            assert contacts[last][1] == -side
            between = contacts[last + 1 : index]
            assert (NET_PASS, -side) in between
            assert [s for kind, s in between if kind == BOUNCE][-1] == side
            assert FLOOR not in [kind for kind, _ in between]


def test_rallies_have_strokes_enough_and_end(batch):
    hits = (batch.contact_kind == HIT).sum(dim=1)[served(batch)]
    assert (hits >= 3).float().mean() > 0.4
    assert hits.max() <= 11
    assert (batch.state == LOOSE).any(dim=1).float().mean() > 0.2  # of records this short
    assert 0.75 < len(served(batch)) / len(batch.state) < 1


def test_same_seed_gives_equal_rallies():
    first, again, other = (
        simulate_rallies(4, torch.Generator().manual_seed(seed), duration_seconds=0.5, sample_rate=250) for seed in (3, 3, 4)
    )
    for field in dataclasses.fields(first):
        left, right = getattr(first, field.name), getattr(again, field.name)
        assert torch.equal(torch.as_tensor(left), torch.as_tensor(right)), field.name
    assert not torch.equal(first.positions, other.positions)


def test_position_at_interpolates_between_samples(batch):
    stories = torch.tensor([5, 2])
    times = torch.tensor([[0.010, 0.011], [0.020, 100.0]])
    found = batch.position_at(stories, times)
    assert torch.allclose(found[0, 0], batch.positions[5, 5], atol=1e-5)
    assert torch.allclose(found[0, 1], batch.positions[5, 5:7].mean(dim=0), atol=1e-4)
    assert torch.allclose(found[1, 1], batch.positions[2, -1])


@pytest.mark.parametrize("slow_share", [0.0, 1.0])
def test_one_story_alone_is_made_too(slow_share):
    generator = torch.Generator().manual_seed(1)
    alone = simulate_rallies(1, generator, duration_seconds=0.4, sample_rate=250, slow_share=slow_share)
    assert alone.positions.shape == (1, 100, 3)
    assert alone.positions.isfinite().all()
