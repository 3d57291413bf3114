"""TPU slices by the names that Cloud TPU gives them, such as v4-8 or v5e-16."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
from jax.experimental import topologies

from transformer_lm.registry import UserError, describe_unknown

SETTINGS = {
    # There is no TPU here to ask about itself.
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_ACCELERATOR_TYPE": "v5litepod-8",
    "TPU_WORKER_HOSTNAMES": "localhost",
    # Nothing is shared: several programs may be compiled side by side.
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
}
"""Environment of libtpu on a machine without a TPU."""


@dataclass(frozen=True)
class Generation:
    """A kind of TPU; the figures are those of one chip."""

    cores_in_name: int
    """What a name counts for each chip: v4-8 has four chips of two cores."""
    dimensions: int
    """Of the torus that the chips form."""
    most_chips: int
    """In the largest slice."""
    hbm_gib: float
    """Memory that a program may use, as the compiler states it."""
    hbm_bandwidth: float
    """Bytes a second."""
    ici_bandwidth: float
    """Bytes a second to other chips, all links together, as all-reduces use them."""


GENERATIONS = {
    "v4": Generation(2, 3, 4096, 30.75, 1200e9, 268e9),
    "v5e": Generation(1, 2, 256, 15.75, 819e9, 200e9),
    "v5p": Generation(2, 3, 4096, 95.74, 2765e9, 600e9),
    "v6e": Generation(1, 2, 256, 31.25, 1638e9, 400e9),
}
"""Sources: https://cloud.google.com/tpu/docs/v4 (likewise v5e, v5p, v6e): HBM bandwidth;
half of the bidirectional ICI bandwidth per chip (v4, which has no such figure:
"all-reduce bandwidth per Pod" by its chips). hbm_gib is what libtpu names when a program
does not fit."""


@dataclass(frozen=True)
class Topology:
    """A slice: chips in a mesh or torus, without any host to run on."""

    name: str
    generation: Generation
    shape: tuple[int, ...]
    """Chips along each dimension."""

    @property
    def num_chips(self) -> int:
        """Chips, each of them one JAX device."""
        return math.prod(self.shape)

    def devices(self) -> Sequence[Any]:
        """Returns its devices, which a program can be compiled for.

        Raises:
          UserError: if libtpu, the compiler, is missing or does not know such a slice.
        """
        for name, value in SETTINGS.items():
            os.environ.setdefault(name, value)
        options: dict[str, Any] = {}
        if self.generation.dimensions == 3:
            # One device a chip, with the memory of both cores.
            options["chip_config_name"] = "megacore"
            options["chips_per_host_bounds"] = (2, 2, 1)
        elif self.num_chips == 1:
            options["chips_per_host_bounds"] = (1, 1, 1)
        bounds = "x".join(map(str, self.shape))
        generation = self.name.partition("-")[0]
        try:
            description = topologies.get_topology_desc(
                f"{generation}:{bounds}", platform="tpu", **options
            )
        except (RuntimeError, jax.errors.JaxRuntimeError) as error:
            raise UserError(
                f"the compiler of TPUs cannot describe {self.name}:"
                f" {str(error).splitlines()[0]}. It comes with the extra tpu: pip"
                ' install -e ".[tpu]" takes the libtpu that fits this jax'
            ) from error
        return description.devices


def topology(name: str) -> Topology:
    """Returns the slice that Cloud TPU calls `name`.

    Its shape is the most even one, the largest dimension last: v4-32 is 2x2x4.

    >>> topology("v4-32").shape, topology("v5e-16").shape, topology("v5p-128").num_chips
    ((2, 2, 4), (4, 4), 64)

    Raises:
      UserError: if there is none.
    """
    generation, _, size = name.partition("-")
    if generation not in GENERATIONS:
        message = describe_unknown("TPU generation", generation, list(GENERATIONS))
        raise UserError(f"topology={name!r}: {message}")
    facts = GENERATIONS[generation]
    counted = int(size) if size.isdecimal() else 0
    chips, rest = divmod(counted, facts.cores_in_name)
    fewest = 4 if facts.dimensions == 3 else 1
    is_power = chips > 0 and chips & (chips - 1) == 0 and chips != 2
    if rest or not is_power or not fewest <= chips <= facts.most_chips:
        sizes = [
            f"{generation}-{2**power * facts.cores_in_name}"
            for power in range(facts.most_chips.bit_length())
            if fewest <= 2**power and power != 1
        ]
        raise UserError(f"topology={name!r} is unknown; choose from {', '.join(sizes)}")
    shape = [2, 2, 1][: facts.dimensions] if chips > 1 else [1] * facts.dimensions
    while math.prod(shape) < chips:
        # The last of the smallest dimensions grows, so that they stay in rising order.
        smallest = min(shape)
        place = max(i for i, length in enumerate(shape) if length == smallest)
        shape[place] *= 2
    return Topology(name, facts, tuple(sorted(shape)) if chips > 4 else tuple(shape))
