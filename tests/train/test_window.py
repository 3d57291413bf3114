import json

import numpy as np
import pytest

from transformer_lm.registry import UserError
from transformer_lm.settings import Training
from transformer_lm.train.window import MetricWindow

STOP = Training()
SKIP = Training(nonfinite_policy="skip", max_skipped_steps=2)


def metrics(total, weight=2.0, norm=1.0, **scalars):
    return {
        "sound": np.isfinite(total) and np.isfinite(norm),
        "sums": {"loss": (np.float32(total), np.float32(weight))},
        "gradient_norm": np.float32(norm),
        "learning_rate": np.float32(0.5),
        **scalars,
    }


def test_means_are_over_weights_not_over_steps():
    window = MetricWindow({}, STOP)
    window.add(1, metrics(10.0, 1.0))
    window.add(2, metrics(0.0, 9.0))
    values = window.close()
    assert values["train_loss"] == 1.0
    assert values["learning_rate"] == 0.5


def test_a_saved_window_goes_on_exactly():
    whole, first = MetricWindow({}, STOP), MetricWindow({}, STOP)
    for step in range(3):
        whole.add(step, metrics(0.1 * step, 3.3))
        first.add(step, metrics(0.1 * step, 3.3))
    second = MetricWindow(json.loads(json.dumps(first.saved())), STOP)
    for window in (whole, second):
        window.add(3, metrics(0.7, 1.1))
    assert whole.close() == second.close()


@pytest.mark.parametrize(
    ("values", "what"),
    [(metrics(np.nan), "loss"), (metrics(1.0, norm=np.inf), "gradient")],
)
def test_a_loss_that_is_not_finite_names_the_step(values, what):
    with pytest.raises(UserError, match=f"stopped at step 17: {what} is not finite"):
        MetricWindow({}, STOP).add(17, values)


def test_float16_steps_that_overflow_are_left_out():
    window = MetricWindow({}, STOP)
    window.add(1, metrics(2.0, loss_scale=4.0))
    assert window.add(2, metrics(np.inf, norm=np.nan, loss_scale=2.0))
    assert window.close()["train_loss"] == 1.0


def test_float16_stops_when_no_scale_helps():
    with pytest.raises(UserError, match="step 2: loss is not finite"):
        MetricWindow({}, STOP).add(2, metrics(np.inf, norm=np.nan, loss_scale=1.0))


def test_skipped_steps_are_counted_and_left_out_of_the_means(caplog):
    window = MetricWindow({}, SKIP)
    assert window.add(1, metrics(2.0))
    assert not window.add(2, metrics(np.nan, norm=np.nan))
    assert "step 2: loss is not finite" in caplog.text
    window = MetricWindow(json.loads(json.dumps(window.saved())), SKIP)
    values = window.close()
    assert values["train_loss"] == 1.0
    assert values["skipped_steps"] == 1


def test_too_many_skipped_steps_in_a_row_stop_the_run():
    window = MetricWindow({}, SKIP)
    for step, total in enumerate((np.nan, np.nan, 1.0, np.nan, np.nan), start=1):
        window.add(step, metrics(total))
    # What stands in a checkpoint goes on to count.
    window = MetricWindow(json.loads(json.dumps(window.saved())), SKIP)
    with pytest.raises(UserError, match=r"step 6: loss is not finite.* in 3 steps in"):
        window.add(6, metrics(np.nan))


def test_a_gradient_above_its_limit_is_named():
    training = Training(gradient_norm_limit=5.0)
    with pytest.raises(UserError, match=r"norm 7 is above gradient_norm_limit=5\.0"):
        MetricWindow({}, training).add(3, metrics(1.0, norm=7.0, sound=False))
