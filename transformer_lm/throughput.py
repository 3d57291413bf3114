"""How fast a run goes, and what share of its devices' peak speed that is."""

import functools
import logging
import re
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np

_LOGGER = logging.getLogger(__name__)

PEAK_FLOPS = {
    "TPU v2": 45e12 / 2,
    "TPU v3": 123e12 / 2,
    "TPU v4": 275e12,
    "TPU v5 lite": 197e12,
    "TPU v5e": 197e12,
    "TPU v5": 459e12,
    "TPU v5p": 459e12,
    "TPU v6 lite": 918e12,
    "TPU v6e": 918e12,
    "TPU7x": 2307e12 / 2,
    "T4": 65e12,
    "L4": 121e12,
    "A100": 312e12,
    "H100": 989e12,
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H200": 989e12,
    "H200 NVL": 835e12,
}
"""Dense bfloat16 FLOP/s of one JAX device (T4, which has no bfloat16: float16).

TPUs by their whole `device_kind`, GPUs by a part of it. The makers state it for a chip;
on TPU v2, v3 and TPU7x a JAX device is one of its two cores, hence the halves
(v4 and v5p join their cores into one device). Sources: "Peak compute per chip" at
https://cloud.google.com/tpu/docs/v2 (likewise v3, v4, v5e, v5p, v6e, tpu7x); NVIDIA's
data sheets of each GPU, whose figures "with sparsity" (L4, H100, H200) are halved.
"""


class Throughput:
    """Measures steps, tokens and model FLOPs a second between two readings.

    Start it when the first step, which compiles, is done; start it anew after an
    evaluation or a save, so that these do not count. A reading covers the steps since
    the last start or reading. Steps run asynchronously: read when a step's metrics have
    been fetched, not when it was sent.

    FLOP convention: `flops_per_token` is the model's own formula for forward and
    backward pass (see the model's config class), a multiply-add counting 2; what is
    recomputed to save memory does not count. Hence `mfu`, in per cent, is the model
    FLOPs utilisation of Chowdhery et al. 2022 (PaLM), appendix B.

    Args:
        tokens_per_step: tokens of a step, all devices and micro-batches together.
        flops_per_token: model FLOPs of training on one token.
        peak_flops: FLOP/s of all devices together, from `device_peak_flops`; None
            leaves `mfu` out.
        clock: gives seconds.
    """

    def __init__(
        self,
        *,
        tokens_per_step: int,
        flops_per_token: float,
        peak_flops: float | None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._tokens_per_step = tokens_per_step
        self._flops_per_token = flops_per_token
        self._peak_flops = peak_flops
        self._clock = clock
        self._started: tuple[int, float] | None = None

    def start(self, step: int) -> None:
        """Starts the clock, `step` being the last one that is done."""
        self._started = (step, self._clock())

    def read(self, step: int) -> dict[str, float]:
        """Returns the speeds since the last start or reading, and starts anew.

        Returns:
            `steps_per_second`, `tokens_per_second` and `mfu` (per cent); nothing where
            no step has been done since, or the clock never started (it starts now).
        """
        if self._started is None:
            self.start(step)
            return {}
        first_step, first_time = self._started
        if step <= first_step:
            return {}
        self.start(step)
        steps_per_second = (step - first_step) / (self._started[1] - first_time)
        tokens_per_second = steps_per_second * self._tokens_per_step
        speeds = {
            "steps_per_second": steps_per_second,
            "tokens_per_second": tokens_per_second,
        }
        if self._peak_flops is not None:
            flops_per_second = tokens_per_second * self._flops_per_token
            speeds["mfu"] = 100 * flops_per_second / self._peak_flops
        return speeds


class Device(Protocol):
    """What is asked of a `jax.Device`."""

    @property
    def device_kind(self) -> str:
        """The chip's name."""
        ...

    @property
    def platform(self) -> str:
        """One of cpu, gpu, tpu."""
        ...

    @property
    def process_index(self) -> int:
        """The process that the device belongs to."""
        ...


def device_peak_flops(devices: Sequence[Device], dtype: jax.typing.DTypeLike) -> float:
    """Adds up the peak FLOP/s of `devices`.

    A device in the table has the table's bfloat16 figure, whatever `dtype` is, as is
    the custom: float32 training then shows a low `mfu`. Any other kind (a CPU) is
    measured once, in `dtype`, and the log says so. CPU devices of one process share its
    cores, so they count once a process.
    """
    counted: dict[tuple[str, int], Device] = {}
    for index, device in enumerate(devices):
        is_cpu = device.platform == "cpu"
        counted[device.device_kind, device.process_index if is_cpu else index] = device
    name = jnp.dtype(dtype).name
    return sum(
        _table_peak(device.device_kind) or measured_peak(device.device_kind, name)
        for device in counted.values()
    )


def _table_peak(device_kind: str) -> float | None:
    """Finds a device in the table; the longest name that fits, "H100 PCIe", wins."""
    if device_kind.startswith("TPU"):
        return PEAK_FLOPS.get(device_kind)
    fitting = [name for name in PEAK_FLOPS if re.search(rf"\b{name}\b", device_kind)]
    return PEAK_FLOPS[max(fitting, key=len)] if fitting else None


@functools.cache
def measured_peak(device_kind: str, dtype: str) -> float:
    """Measures FLOP/s on a local device by a large matrix product, for about 0.3 s.

    The best of all repetitions counts: what disturbs a measurement slows it down.
    """
    device = next(d for d in jax.local_devices() if d.device_kind == device_kind)
    repeats = 1 if device.platform == "cpu" else 8
    tile = np.random.default_rng(0).standard_normal((1024, 1024))
    matrix = np.tile(tile, (repeats, repeats)).astype(jnp.dtype(dtype))
    operand = jax.device_put(matrix, device)  # [size, size]
    product = jax.jit(jnp.matmul)
    product(operand, operand).block_until_ready()  # Compiles.
    best = float("inf")
    end = time.perf_counter() + 0.3
    while best == float("inf") or time.perf_counter() < end:
        start = time.perf_counter()
        product(operand, operand).block_until_ready()
        best = min(best, time.perf_counter() - start)
    peak = 2 * matrix.shape[0] ** 3 / best
    _LOGGER.info(
        "no peak speed is known for %r: mfu is relative to %.4g FLOP/s, measured by a"
        " %s matrix product",
        device_kind,
        peak,
        dtype,
    )
    return peak
