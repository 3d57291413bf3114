import json

import pytest

from transformer_lm.train.reporter import Reporter


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
