"""Settings of the process, made before JAX and TensorFlow start; a user's own win.

docs/performance.md lists them for users.
"""

import ctypes
import logging
import os
import sys
from pathlib import Path

import jax

SETTINGS = {
    # One-step jobs of the input pipeline must not change with oneDNN's threads.
    "TF_ENABLE_ONEDNN_OPTS": "0",
    # GPU: JAX takes 75 % of the memory by default; nothing else of ours needs the rest.
    "XLA_PYTHON_CLIENT_MEM_FRACTION": "0.9",
}

ALLOCATOR = {
    # mallopt's number and value: large blocks come from the heap, not from new pages …
    "MALLOC_MMAP_MAX_": (-4, 0),
    # … and freed ones stay there: -1 never gives anything back.
    "MALLOC_TRIM_THRESHOLD_": (-1, -1),
    # One heap, for the heaps of threads hold no block above 64 MiB.
    "MALLOC_ARENA_MAX": (-8, 1),
}
"""Settings of glibc's allocator, by the variables with which a user sets them."""

DRIVERS = {"gpu": ("nvidia[0-9]*", "kfd"), "tpu": ("accel*", "vfio/[0-9]*")}
"""Files in /dev by the kind of device whose driver makes them."""


def prepare_environment() -> None:
    """Sets what the user has not set."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    # Says at each start that no TPU was found where there is none.
    logging.getLogger("jax._src.xla_bridge").setLevel(logging.WARNING)
    platforms = os.environ.get("JAX_PLATFORMS", "")
    found = [kind for kind, patterns in DRIVERS.items() if _has_any(patterns)]
    if platforms == "cpu" or (not platforms and not found):
        _keep_freed_memory()
        return
    settings = {"jax_compilation_cache_dir": str(_cache_folder())}
    if "gpu" in found:
        # Overlaps collectives with computation, which hand-made flags did before
        # (NVIDIA JAX-Toolbox, GPU performance, 2026).
        settings["jax_optimization_level"] = "O1"
    for name, value in settings.items():
        # JAX has read its variables when it was imported, which may be long ago.
        if name.upper() not in os.environ:
            jax.config.update(name, value)


def _has_any(patterns: tuple[str, ...]) -> bool:
    return any(any(Path("/dev").glob(pattern)) for pattern in patterns)


def _cache_folder() -> Path:
    """Where compiled programs are kept: minutes of compiling, on GPU and TPU."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "transformer_lm" / "compiled"


def _keep_freed_memory() -> None:
    """Has the process keep what it frees, for the next step on the CPU to use.

    Otherwise glibc gives the temporary arrays of a step, hundreds of MiB, back to the
    kernel, which clears each page anew in the next step: a fifth of its time. The
    process stays as large as its largest step. Other C libraries are left alone.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    for variable, (number, value) in ALLOCATOR.items():
        if variable not in os.environ:
            mallopt(number, value)
