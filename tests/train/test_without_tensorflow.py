"""Training, evaluation, sampling and export from prepared data, without TensorFlow.

`make test-no-tensorflow` runs this file where TensorFlow is not installed at all; here
it is installed, and a process that tries to import it gets an ImportError.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.data.prepared_folder import CONFIG, LINES, prepare, texts, write_texts

ROOT = Path(__file__).parents[2]


def run(*arguments):
    worker = str(Path(__file__).with_name("without_tensorflow.py"))
    done = subprocess.run(
        [sys.executable, worker, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        cwd=ROOT,
        env={**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)},
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("without_tensorflow")
    CONFIG.train(LINES, str(path))
    write_texts(path / "a.jsonl", texts(0, 60))
    write_texts(path / "b.jsonl", texts(60, 10))
    prepare(
        path / "data",
        path / "sentencepiece_model",
        train=path / "a.jsonl",
        validation=path / "b.jsonl",
    )
    return path


def test_training_evaluation_sampling_and_export_run(folder):
    workdir = folder / "run"
    keys = ["dataset_name=prepared", f"data_path={folder}/data", "num_train_steps=2"]
    keys += ["warmup_steps=1", "log_every_steps=1", "num_eval_steps=1"]
    overrides = [f"--config.{key}" for key in keys]
    code, output = run(
        "main.py", "--config=configs/tiny.py", f"--workdir={workdir}", *overrides
    )
    assert code == 0, output[-5000:]
    assert "no TensorBoard events are written" in output
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    names = {name for line in lines for name in json.loads(line)}
    assert {"train_loss", "eval_loss", "eval_bits_per_character"} <= names
    code, output = run(
        "generate_text.py", f"--workdir={workdir}", "--num_generated_texts=2"
    )
    assert code == 0, output[-5000:]
    assert output.count("昨日、") >= 2
    code, output = run(
        "transformer_lm/tools/export_hf.py",
        f"--workdir={workdir}",
        f"--output={folder}/export",
    )
    assert code == 0, output[-5000:]
    assert "ids of 1,000 lines are equal" in output
    assert (folder / "export" / "model.safetensors").is_file()


def test_streamed_text_says_what_is_missing(folder):
    code, output = run(
        "main.py",
        "--config=configs/tiny.py",
        f"--workdir={folder}/streamed",
        "--config.tensorboard=false",
    )
    assert code == 2
    assert "streaming text needs TensorFlow" in output
    assert "Traceback" not in output
