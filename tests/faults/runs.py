"""Real runs of main.py, started, watched, harmed and compared."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp

from transformer_lm.exit_codes import PREEMPTED

ROOT = Path(__file__).parents[2]
STEPS = 60
PATIENCE_SECONDS = 1800
"""For what takes some seconds, on a machine with ten times more work than cores."""

STATED_SECONDS = 60
"""In which a run that is asked to end has saved; docs/reliability.md says it."""

TIMED = {
    *("time", "train_time", "steps_per_second", "tokens_per_second", "mfu"),
    *("useful_tokens_per_second", "useful_mfu"),
}
KEYS = {
    "num_train_steps": STEPS,
    "checkpoint_every_steps": 7,  # No multiple of the log's steps, on purpose.
    "log_every_steps": 5,
    "eval_every_steps": 20,
    "ema_decay": 0.9,
    "keep_checkpoints": 2,
}


def start(workdir, cache, *flags, family="transformer_lm", **keys):
    """Starts main.py with a tiny config; flags are its own, keys the config's."""
    arguments = [f"--config.{key}={value}" for key, value in {**KEYS, **keys}.items()]
    return subprocess.Popen(
        [
            sys.executable,
            str(ROOT / "main.py"),
            f"--config={ROOT}/configs/tiny.py:{family}",
            f"--workdir={workdir}",
            *arguments,
            *flags,
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


def finish(process, code=0):
    """Waits for the end of a run; returns what it printed."""
    output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == code, output[-5000:]
    # Before a run's last words, threads of tensorstore may complain, in C++.
    words = output[output.rfind("main.py: ") :]
    assert code == 0 or (words and "Traceback" not in words), output[-5000:]
    return output


def finish_asked(process):
    """Asks a run to end, and waits; returns what it printed and the seconds it took."""
    assert process.poll() is None, "it ended before it was asked to"
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    output = finish(process, code=PREEMPTED)
    return output, time.monotonic() - began


def newest_checkpoint(workdir):
    steps = [p.name for p in (workdir / "checkpoints").glob("*") if p.name.isdigit()]
    return max(map(int, steps), default=0)


def wait_for_checkpoint(process, workdir, step):
    """Waits until the run has saved a checkpoint of `step` or later."""
    deadline = time.monotonic() + PATIENCE_SECONDS
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
