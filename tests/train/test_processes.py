import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np

from tests.train.test_step import NO_DROPOUT, VOCABULARY, train
from transformer_lm.checkpoint import CheckpointStore
from transformer_lm.train.program import build_program

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def last_lines(command_of, environment_of):
    """What each of two processes, started together, prints last, as JSON."""
    workers = [
        subprocess.Popen(
            [sys.executable, *command_of(index)],
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment_of(index)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in range(2)
    ]
    results = [worker.communicate(timeout=600) for worker in workers]
    for worker, (_, errors) in zip(workers, results, strict=True):
        assert worker.returncode == 0, errors[-3000:]
    return [json.loads(output.splitlines()[-1]) for output, _ in results]


def run_two(workdir, *keys):
    """Losses of each of two processes with two devices each."""
    coordinator = f"127.0.0.1:{free_port()}"

    def command(index):
        return [
            str(ROOT / "tests" / "train" / "two_processes.py"),
            *(coordinator, "2", str(index), str(workdir)),
            *(f"--config.{key}" for key in keys),
        ]

    return last_lines(command, lambda _: {})


def assert_parameters_are(state, workdir, settings, atol):
    """Compares with what two processes have saved: one restores it."""
    program = build_program(settings, VOCABULARY, jax.devices()[:1])
    store = CheckpointStore(str(workdir))
    restored, position = store.restore(5, program.abstract)
    store.close()
    assert position is None  # It belongs to two processes.
    for ours, theirs in zip(
        jax.tree.leaves(restored.parameters),
        jax.tree.leaves(state.parameters),
        strict=True,
    ):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=atol)


def test_two_processes_give_the_losses_of_one(tiny_settings, tmp_path):
    two = run_two(tmp_path, "fsdp_parallel=2")
    settings = tiny_settings(**NO_DROPOUT)
    one, state = train(settings, steps=5)
    np.testing.assert_allclose(two[0], one, rtol=0, atol=1e-5)
    assert two[0] == two[1]
    assert_parameters_are(state, tmp_path, settings, 1e-4)


def test_processes_with_batches_of_their_own_equal_one_large_batch(
    tiny_settings, tmp_path
):
    """12 and 4 rows: three micro-batches of 4 rows on one process, one on the other."""
    batches = ("batch_size=None", "per_process_batch=12,4", "grad_accumulation_steps=3")
    # A large epsilon: Adam divides rounding by the root of tiny second moments.
    two = run_two(tmp_path, *batches, "epsilon=1e-3")
    settings = tiny_settings(batch_size=16, epsilon=1e-3, **NO_DROPOUT)
    one, state = train(settings, steps=5, rows=16)
    np.testing.assert_allclose(two[0], one, rtol=1e-6)
    assert two[0] == two[1]
    assert_parameters_are(state, tmp_path, settings, 1e-6)
