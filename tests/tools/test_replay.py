"""What replay calls the same, and what it calls the first difference.

tests/faults replays real runs.
"""

import json
import math

import numpy as np
import pytest
from etils import epath

from transformer_lm.metrics import ENVIRONMENT_FILE, describe_environment
from transformer_lm.registry import UserError
from transformer_lm.tools import replay
from transformer_lm.tools.replay import compare, compare_rows, main, parser
from transformer_lm.train.bad_steps import keep_batch

LOGGED = {"train_loss": 2.5, "gradient_norm": 1.0, "steps_per_second": 9.0}


def test_every_bit_counts_unless_a_tolerance_is_given():
    near = {"train_loss": math.nextafter(2.5, 3), "gradient_norm": 1.0}
    assert compare(8, LOGGED, {"train_loss": 2.5, "gradient_norm": 1.0}) is None
    told = compare(8, LOGGED, near)
    assert told is not None
    assert told.startswith("step 8 is the first that differs: train_loss was 2.5, is")
    assert compare(8, LOGGED, near, tolerance=1e-9) is None


def test_figures_that_are_not_finite_are_compared_too():
    broken = {"train_loss": math.nan, "gradient_norm": math.inf}
    assert compare(8, broken, broken) is None
    assert compare(8, broken, {"train_loss": 1.0, "gradient_norm": math.inf})


def test_another_batch_is_named(tmp_path):
    rows = {"tokens": np.arange(6).reshape(2, 3), "weights": np.ones((2, 3))}
    metrics = {"sums": {}, "gradient_norm": 1.0}
    kept = keep_batch(str(tmp_path), 4, rows, metrics)
    assert kept is not None
    assert compare_rows(4, kept, rows) is None
    other = rows | {"tokens": rows["tokens"] + 1}
    assert "tokens differ" in str(compare_rows(4, kept, other))
    assert "weights differ" in str(compare_rows(4, kept, {"tokens": rows["tokens"]}))


def test_a_folder_without_a_run_is_named(tmp_path):
    arguments = parser().parse_args([f"--workdir={tmp_path}", "--step=3"])
    with pytest.raises(UserError, match="is not the work folder of a run"):
        main(arguments)


def test_a_step_that_the_run_does_not_have_is_refused(tmp_path, tiny_settings):
    (epath.Path(tmp_path) / "settings.json").write_text(tiny_settings().to_json())
    arguments = parser().parse_args([f"--workdir={tmp_path}", "--step=41"])
    with pytest.raises(UserError, match="the run has steps 1 to 40"):
        main(arguments)


def test_other_devices_and_versions_are_named(
    tmp_path, tiny_settings, caplog, monkeypatch
):
    """Before anything is computed."""
    (epath.Path(tmp_path) / "settings.json").write_text(tiny_settings().to_json())
    before = {**describe_environment(), "jax": "0.0.1", "devices": "9 × TPU"}
    (tmp_path / ENVIRONMENT_FILE).write_text(json.dumps(before))

    def stop(*_):
        raise UserError("enough")

    monkeypatch.setattr(replay, "assemble", stop)
    arguments = parser().parse_args([f"--workdir={tmp_path}", "--step=3"])
    with pytest.raises(UserError, match="enough"):
        main(arguments)
    told = [record.getMessage() for record in caplog.records]
    assert [line.partition(",")[0] for line in told] == [
        "jax was 0.0.1",
        "devices was 9 × TPU",
    ]
