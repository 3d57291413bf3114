import json

import numpy as np
import pytest

from transformer_lm.registry import UserError
from transformer_lm.train.window import MetricWindow


def metrics(total, weight=2.0, norm=1.0):
    return {
        "sums": {"loss": (np.float32(total), np.float32(weight))},
        "gradient_norm": np.float32(norm),
        "learning_rate": np.float32(0.5),
    }


def test_means_are_over_weights_not_over_steps():
    window = MetricWindow({})
    window.add(1, metrics(10.0, 1.0), may_skip=False)
    window.add(2, metrics(0.0, 9.0), may_skip=False)
    values = window.close()
    assert values["train_loss"] == 1.0
    assert values["learning_rate"] == 0.5


def test_a_saved_window_goes_on_exactly():
    whole, first = MetricWindow({}), MetricWindow({})
    for step in range(3):
        whole.add(step, metrics(0.1 * step, 3.3), may_skip=False)
        first.add(step, metrics(0.1 * step, 3.3), may_skip=False)
    second = MetricWindow(json.loads(json.dumps(first.saved())))
    for window in (whole, second):
        window.add(3, metrics(0.7, 1.1), may_skip=False)
    assert whole.close() == second.close()


@pytest.mark.parametrize(
    ("values", "what"),
    [(metrics(np.nan), "loss"), (metrics(1.0, norm=np.inf), "gradient")],
)
def test_a_loss_that_is_not_finite_names_the_step(values, what):
    with pytest.raises(UserError, match=f"stopped at step 17: {what} is not finite"):
        MetricWindow({}).add(17, values, may_skip=False)


def test_float16_steps_that_overflow_are_left_out():
    window = MetricWindow({})
    window.add(1, metrics(2.0), may_skip=True)
    window.add(2, metrics(np.inf, norm=np.nan), may_skip=True)
    assert window.close()["train_loss"] == 1.0
