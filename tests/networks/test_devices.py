"""What a user may ask of the machine is what the code knows."""

import os

import pytest

from ttcli.configs import DEVICES, PRECISIONS, TRAINING_PRECISIONS
from ttcli.networks.devices import DTYPES, choose_device, choose_dtype, network_threads, usable_cores
from ttcli.train import FABRIC_PRECISIONS


@pytest.mark.parametrize(("names", "known"), [(PRECISIONS, DTYPES), (TRAINING_PRECISIONS, FABRIC_PRECISIONS)])
def test_each_precision_that_a_user_may_give_is_known(names, known):
    assert set(names) == {"auto", *known}


def test_a_processor_computes_in_each_precision():
    assert "cpu" in DEVICES
    device = choose_device("cpu")
    assert {choose_dtype(name, device) for name in PRECISIONS} == set(DTYPES.values())


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system lets no process choose its cores")
def test_a_network_takes_half_of_the_cores_that_its_process_may_use():
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert (usable_cores(), network_threads()) == (1, 1)
    finally:
        os.sched_setaffinity(0, allowed)
    assert usable_cores() == len(allowed)
