"""An ESTIMATE of the time of a step, from what the hardware can do at most."""

from dataclasses import dataclass

from transformer_lm.planning.topologies import Generation

ASSUMPTIONS = (
    "matrix units at their peak speed, and what remat computes anew left out",
    "HBM: the state read and written once, temporaries written and read once in each"
    " micro-batch",
    "ICI: rings that use all links of a chip",
    "nothing waits: no host, no input, no latency of collectives",
)
"""What the estimate takes for granted; real steps are slower."""


@dataclass(frozen=True)
class Estimate:
    """Seconds that each part of the hardware is busy in a step, at the least."""

    compute: float
    hbm: float
    ici: float

    @property
    def overlapped(self) -> float:
        """Seconds of a step if all three work side by side: a lower limit."""
        return max(self.compute, self.hbm, self.ici)

    @property
    def one_by_one(self) -> float:
        """Seconds of a step if each waits for the others."""
        return self.compute + self.hbm + self.ici


def estimate_step(
    generation: Generation,
    *,
    peak_flops: float,
    flops: float,
    state_bytes: float,
    temporary_bytes: float,
    accumulation: int,
    sent_bytes: float,
) -> Estimate:
    """Returns the estimate of a step of one chip.

    The roofline model (Williams et al. 2009), with the network between chips as a third
    limit.

    Args:
      generation: of the chip.
      peak_flops: of the chip, in FLOP/s.
      flops: model FLOPs that fall to the chip.
      state_bytes: of parameters, optimizer and average on the chip.
      temporary_bytes: of activations and temporaries.
      accumulation: micro-batches in a step.
      sent_bytes: that the chip sends to others.
    """
    moved = 2 * state_bytes + 2 * temporary_bytes * accumulation
    return Estimate(
        compute=flops / peak_flops,
        hbm=moved / generation.hbm_bandwidth,
        ici=sent_bytes / generation.ici_bandwidth,
    )
