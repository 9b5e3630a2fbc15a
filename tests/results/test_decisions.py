"""What can be decided is written and read back as it was; `test_corrections.py` has what is refused, line by line."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from ttcli.results.decisions import Decision, decision_from_json

numbers = st.floats(-1e5, 1e5)
frames = st.integers(0, 10**8)
decisions = st.one_of(
    st.builds(Decision, st.just(1), st.just("ball"), frames, numbers, numbers, confirmed=st.booleans()),
    st.builds(Decision, st.just(1), st.sampled_from(["none", "unknown"]), frames),
    st.builds(
        Decision, st.just(1), st.sampled_from(["event", "no_event"]), st.floats(0, 1e6), event=st.sampled_from(["bounce", "net"])
    ),
    st.builds(
        Decision, st.just(1), st.just("rally"), rally=st.none() | st.integers(1, 99), start_frame=st.just(4),
        end_frame=frames.map(lambda frame: frame + 4),
        start_seconds=st.just(0.5), end_seconds=st.floats(0.5, 1e4),
    ),
    st.builds(
        Decision, st.just(1), st.just("table"), frames, corners=st.tuples(*[st.tuples(numbers, numbers)] * 4),
        start_seconds=st.just(1.0), end_seconds=st.just(2.0),
    ),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(decisions)
def test_a_decision_comes_back_as_it_was(decision):
    assert decision_from_json(json.loads(json.dumps(decision.as_json()))) == decision
