import numpy as np
import pytest

from transformer_lm.optim import SCHEDULES
from transformer_lm.optim.schedules import (
    Constant,
    Cosine,
    Linear,
    Polynomial,
    ReciprocalSquareRoot,
    WarmupStableDecay,
)


@pytest.mark.parametrize("name", SCHEDULES)
def test_warm_up_is_linear_to_the_peak(name):
    schedule = SCHEDULES[name](learning_rate=0.5, warmup_steps=10).build(1000)
    rates = [float(schedule(step)) for step in range(11)]
    np.testing.assert_allclose(rates, np.linspace(0, 0.5, 11), atol=1e-7)


@pytest.mark.parametrize("name", SCHEDULES)
def test_no_warm_up_starts_at_the_peak(name):
    schedule = SCHEDULES[name](learning_rate=0.5, warmup_steps=0).build(1000)
    assert float(schedule(0)) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("schedule", "step", "expected"),
    [
        (Constant(0.5, 10), 900, 0.5),
        # lr * sqrt(warmup / step), as the reference program computes it.
        (ReciprocalSquareRoot(0.0016, 1000), 4000, 0.0016 / 2),
        (Linear(0.5, 100, 0.1), 550, 0.3),
        (Polynomial(0.5, 100, 0.0, 2.0), 550, 0.125),
        (Cosine(0.5, 100, 0.0), 550, 0.25),
        (Cosine(0.5, 100, 0.1), 1000, 0.1),
        (WarmupStableDecay(0.5, 100, 0.0, 0.2), 800, 0.5),
        (WarmupStableDecay(0.5, 100, 0.0, 0.2), 900, 0.25),
        (WarmupStableDecay(0.5, 100, 0.0, 0.2), 1000, 0.0),
    ],
)
def test_rates_counted_by_hand(schedule, step, expected):
    assert schedule.problems() == []
    assert float(schedule.build(1000)(step)) == pytest.approx(expected, abs=1e-7)


def test_impossible_schedules_are_named():
    assert "learning_rate=-1" in Constant(-1).problems()[0]
    assert "end_learning_rate=2" in Linear(1.0, 0, 2.0).problems()[0]
    assert "decay_fraction=0" in WarmupStableDecay(decay_fraction=0).problems()[0]
