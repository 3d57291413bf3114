"""Prepared data: a run that changes its number of processes learns as if it had not."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.data.prepared_folder import CONFIG, LINES, prepare, texts, write_texts

ROOT = Path(__file__).parents[2]
EACH = 6
"""Updates before the number of processes changes."""


def free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def launch(folder, workdir, processes, steps, *, devices=2, **more):
    """Starts main.py on some devices, shared out among processes."""
    keys = {
        "dataset_name": "prepared",
        "data_path": folder / "data",
        "dropout_rate": 0,
        "attention_dropout_rate": 0,
        "grad_accumulation_steps": 2,
        "num_train_steps": steps,
        "warmup_steps": 4,
        "log_every_steps": 1,
        "eval_every_steps": EACH,
        "checkpoint_every_steps": EACH,
        "tensorboard": False,
        **more,
    }
    coordinator = f"127.0.0.1:{free_port()}"
    place = ["--coordinator", coordinator, "--num_processes", str(processes)]
    return [
        subprocess.Popen(
            [
                sys.executable,
                str(ROOT / "main.py"),
                f"--config={ROOT}/configs/tiny.py:roberta",
                f"--workdir={workdir}",
                *(f"--config.{key}={value}" for key, value in keys.items()),
                *([*place, f"--process_id={number}"] if processes > 1 else []),
            ],
            env={
                **os.environ,
                "JAX_PLATFORMS": "cpu",
                "JAX_NUM_CPU_DEVICES": str(devices // processes),
                "JAX_COMPILATION_CACHE_DIR": str(folder / "cache"),
                "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for number in range(processes)
    ]


def train(folder, workdir, processes, steps, **options):
    """Trains to the end; returns what process 0 printed."""
    workers = launch(folder, workdir, processes, steps, **options)
    outputs = [worker.communicate(timeout=900)[0] for worker in workers]
    for worker, output in zip(workers, outputs, strict=True):
        assert worker.returncode == 0, output[-5000:]
    return outputs[0]


def losses(workdir):
    """(step, name, value) of every loss that was logged."""
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    return [
        (record["step"], name, record[name])
        for record in map(json.loads, lines)
        for name in ("train_loss", "eval_loss")
        if name in record
    ]


def prepare_data(tmp_path):
    """Prepares some text in the folder `data`."""
    CONFIG.train(LINES, str(tmp_path))
    write_texts(tmp_path / "a.jsonl", texts(0, 60))
    write_texts(tmp_path / "b.jsonl", texts(60, 10))
    vocabulary = tmp_path / "sentencepiece_model"
    files = {"train": tmp_path / "a.jsonl", "validation": tmp_path / "b.jsonl"}
    prepare(tmp_path / "data", vocabulary, **files)


def assert_same_losses(one, other, count):
    """One process and several add up in another order, and so round otherwise."""
    one, other = losses(one), losses(other)
    assert len(one) == count
    assert [entry[:2] for entry in one] == [entry[:2] for entry in other]
    np.testing.assert_allclose(
        [entry[2] for entry in other], [entry[2] for entry in one], rtol=0, atol=1e-6
    )


@pytest.mark.slow
def test_1_2_1_processes_have_the_losses_of_one(tmp_path):
    prepare_data(tmp_path)
    train(tmp_path, tmp_path / "whole", 1, 3 * EACH)
    for part, processes in enumerate((1, 2, 1), start=1):
        output = train(tmp_path, tmp_path / "changing", processes, part * EACH)
        assert "order of the data starts anew" not in output
    assert_same_losses(tmp_path / "whole", tmp_path / "changing", 3 * EACH + 3)
