"""Whatever bytes a reader gets, it gives a result or a plain message."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.mutation import mutated
from tests.fuzz.target import attack
from tests.fuzz.targets import TARGETS

EXAMPLES = int(os.environ.get("TRANSFORMER_LM_FUZZ_EXAMPLES", "40"))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("hostile")


@pytest.mark.parametrize("name", TARGETS)
def test_sound_input_is_read(name, tmp_path):
    target = TARGETS[name]
    complaints = [attack(target, seed, tmp_path) for seed in target.seeds]
    # An export of settings alone lacks its vocabulary.
    assert not any(complaints) or name == "exported_settings", complaints


@pytest.mark.parametrize("name", TARGETS)
def test_any_input_is_read_or_refused_in_words(name, place):
    target = TARGETS[name]
    folder = place / name
    folder.mkdir(exist_ok=True)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(st.one_of(mutated(target.seeds), st.binary(max_size=200)))
    def check(content):
        attack(target, content, folder)

    check()
