"""Settings of the process: ours where the user has none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FAULTS = """
import ctypes, resource
from transformer_lm.environment import prepare_environment
prepare_environment()
library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p
library.malloc.argtypes = (ctypes.c_size_t,)
library.free.argtypes = (ctypes.c_void_p,)
SIZE = 256 << 20
def use():
    block = library.malloc(SIZE)
    ctypes.memset(block, 1, SIZE)
    library.free(block)
use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
use()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
"""Prints the page faults of a large block that is used for the second time."""


def run(code, **variables):
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MALLOC_", "JAX_", "XLA_"))
    }
    return subprocess.run(
        [sys.executable, "-c", code],
        env=inherited | variables,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    ).stdout


@pytest.mark.skipif(
    not sys.platform.startswith("linux")
    or "CS_GNU_LIBC_VERSION" not in os.confstr_names,
    reason="the allocator is that of glibc",
)
def test_freed_memory_stays_in_the_process_unless_the_user_says_otherwise():
    assert int(run(FAULTS, JAX_PLATFORMS="cpu")) < 100
    own = {
        "MALLOC_MMAP_MAX_": "65536",
        "MALLOC_MMAP_THRESHOLD_": "131072",
        "MALLOC_TRIM_THRESHOLD_": "131072",
    }
    assert int(run(FAULTS, JAX_PLATFORMS="cpu", **own)) > 100


PRINT = """
import jax, os
from transformer_lm import environment
environment.DRIVERS = {"gpu": ("null",), "tpu": ("no such file",)}
environment.prepare_environment()
print(jax.config.jax_compilation_cache_dir, jax.config.jax_optimization_level,
      os.environ["XLA_PYTHON_CLIENT_MEM_FRACTION"])
"""
"""/dev/null stands for the file of a GPU's driver."""


def test_a_gpu_gets_a_cache_of_programs_and_a_users_values_win(tmp_path):
    folder, level, fraction = run(PRINT, XDG_CACHE_HOME=str(tmp_path)).split()
    assert folder == str(tmp_path / "transformer_lm" / "compiled")
    assert (level, fraction) == ("O1", "0.9")
    own = {
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "own"),
        "JAX_OPTIMIZATION_LEVEL": "O2",
        "XLA_PYTHON_CLIENT_MEM_FRACTION": "0.5",
    }
    assert run(PRINT, **own).split() == [str(tmp_path / "own"), "O2", "0.5"]


def test_a_cpu_gets_none(tmp_path):
    code = PRINT.replace('("null",)', '("no such file",)')
    folder, _, _ = run(code, XDG_CACHE_HOME=str(tmp_path)).split()
    assert folder == "None"
