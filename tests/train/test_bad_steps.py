"""The batch of a step that went wrong is kept as it was."""

import numpy as np
import pytest

from transformer_lm.train.bad_steps import (
    FOLDER,
    MOST,
    keep_batch,
    kept_batch,
    kept_figures,
)

ROWS = {
    "tokens": np.arange(12, dtype=np.int32).reshape(2, 6),
    "weights": np.full((2, 6), 0.1, np.float32),
}
METRICS = {
    "sums": {"loss": (np.float32(np.nan), np.float32(3)), "empty": (0.0, 0.0)},
    "gradient_norm": np.float32(np.inf),
    "learning_rate": np.float32(0.25),
    "sound": np.bool_(False),
}


def test_batch_and_figures_come_back(tmp_path):
    file = keep_batch(str(tmp_path), 7, ROWS, METRICS)
    assert file == kept_batch(str(tmp_path), 7)
    with np.load(file, allow_pickle=False) as kept:
        for name, rows in ROWS.items():
            np.testing.assert_array_equal(kept[name], rows)
            assert kept[name].dtype == rows.dtype
    figures = kept_figures(file)
    assert np.isnan(figures.pop("train_loss"))
    assert figures == {"gradient_norm": np.inf, "learning_rate": 0.25}
    assert kept_batch(str(tmp_path), 8) is None


def test_a_run_that_goes_wrong_for_long_does_not_fill_the_disk(tmp_path):
    files = [keep_batch(str(tmp_path), step, ROWS, METRICS) for step in range(MOST + 3)]
    assert files[MOST:] == [None] * 3
    assert len(list((tmp_path / FOLDER).glob("*.npz"))) == MOST
    # A step that goes wrong again after a restart replaces its own.
    assert keep_batch(str(tmp_path), 1, ROWS, METRICS) == files[1]


def test_a_batch_is_whole_or_not_there(tmp_path, monkeypatch):
    def fail(stream, **arrays):
        stream.write(b"the first bytes")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(OSError, match="No space"):
        keep_batch(str(tmp_path), 7, ROWS, METRICS)
    assert kept_batch(str(tmp_path), 7) is None
