import json
import logging
import math
import pathlib
import subprocess
import sys

import jax.numpy as jnp
import pytest
from etils import epath

from transformer_lm import line_files, metrics
from transformer_lm.line_files import read_records
from transformer_lm.metrics import MetricWriter, normalise


def open_writer(workdir: pathlib.Path, resume_step: int = 0) -> MetricWriter:
    return MetricWriter(str(workdir), resume_step=resume_step, tensorboard=False)


def read(workdir: pathlib.Path, name: str = metrics.METRICS_FILE) -> list[dict]:
    lines = (workdir / name).read_bytes().decode().split("\n")
    assert lines.pop() == ""
    records = [json.loads(line, parse_constant=pytest.fail) for line in lines]
    for record in records:
        assert record.pop("time") > 1e9
    return records


def test_a_mean_is_divided_once_and_perplexity_is_exp_of_the_mean_loss() -> None:
    sums = {"loss": (jnp.float32(6), jnp.float32(4)), "accuracy": (3, 4)}
    means = normalise(sums)
    assert means == {"loss": 1.5, "accuracy": 0.75, "perplexity": math.exp(1.5)}
    assert list(means) == ["loss", "accuracy", "perplexity"]


def test_perplexity_is_not_clipped_and_overflow_is_infinite() -> None:
    assert normalise({"loss": (100.0, 1)})["perplexity"] == math.exp(100)
    assert normalise({"loss": (1e4, 1)})["perplexity"] == math.inf


def test_weight_zero_is_nan_and_the_log_names_the_metric(
    caplog: pytest.LogCaptureFixture,
) -> None:
    means = normalise({"loss": (0.0, 0.0), "accuracy": (1, 2)})
    assert math.isnan(means["loss"])
    assert math.isnan(means["perplexity"])
    assert means["accuracy"] == 0.5
    assert "loss has weight 0" in caplog.text
    assert "accuracy" not in caplog.text


def test_each_call_is_one_line_that_is_on_disk_at_once(tmp_path: pathlib.Path) -> None:
    writer = open_writer(tmp_path)
    writer.scalars(10, {"train_loss": jnp.float32(2.5)})
    writer.scalars(20, {"train_loss": 2.0, "learning_rate": 1e-3})
    assert read(tmp_path) == [
        {"step": 10, "train_loss": 2.5},
        {"step": 20, "train_loss": 2.0, "learning_rate": 1e-3},
    ]


def test_non_finite_figures_stay_valid_json_and_read_back(
    tmp_path: pathlib.Path,
) -> None:
    values = {"a": math.nan, "b": math.inf, "c": -math.inf}
    open_writer(tmp_path).scalars(1, values)
    (record,) = read(tmp_path)
    assert record == {"step": 1, "a": "nan", "b": "inf", "c": "-inf"}
    assert float(record["b"]) == math.inf


