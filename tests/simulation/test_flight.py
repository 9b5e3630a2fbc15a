"""The ball's physics: energy, bounces, spin, net."""

import math

import pytest
import torch

from ttcli.physics.air import acceleration
from ttcli.simulation.flight import Ball, advance, aim_velocity, bounce, fly
from ttcli.simulation.surroundings import BARRIER_Y, BOUNCE, NET_TOP, NET_TOUCH, NOTHING
from ttcli.table.constants import BALL_RADIUS, GRAVITY, TABLE_HEIGHT

STEP = 0.002


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Threads only wait for each other where there are few balls."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make_balls(position, velocity, spin=(0.0, 0.0, 0.0)) -> Ball:
    parts = torch.broadcast_tensors(*(torch.atleast_2d(torch.tensor(part)) for part in (position, velocity, spin)))
    return Ball(*(part.clone() for part in parts))


def energy(ball: Ball) -> torch.Tensor:
    """Energy per mass: height, motion, and rotation of a hollow sphere."""
    rotation = (2 / 3) * BALL_RADIUS**2 * ball.spin.square().sum(dim=1)
    return GRAVITY * ball.position[:, 2] + 0.5 * (ball.velocity.square().sum(dim=1) + rotation)


def trace(ball: Ball, steps: int):
    """Yield ball and contact after each step."""
    for _ in range(steps):
        ball, contact = advance(ball, STEP)
        yield ball, contact


def test_energy_never_grows_whatever_the_ball_meets():
    generator = torch.Generator().manual_seed(0)
    position = torch.rand(128, 3, generator=generator) * torch.tensor([2.0, 4.0, 1.0]) + torch.tensor([-1, -2, 0.83])
    position[:, 1] += 0.1 * position[:, 1].sign()  # not inside the net
    velocity = torch.randn(128, 3, generator=generator) * 4
    ball = Ball(position, velocity, torch.randn(128, 3, generator=generator) * 150)
    before = energy(ball)
    contacts = 0
    for ball, contact in trace(ball, 400):
        after = energy(ball)
        assert (after - before).max() < 2e-3
        before = after
        contacts += int((contact.kind != NOTHING).sum())
    assert contacts > 70
    assert ball.position[:, 2].min() > BALL_RADIUS - 2e-3
    assert ball.position[:, 1].abs().max() < BARRIER_Y


def test_table_returns_a_drop_from_30_cm_to_22_to_27_cm():
    ball = make_balls([0.3, 0.7, TABLE_HEIGHT + BALL_RADIUS + 0.30], [0.0, 0.0, 0.0])
    heights, kinds, positions = [], [], []
    for ball, contact in trace(ball, 320):
        heights.append(float(ball.position[0, 2]) - TABLE_HEIGHT - BALL_RADIUS)
        if contact.kind[0] != NOTHING:
            kinds.append(int(contact.kind[0]))
            positions.append(contact.position[0])
    assert kinds == [BOUNCE]
    assert float(positions[0][2]) == pytest.approx(TABLE_HEIGHT + BALL_RADIUS, abs=1e-4)
    assert 0.22 < max(heights[160:]) < 0.27


def test_topspin_dips_and_backspin_lifts():
    about_x = torch.tensor([[-300.0, 0, 0], [0, 0, 0], [300.0, 0, 0]])  # flying towards +y: top, none, back
    ball = Ball(torch.tensor([[0.0, -1.5, 1.0]]).repeat(3, 1), torch.tensor([[0.0, 8.0, 1.0]]).repeat(3, 1), about_x)
    for _ in range(100):
        ball = fly(ball, STEP)
    top, none, back = ball.position[:, 2].tolist()
    assert top < none - 0.05
    assert back > none + 0.05


def test_topspin_leaps_forward_and_backspin_brakes_at_the_bounce():
    velocity = torch.tensor([[0.0, 4.0, -2.0]]).repeat(2, 1)
    spin = torch.tensor([[-500.0, 0, 0], [300.0, 0, 0]])
    up = torch.tensor([[0.0, 0, 1.0]]).repeat(2, 1)
    after, _ = bounce(velocity, spin, up, torch.full((2,), 0.9), torch.full((2,), 0.25))
    assert after[0, 1] > 4.0 > after[1, 1]
    assert after[:, 2].tolist() == pytest.approx([1.8, 1.8])


def test_rolling_ball_keeps_velocity_and_spin_at_the_bounce():
    velocity = torch.tensor([[0.0, 2.0, -1.0]])
    spin = torch.tensor([[-2.0 / BALL_RADIUS, 0, 0]])
    after, turned = bounce(velocity, spin, torch.tensor([[0.0, 0, 1.0]]), torch.tensor([0.9]), torch.tensor([0.25]))
    assert torch.allclose(after, torch.tensor([[0.0, 2.0, 0.9]]))
    assert torch.allclose(turned, spin)


