import json

import numpy as np
import pytest

from transformer_lm.registry import UserError
from transformer_lm.train.bad_steps import kept_batch
from transformer_lm.train.reporter import Reporter

ROWS = {"tokens": np.arange(6, dtype=np.int32).reshape(2, 3)}
BROKEN = {
    "sums": {"loss": (np.nan, 1.0)},
    "learning_rate": 1e-3,
    "gradient_norm": np.nan,
    "sound": False,
}


@pytest.mark.parametrize("policy", ["stop", "skip"])
def test_the_batch_of_a_bad_step_is_kept_and_named(
    tiny_settings, tmp_path, caplog, policy
):
    settings = tiny_settings(nonfinite_policy=policy, tensorboard=False)
    reporter = Reporter(settings, str(tmp_path), 1500, 0, {})
    reporter.sent(1, BROKEN, ROWS)
    told = ""
    if policy == "stop":
        with pytest.raises(UserError) as stopped:
            reporter.catch_up()
        told = str(stopped.value)
    else:
        reporter.catch_up()
    reporter.close()
    file = kept_batch(str(tmp_path), 1)
    assert file is not None
    assert f"kept in {file}" in told + caplog.text
    with np.load(file) as kept:
        np.testing.assert_array_equal(kept["tokens"], ROWS["tokens"])


def test_useful_speeds_leave_padding_out(tiny_settings, tmp_path):
    settings = tiny_settings(log_every_steps=2, tensorboard=False)
    reporter = Reporter(settings, str(tmp_path), 1500, 0, {})
    for step in range(1, 7):
        sums = {"loss": (2.0, 1.0), "padding": (128.0, 512.0)}
        metrics = {
            "sums": sums,
            "learning_rate": 1e-3,
            "gradient_norm": 1.0,
            "sound": True,
        }
        reporter.sent(step, metrics, {})
    reporter.close()
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    records = [record for record in map(json.loads, lines) if "mfu" in record]
    assert records
    for record in records:
        assert record["train_padding"] == 0.25
        for name in ("mfu", "tokens_per_second"):
            assert record[f"useful_{name}"] == pytest.approx(0.75 * record[name])
