"""Every optimizer with all that its config can say, as a run builds it."""

import dataclasses

import jax
import numpy as np
import pytest

from tests.optim.toys import small_tree, take_steps
from transformer_lm.config import defaults, resolve
from transformer_lm.optim import OPTIMIZERS

OTHER = {
    "adamw": {"bias_correction": False, "weight_decay_exclude": "none"},
    "adam": {"beta2": 0.95},
    "lamb": {"bias_correction": True, "adapt_biases_and_norms": True},
    "lion": {"weight_decay": 0.3},
    "adafactor": {"momentum": 0.9, "relative_step": False, "update_clip": None},
    "muon": {"muon_update_scale": 0.1, "weight_decay_exclude": "none"},
}
"""Keys of each optimizer at other values than their defaults."""


def settings_of(optimizer, **keys):
    config = defaults(
        model="bert",
        objective="masked_lm",
        tokenizer="sentencepiece",
        optimizer=optimizer,
        schedule="linear",
    )
    always = {"batch_size": 8, "learning_rate": 0.01, "warmup_steps": 0}
    with config.ignore_type():
        config.update({**always, "clip_norm": 1.0, **keys})
    return resolve(config)


def moved(optimizer, **keys):
    """Paths of the parameters that a few steps change."""
    settings = settings_of(optimizer, **keys)
    before = small_tree()
    schedule = settings.schedule.build(10)
    after = take_steps(settings.optimizer.build(schedule), before, count=2)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/")
        for path, same in jax.tree_util.tree_leaves_with_path(
            jax.tree.map(lambda a, b: bool((a == b).all()), before, after)
        )
        if not same
    }, after


def test_every_optimizer_is_tried():
    assert set(OTHER) == set(OPTIMIZERS)


@pytest.mark.parametrize("optimizer", OTHER)
def test_freezing_goes_with_every_optimizer(optimizer):
    changed, _ = moved(optimizer)
    frozen, _ = moved(optimizer, freeze_embeddings=True, freeze_layers=1)
    assert changed - frozen == {
        path
        for path in changed
        if path.startswith(("word_embedding/", "stack/layer_0/"))
    }
    assert any(path.startswith("stack/layer_1/") for path in frozen)


@pytest.mark.parametrize("optimizer", OTHER)
def test_each_key_has_an_effect(optimizer):
    _, plain = moved(optimizer)
    names = {field.name for field in dataclasses.fields(OPTIMIZERS[optimizer])}
    for key, value in OTHER[optimizer].items():
        assert key in names
        _, other = moved(optimizer, **{key: value})
        differs = jax.tree.map(lambda a, b: np.any(a != b), plain, other)
        assert any(jax.tree.leaves(differs)), key