def test_resuming_drops_later_steps_and_a_torn_line(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    writer = open_writer(tmp_path)
    for step in (10, 20, 30):
        writer.scalars(step, {"train_loss": float(step)})
        writer.texts(step, {"sample": f"{step} 歩"})
    with (tmp_path / metrics.METRICS_FILE).open("ab") as file:
        file.write('{"step": 15, "train_loss": 1, "名'.encode()[:-1])
    writer = open_writer(tmp_path, resume_step=20)
    assert [record["step"] for record in read(tmp_path)] == [10, 20]
    assert "metrics.jsonl line 4 is torn" in caplog.text
    writer.scalars(30, {"train_loss": 3.0})
    assert [record["train_loss"] for record in read(tmp_path)] == [10, 20, 3]
    samples = read(tmp_path, metrics.SAMPLES_FILE)
    assert samples == [
        {"step": 10, "sample": "10 歩"},
        {"step": 20, "sample": "20 歩"},
    ]
    assert not list(tmp_path.glob("*.new"))


def test_a_step_has_no_figure_twice_also_after_a_resume(
    tmp_path: pathlib.Path,
) -> None:
    writer = open_writer(tmp_path)
    writer.scalars(10, {"train_loss": 1.0})
    writer.scalars(10, {"eval_loss": 2.0})
    writer = open_writer(tmp_path, resume_step=10)
    writer.scalars(10, {"eval_loss": 9.0, "eval_accuracy": 0.5})
    assert read(tmp_path) == [
        {"step": 10, "train_loss": 1.0},
        {"step": 10, "eval_loss": 2.0},
        {"step": 10, "eval_accuracy": 0.5},
    ]


def test_a_fresh_start_empties_the_files(tmp_path: pathlib.Path) -> None:
    open_writer(tmp_path).scalars(0, {"eval_loss": 1.0})
    open_writer(tmp_path).scalars(0, {"eval_loss": 2.0})
    assert read(tmp_path) == [{"step": 0, "eval_loss": 2.0}]


def test_a_failed_rewrite_leaves_the_old_file(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_writer(tmp_path).scalars(10, {"train_loss": 1.0})
    before = (tmp_path / metrics.METRICS_FILE).read_bytes()

    def fail(*_: object) -> None:
        raise OSError("killed before the move")

    monkeypatch.setattr(type(epath.Path(tmp_path)), "replace", fail)
    with pytest.raises(OSError, match="killed before the move"):
        open_writer(tmp_path, resume_step=5)
    assert (tmp_path / metrics.METRICS_FILE).read_bytes() == before


def test_text_with_line_separators_and_lone_surrogates_survives(
    tmp_path: pathlib.Path,
) -> None:
    open_writer(tmp_path).texts(1, {"sample": "吾輩は\u2028猫\x85である\n\ud800"})
    (record,) = read_records(epath.Path(tmp_path) / metrics.SAMPLES_FILE)
    assert record["sample"] == "吾輩は\u2028猫\x85である\n?"


def test_an_object_store_gets_whole_files_at_flush(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_files, "is_remote", lambda path: True)
    writer = open_writer(tmp_path)
    writer.scalars(1, {"train_loss": 1.0})
    assert not (tmp_path / metrics.METRICS_FILE).exists()
    writer.flush()
    writer.scalars(2, {"train_loss": 2.0})
    assert [record["step"] for record in read(tmp_path)] == [1]
    writer.close()
    assert [record["step"] for record in read(tmp_path)] == [1, 2]
    open_writer(tmp_path, resume_step=1)
    assert [record["step"] for record in read(tmp_path)] == [1]


def test_only_process_0_writes(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workdir = tmp_path / "run"
    writers = [MetricWriter(str(workdir), enabled=False)]
    monkeypatch.setattr("jax.process_index", lambda: 1)
    writers.append(MetricWriter(str(workdir)))
    for writer in writers:
        writer.scalars(1, {"train_loss": 1.0})
        writer.texts(1, {"sample": "a"})
        writer.close()
    assert not workdir.exists()


def test_the_environment_is_recorded(tmp_path: pathlib.Path) -> None:
    open_writer(tmp_path)
    environment = json.loads((tmp_path / metrics.ENVIRONMENT_FILE).read_text())
    assert environment["python"] == sys.version.split()[0]
    assert environment["devices"].endswith("cpu")


def test_the_log_shows_evaluations_on_the_screen_and_training_in_the_file_only(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    writer = open_writer(tmp_path)
    with caplog.at_level(logging.INFO, logger="transformer_lm"):
        writer.scalars(1, {"train_loss": 2.0, "tokens_per_second": 12345.6})
        writer.scalars(1, {"eval_loss": 3.0})
    assert [(record.name, record.getMessage()) for record in caplog.records] == [
        (
            "transformer_lm.metrics.file_only",
            "step 1: train_loss 2, tokens_per_second 12,346",
        ),
        ("transformer_lm", "step 1: eval_loss 3"),
    ]


def test_without_tensorflow_one_line_says_so_and_figures_are_written(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    writer = MetricWriter(str(tmp_path))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "no TensorBoard events are written" in caplog.text
    writer.scalars(3, {"train_loss": 2.0})
    writer.close()
    (record,) = line_files.read_records(tmp_path / metrics.METRICS_FILE)
    assert record["train_loss"] == 2.0
    assert not (tmp_path / "tensorboard").exists()


def test_tensorboard_gets_scalars_and_texts_and_tensorflow_comes_no_earlier(
    tmp_path: pathlib.Path,
) -> None:
    program = """
import sys
from transformer_lm import metrics, progress, throughput
from transformer_lm.tools import report
writer = metrics.MetricWriter(sys.argv[1], tensorboard=False)
assert "tensorflow" not in sys.modules and "matplotlib" not in sys.modules
writer = metrics.MetricWriter(sys.argv[1])
writer.scalars(7, {"train_loss": 2.5, "eval_perplexity": float("inf")})
writer.texts(7, {"sample": "吾輩は猫である"})
writer.close()
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray
events = EventAccumulator(sys.argv[1] + "/tensorboard").Reload()
for tag in ("train_loss", "eval_perplexity", "sample/text_summary", "sample"):
    if tag in events.Tags()["tensors"]:
        (event,) = events.Tensors(tag)
        value = make_ndarray(event.tensor_proto).reshape(-1)[0]
        value = value.decode() if isinstance(value, bytes) else float(value)
        print(tag.split("/")[0], event.step, value)
"""
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, str(tmp_path)],
        capture_output=True,
        check=False,
        encoding="utf-8",
        env={"PATH": "", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONIOENCODING": "utf-8"},
        cwd=pathlib.Path(metrics.__file__).parents[1],
    )
    assert result.stdout.splitlines() == [
        "train_loss 7 2.5",
        "eval_perplexity 7 inf",
        "sample 7 吾輩は猫である",
    ], result.stderr
