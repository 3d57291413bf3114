"""Where a run begins."""

import dataclasses
import logging
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from transformer_lm.checkpoint import CheckpointStore, folder
from transformer_lm.registry import UserError
from transformer_lm.run_settings import Settings
from transformer_lm.train.program import Program
from transformer_lm.train.saved_parameters import load_parameters
from transformer_lm.train.state import TrainState
from transformer_lm.train.warm_start import warm_start
from transformer_lm.train.window import LACKS_EVALUATION
from transformer_lm.train.workdir import compare_settings

LOGGER = logging.getLogger("transformer_lm")


@dataclasses.dataclass(frozen=True)
class Start:
    """The state a run begins with."""

    state: TrainState
    step: int
    """Updates already done."""
    position: bytes | None
    """Of this process's data iterator; None: from the beginning."""
    window: dict[str, Any]
    """Training sums since the last log line, so that the next one is exact."""

    @property
    def lacks_evaluation(self) -> bool:
        """Whether a signal cut the evaluation of this step short."""
        return LACKS_EVALUATION in self.window


def restore(
    settings: Settings, workdir: str, program: Program, store: CheckpointStore
) -> Start:
    """Finds the state to begin with, in this order.

    1. The newest checkpoint of this work folder.
    2. The parameters alone of what `init_from` names.
    3. Fresh parameters.

    Raises:
      UserError: if a checkpoint cannot be used, or must not be.
    """
    latest = store.latest_step()
    if latest is not None and not settings.checkpoints.restore_checkpoints:
        raise UserError(
            f"work folder {workdir} holds a checkpoint of step {latest}, but"
            " restore_checkpoints=False; give another --workdir or remove the folder"
            f" {folder(workdir)}"
        )
    if latest is not None:
        return resume(settings, workdir, program, store, latest)
    return begin(settings, workdir, program)


def begin(settings: Settings, workdir: str, program: Program) -> Start:
    """Returns the state of a run that has done nothing: from `init_from`, or fresh.

    Raises:
      UserError: if what init_from names does not fit.
    """
    state = program.fresh_state(settings.training.seed)
    if settings.training.init_from:
        vocab_size = program.model.vocab_size
        state = warm_start(settings, workdir, vocab_size, state)
    return Start(state, 0, None, {})


def resume(
    settings: Settings,
    workdir: str,
    program: Program,
    store: CheckpointStore,
    step: int,
) -> Start:
    """Returns the state that a checkpoint holds.

    Raises:
      UserError: if it belongs to another network or another version.
    """
    before = store.settings(step)
    changed = compare_settings(before["settings"], settings, workdir)
    state, position = store.restore(
        step, program.abstract, global_position=settings.source.order_is_global
    )
    data_keys = {*vars(settings.source), *vars(settings.windows), "seed"}
    data_keys |= {"objective", "pair_objective"}
    data_keys = {key for key in data_keys if "eval" not in key}
    if reasons := [key for key in changed if key in data_keys]:
        LOGGER.warning(
            "the order of the data starts anew, because %s changed", ", ".join(reasons)
        )
        position = None
    elif position is None:
        LOGGER.warning(
            "the order of the data starts anew, because the checkpoint was saved by"
            " another number of processes, or imported from another program"
        )
    LOGGER.info("going on from checkpoint %d of %s", step, workdir)
    return Start(state, step, position, before["window"])


def load_trained(
    settings: Settings, workdir: str, vocab_size: int, step: int | None = None
) -> tuple[int, nn.Module, Any]:
    """Builds a run's network on one device and reads its parameters.

    Returns:
      (step of the checkpoint, network, parameters).
    """
    model = settings.build_model(vocab_size)
    rows = [jnp.zeros((1, 1), jnp.int32) for _ in settings.model.inputs]
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), *rows)["params"])
    device = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    abstract = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=device),
        nn.unbox(shapes),
    )
    average = settings.training.ema_decay is not None
    step, parameters = load_parameters(workdir, abstract, average=average, step=step)
    return step, model, parameters
