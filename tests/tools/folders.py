"""Work folders with random parameters, saved as a run saves them."""

import jax
import jax.numpy as jnp
import numpy as np
from etils import epath
from flax import linen as nn

from transformer_lm.checkpoint import CheckpointStore
from transformer_lm.train.state import state_init
from transformer_lm.train.workdir import write_settings

TEXTS = [
    "昔々あるところに、おじいさんとおばあさんが住んでいました。",
    "おじいさんは山へ芝刈りに、おばあさんは川へ洗濯に行きました。",
    "佐々木さんは東京の学校で数学を勉強しています。",
    "The cat sat on the mat. ABC abc 123",
    "カタカナとひらがなと漢字、ガギグゲゴ、パピプペポ。",
] * 4


def make_run(settings, folder, step=7):
    """Writes a work folder whose every parameter is random; returns its path."""
    folder.mkdir(parents=True)
    tokenizer = settings.tokenizer.train(iter(TEXTS), str(folder))
    model = settings.build_model(tokenizer.vocab_size)
    schedule = settings.schedule.build(settings.training.num_train_steps)
    init = state_init(settings, model, settings.optimizer.build(schedule))
    state = nn.unbox(jax.jit(init)(jax.random.key(0)))
    generator = np.random.default_rng(0)

    def noisy(leaf):
        noise = 0.2 * generator.standard_normal(leaf.shape)
        return jnp.asarray(leaf + noise, leaf.dtype)

    parameters = jax.tree.map(noisy, state.parameters)
    average = None
    if state.average is not None:
        average = jax.tree.map(noisy, state.average)
    state = state.replace(
        step=jnp.asarray(step, jnp.int32), parameters=parameters, average=average
    )
    write_settings(epath.Path(folder), settings)
    store = CheckpointStore(str(folder))
    store.save(step, state, None, settings.flat(), {})
    store.close()
    return folder
