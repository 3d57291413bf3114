"""What the train step asks of an objective."""

from collections.abc import Mapping
from typing import Any, Protocol

import jax

from transformer_lm.objectives.vocabulary import Vocabulary

Batch = Mapping[str, jax.Array]
"""Named arrays `[rows, …]`; `segments` is 0 where a position is padding."""

Sums = dict[str, tuple[jax.Array, jax.Array]]
"""Named (sum, weight) pairs: added over micro-batches and devices, divided once."""

Parameters = Any
"""A pytree of arrays."""


class Apply(Protocol):
    """A network without its parameters: dropout is off when `rng` is None."""

    def __call__(
        self,
        parameters: Parameters,
        *inputs: jax.Array,
        rng: jax.Array | None,
        method: str | None = None,
    ) -> Any:  # Any: each family returns its own named tuple.
        """Runs the network, or one of its methods."""
        ...


class ObjectiveConfig(Protocol):
    """What a config chooses by name: settings that become an objective."""

    metrics: tuple[str, ...]
    """Names of what `Objective.sums` and `metrics.normalise` give in evaluation."""

    @property
    def rows(self) -> str:
        """Which rows it learns from: causal, masked, or pairs, nsp or sop."""
        ...

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        ...

    def bind(self, vocabulary: Vocabulary) -> "Objective":
        """Returns the objective for the tokens of a vocabulary.

        Raises:
          UserError: if the vocabulary lacks what the objective needs.
        """
        ...


class Objective(Protocol):
    """Turns batches into sums to minimise and to report.

    A step minimises `sum(factor * sum / weight)` over `terms()`. The weights are known
    before the network runs, so that micro-batches, devices and hosts with different
    numbers of real tokens add up to the exact mean over all of them.
    """

    def terms(self) -> Mapping[str, float]:
        """Names of the sums that are minimised, each with its factor."""
        ...

    def prepare(self, batch: Batch, rng: jax.Array) -> Batch:
        """Adds what is drawn at random, such as masks; called once a batch."""
        ...

    def weights(self, batch: Batch) -> dict[str, jax.Array]:
        """Weight of each of `terms()` in a prepared batch."""
        ...

    def sums(
        self,
        apply: Apply,
        parameters: Parameters,
        batch: Batch,
        rng: jax.Array | None,
    ) -> Sums:
        """Runs the network on a prepared batch; `rng` None means evaluation."""
        ...
