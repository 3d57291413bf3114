"""A run that is killed and started again ends bit-identical to one that is not."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

from transformer_lm.models import MODELS

ROOT = Path(__file__).parents[2]
STEPS = 60
TIMED = ("time", "train_time", "steps_per_second", "tokens_per_second", "mfu")
KEYS = {
    "num_train_steps": STEPS,
    "checkpoint_every_steps": 7,  # No multiple of the log's steps, on purpose.
    "log_every_steps": 5,
    "eval_every_steps": 20,
    "ema_decay": 0.9,
    "keep_checkpoints": 2,
}


def start(workdir, cache, family="transformer_lm", **keys):
    arguments = [f"--config.{key}={value}" for key, value in {**KEYS, **keys}.items()]
    return subprocess.Popen(
        [
            sys.executable,
            str(ROOT / "main.py"),
            f"--config={ROOT}/configs/tiny.py:{family}",
            f"--workdir={workdir}",
            *arguments,
        ],
        env={
            **os.environ,
            "JAX_PLATFORMS": "cpu",
            "JAX_COMPILATION_CACHE_DIR": str(cache),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process):
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output[-5000:]
    return output


def newest_checkpoint(workdir):
    steps = [p.name for p in (workdir / "checkpoints").glob("*") if p.name.isdigit()]
    return max(map(int, steps), default=0)


def wait_for_checkpoint(process, workdir, step):
    """Waits until the run has saved a checkpoint of `step` or later."""
    deadline = time.monotonic() + 300
    while newest_checkpoint(workdir) < step and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def logged(workdir):
    """All metrics by step, without timings."""
    records: dict[int, dict[str, float]] = {}
    for line in (workdir / "metrics.jsonl").read_text().splitlines():
        record = json.loads(line)
        step = record.pop("step")
        assert not (records.setdefault(step, {}).keys() & record.keys() - {"time"})
        records[step] |= record
    return {
        step: {name: v for name, v in record.items() if name not in TIMED}
        for step, record in records.items()
    }


def state_at_end(workdir):
    folder = workdir / "checkpoints" / str(STEPS)
    with ocp.StandardCheckpointer() as checkpointer:
        return {
            item: checkpointer.restore(folder / item)
            for item in ("parameters", "average", "training")
        }


def samples(workdir):
    """Texts by step; encoders write none."""
    file = workdir / "samples.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    return [json.loads(line).get("sample_0") for line in lines]


def assert_same_end(one, other):
    assert logged(one) == logged(other)
    jax.tree.map(np.testing.assert_array_equal, state_at_end(one), state_at_end(other))
    assert samples(one) == samples(other)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    output = finish(start(folder / "whole", folder / "cache"))
    return folder, output


def kill_and_finish(workdir, cache, kills, **keys):
    """Kills a run at random moments, each after a save, and lets it end at last."""
    chooser = random.Random(kills)
    for number in range(kills):
        process = start(workdir, cache, **keys)
        # A random moment after a random save, so that each kill loses some steps.
        wanted = STEPS * number // (kills + 1)
        wait_for_checkpoint(process, workdir, wanted)
        time.sleep(chooser.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    finish(start(workdir, cache, **keys))


@pytest.mark.parametrize(
    "kills",
    [pytest.param(2, id="2"), pytest.param(10, id="10", marks=pytest.mark.slow)],
)
def test_killed_runs_end_bit_identical(uninterrupted, kills):
    folder, _ = uninterrupted
    workdir = folder / f"killed_{kills}"
    kill_and_finish(workdir, folder / "cache", kills)
    assert_same_end(folder / "whole", workdir)


@pytest.mark.slow
@pytest.mark.parametrize(
    "family", [name for name in MODELS if name != "transformer_lm"]
)
def test_killed_runs_of_every_family_end_bit_identical(family, tmp_path):
    cache = tmp_path / "cache"
    finish(start(tmp_path / "whole", cache, family))
    kill_and_finish(tmp_path / "killed", cache, 3, family=family)
    assert_same_end(tmp_path / "whole", tmp_path / "killed")


def test_sigterm_saves_and_the_same_command_goes_on(uninterrupted):
    folder, _ = uninterrupted
    workdir = folder / "terminated"
    process = start(workdir, folder / "cache")
    wait_for_checkpoint(process, workdir, 7)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 143, output
    last = output.splitlines()[-1]
    assert "SIGTERM received: saved step" in last
    assert str(newest_checkpoint(workdir)) in last
    assert "Traceback" not in output
    assert f"going on from checkpoint {newest_checkpoint(workdir)}" in finish(
        start(workdir, folder / "cache")
    )
    assert_same_end(folder / "whole", workdir)


def test_a_finished_run_is_not_trained_again(uninterrupted):
    folder, _ = uninterrupted
    before = logged(folder / "whole")
    assert "nothing is left to train" in finish(
        start(folder / "whole", folder / "cache")
    )
    assert logged(folder / "whole") == before


def test_another_architecture_is_refused(uninterrupted):
    folder, _ = uninterrupted
    process = start(folder / "whole", folder / "cache", emb_dim=64, dropout_rate=0.2)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "belongs to another run" in output
    assert "emb_dim: 32 before, 64 now" in output
    assert "Traceback" not in output
    assert newest_checkpoint(folder / "whole") == STEPS


def test_the_user_sees_what_came_out(uninterrupted):
    _, output = uninterrupted
    for wanted in ("Samples", "bits_per_character", "entropy of the generator"):
        assert wanted in output
    for line in ("loss curves", "report", "TensorBoard", "checkpoints"):
        assert line in output
