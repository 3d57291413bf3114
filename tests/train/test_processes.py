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


def test_two_processes_give_the_losses_of_one(tiny_settings, tmp_path):
    """Also: what two processes save, one restores with the same parameters."""
    coordinator = f"127.0.0.1:{free_port()}"
    workers = [
        subprocess.Popen(
            [
                sys.executable,
                str(ROOT / "tests" / "train" / "two_processes.py"),
                *(coordinator, "2", str(index), str(tmp_path)),
            ],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in range(2)
    ]
    results = [worker.communicate(timeout=300) for worker in workers]
    for worker, (_, errors) in zip(workers, results, strict=True):
        assert worker.returncode == 0, errors[-3000:]
    two = [json.loads(output.splitlines()[-1]) for output, _ in results]
    one, state = train(tiny_settings(**NO_DROPOUT), steps=5)
    np.testing.assert_allclose(two[0], one, rtol=0, atol=1e-5)
    assert two[0] == two[1]

    program = build_program(tiny_settings(**NO_DROPOUT), VOCABULARY, jax.devices()[:1])
    store = CheckpointStore(str(tmp_path))
    restored, position = store.restore(5, program.abstract)
    assert position is None  # It belongs to two processes.
    for ours, theirs in zip(
        jax.tree.leaves(restored.parameters),
        jax.tree.leaves(state.parameters),
        strict=True,
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
    store.close()