def test_drag_has_a_terminal_speed():
    ball = make_balls([0.0, 0.0, 1000.0], [0.0, 0.0, 0.0])
    for _ in range(600):
        ball = fly(ball, 0.01)
    speed = float(ball.velocity.norm())
    assert 7 < speed < 11
    still = (0.0, 0.0, 0.0)
    assert abs(acceleration((0.0, 0.0, float(ball.velocity[0, 2])), still)[2]) < 0.05
    fast = acceleration((0.0, 0.0, -2 * speed), still)
    assert fast[2] > 2 * GRAVITY


def test_integration_is_converged_at_the_step_used():
    balls = make_balls([0.0, -2.0, 1.0], [1.0, 20.0, 3.0], [-600.0, 0.0, 200.0])
    coarse, fine = balls, Ball(*(part.double() for part in balls))
    for _ in range(100):
        coarse = fly(coarse, STEP)
    for _ in range(1000):
        fine = fly(fine, STEP / 10)
    assert (coarse.position - fine.position).abs().max() < 1e-3


def test_net_stops_what_is_low_and_lets_pass_what_is_high():
    heights = torch.tensor([TABLE_HEIGHT + 0.08, NET_TOP + 0.012, NET_TOP + 0.10])
    position = torch.stack([torch.zeros(3), torch.full((3,), -0.05), heights], dim=1)
    ball = Ball(position, torch.tensor([[0.0, 6.0, 0.0]]).repeat(3, 1), torch.zeros(3, 3))
    touched, passed = torch.zeros(3, dtype=torch.bool), torch.zeros(3, dtype=torch.bool)
    for ball, contact in trace(ball, 20):
        touched |= contact.kind == NET_TOUCH
        passed |= contact.pass_fraction <= 1
    assert touched.tolist() == [True, True, False]
    assert passed.tolist() == [False, True, True]
    assert abs(ball.velocity[0, 1]) < 1.5
    assert ball.velocity[1, 1] < ball.velocity[2, 1]


@pytest.mark.parametrize("speed", [3.0, 12.0, 31.0])
def test_no_ball_tunnels_through_net_or_table(speed):
    angle = torch.linspace(-0.35, 0.0, 64)
    velocity = torch.stack([torch.zeros(64), angle.cos(), angle.sin()], dim=1) * speed
    ball = Ball(torch.tensor([[0.1, -1.3, 0.85]]).repeat(64, 1), velocity, torch.zeros(64, 3))
    for ball, _ in trace(ball, 100):
        x, y, z = ball.position.unbind(dim=1)
        over_table = (x.abs() < 0.76) & (y.abs() < 1.37)
        assert (z[over_table] > TABLE_HEIGHT + BALL_RADIUS - 2e-3).all()
        assert not ((y > 0) & (y < 1.37) & (z < TABLE_HEIGHT + BALL_RADIUS) & over_table).any()


def test_lying_ball_stays_and_rolling_ball_stops():
    rolling = make_balls([0.0, 0.5, TABLE_HEIGHT + BALL_RADIUS], [[0.0, 0.0, 0.0], [0.1, 0.0, 0.0]])
    for ball, contact in trace(rolling, 400):
        assert (contact.kind == NOTHING).all()
    assert torch.allclose(ball.position[0], rolling.position[0], atol=1e-3)
    assert ball.velocity[1, :2].norm() < 0.001
    assert 0.005 < ball.position[1, 0] < 0.1


def test_ball_rolling_into_a_barrier_comes_back():
    rolling = make_balls([0.0, BARRIER_Y - 0.1, BALL_RADIUS], [0.0, 1.0, 0.0], [-1.0 / BALL_RADIUS, 0.0, 0.0])
    for ball, _ in trace(rolling, 300):
        assert ball.position[0, 1] <= BARRIER_Y
    assert ball.velocity[0, 1] < 0
    assert ball.position[0, 2] > BALL_RADIUS - 1e-3


def test_aim_reaches_its_target_over_the_net():
    count = 24
    generator = torch.Generator().manual_seed(1)
    position = torch.tensor([[0.2, 1.7, 0.95]]).repeat(count, 1)
    target = torch.tensor([[-0.3, -0.9, TABLE_HEIGHT + BALL_RADIUS]]).repeat(count, 1)
    spin = (torch.rand(count, 3, generator=generator) - 0.5) * 2 * math.pi * 160
    duration = torch.linspace(0.15, 1.2, count)
    velocity = aim_velocity(position, spin, target, duration, torch.full((count,), 0.08))
    ball = Ball(position, velocity, spin)
    landing = torch.full((count, 3), math.inf)
    over_net = torch.full((count,), -math.inf)
    for ball, contact in trace(ball, 650):
        new = (contact.kind != NOTHING) & landing[:, 0].isinf()
        landing[new] = contact.position[new]
        passed = (contact.pass_fraction <= 1) & over_net.isinf()
        over_net[passed] = contact.pass_position[passed, 2] - NET_TOP
    assert (landing - target).norm(dim=1).quantile(0.9) < 0.05
    assert over_net.quantile(0.1) > 0.05
