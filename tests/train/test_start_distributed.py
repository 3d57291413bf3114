"""Two processes find each other as on a cluster, by what its launcher tells them."""

import os
import subprocess
import sys

import jax
import pytest

from tests.train.test_processes import ROOT, free_port, last_lines
from transformer_lm import processes
from transformer_lm.processes import first_process_does, start_distributed
from transformer_lm.registry import UserError

WORKER = """
import json
import jax
jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_num_cpu_devices", 1)
from transformer_lm.processes import any_process, start_distributed
start_distributed("auto", None, None)
found = any_process(jax.process_index() == 1)
print(json.dumps([jax.process_index(), jax.process_count(), found]))
"""


def slurm(rank):
    return {
        "SLURM_JOB_ID": "4711",
        "SLURM_STEP_NODELIST": "127.0.0.1",
        "SLURM_NTASKS": "2",
        "SLURM_PROCID": str(rank),
        "SLURM_LOCALID": str(rank),
        "SLURM_STEP_NUM_NODES": "1",
    }


def open_mpi(rank):
    return {
        "OMPI_MCA_orte_hnp_uri": "1531576320.0;tcp://127.0.0.1:34911",
        "OMPI_COMM_WORLD_SIZE": "2",
        "OMPI_COMM_WORLD_RANK": str(rank),
        "OMPI_COMM_WORLD_LOCAL_RANK": str(rank),
    }


@pytest.mark.parametrize("launcher", [slurm, open_mpi])
def test_a_cluster_is_found(launcher):
    port = {"JAX_COORDINATOR_PORT": str(free_port())}
    found = last_lines(lambda _: ["-c", WORKER], lambda rank: port | launcher(rank))
    assert found == [[0, 2, True], [1, 2, True]]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("auto", 2, 0), "--coordinator=auto asks the cluster"),
        (("localhost:1", 2, None), "needs --num_processes and --process_id"),
        (("localhost:1", 2, 2), "--process_id=2 must lie in 0 to 1"),
        ((None, 2, 0), "without --coordinator"),
    ],
)
def test_what_cannot_start_says_why(arguments, expected):
    with pytest.raises(UserError, match=expected):
        start_distributed(*arguments)


def test_where_there_is_no_cluster_the_choices_are_named():
    found = subprocess.run(
        [sys.executable, "-c", WORKER],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert found.returncode != 0
    assert "UserError: --coordinator=auto: no cluster was found" in found.stderr


def test_what_stops_the_first_process_stops_the_others(monkeypatch):
    """They would wait for it at their next step, for ever."""
    done = []
    monkeypatch.setattr(jax, "process_index", lambda: 1)
    monkeypatch.setattr(processes, "any_process", lambda failed: not failed)
    with pytest.raises(UserError, match="process 0 stopped; its message says why"):
        first_process_does(lambda: done.append(1))
    assert not done
