import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from optax.contrib import MuonDimensionNumbers

from tests.optim.toys import (
    FAMILIES,
    assert_close,
    random_like,
    scanned,
    shapes_of,
    small_tree,
    take_steps,
)
from transformer_lm.optim.adam import AdamW
from transformer_lm.optim.masks import decay_mask, freeze
from transformer_lm.optim.muon import kinds, matrix_axes
from transformer_lm.registry import UserError


def leaves(tree):
    """Leaves by their paths; the axes of a matrix are one leaf."""
    found = jax.tree_util.tree_leaves_with_path(
        tree, is_leaf=lambda node: isinstance(node, MuonDimensionNumbers)
    )
    return {tuple(key.key for key in path): leaf for path, leaf in found}


@pytest.mark.parametrize("family", FAMILIES)
def test_all_but_biases_and_norms_decay(family):
    parameters = leaves(shapes_of(family))
    decaying = leaves(decay_mask(shapes_of(family)))
    assert decaying.keys() == parameters.keys()
    for path, decays in decaying.items():
        assert decays == (path[-1] in ("kernel", "embedding")), path
        assert decays or path[-1] in ("bias", "scale"), path
        if len(parameters[path].shape) == 1:
            assert not decays, path


@pytest.mark.parametrize("scan", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_muon_has_all_matrices_of_the_blocks(family, scan):
    parameters = shapes_of(family, scan_layers=scan)
    axes = leaves(matrix_axes(select(parameters, "matrices")))
    assert axes
    for path, leaf in leaves(parameters).items():
        in_block = "stack" in path and path[-1] == "kernel"
        assert (path in axes) == in_block, path
        if in_block:
            rows, columns = (
                np.prod([leaf.shape[axis] for axis in part]) for part in axes[path]
            )
            layers = leaf.shape[0] if "layers" in path else 1
            assert rows * columns * layers == leaf.size
            assert min(rows, columns) >= 8


def select(parameters, kind):
    """The tree with optax's stand-in where another kind is."""
    return jax.tree.map(
        lambda leaf, found: leaf if found == kind else optax.MaskedNode(),
        parameters,
        kinds(parameters),
    )


def moved(before, after):
    """Paths of what is not exactly as it was."""
    found = leaves(jax.tree.map(lambda a, b: bool((a != b).any()), before, after))
    return {path for path, changed in found.items() if changed}


@pytest.mark.parametrize(
    ("family", "tables"),
    [
        ("transformer_lm", {"token_embedding"}),
        ("gpt2", {"token_embedding", "position_embedding"}),
        ("bert", {"embeddings"}),
        ("roberta", {"embeddings"}),
        ("albert", {"embeddings"}),
        ("electra", {"embeddings", "generator_embeddings"}),
    ],
)
def test_frozen_embeddings_stay(family, tables):
    extra = {"shared_embeddings": "none"} if family == "electra" else {}
    updates = random_like(shapes_of(family, **extra))
    transformation = freeze(embeddings=True, layers=0)
    frozen, _ = transformation.update(updates, transformation.init(updates))
    for path, update in leaves(frozen).items():
        assert (jnp.abs(update).max() == 0) == (path[0] in tables), path


@pytest.mark.parametrize("family", ["gpt2", "bert", "electra"])
def test_frozen_layers_stay(family):
    updates = random_like(shapes_of(family))
    transformation = freeze(embeddings=False, layers=2)
    frozen, _ = transformation.update(updates, transformation.init(updates))
    for path, update in leaves(frozen).items():
        low = bool({"layer_0", "layer_1"} & set(path))
        assert (jnp.abs(update).max() == 0) == low, path


def test_slices_of_scanned_layers_stay():
    config = AdamW(freeze_embeddings=True, freeze_layers=1, clip_norm=0.1)
    plain = take_steps(config.build(lambda _: 0.01), small_tree())
    found = take_steps(config.build(lambda _: 0.01), small_tree(), arrange=scanned)
    assert_close(found, scanned(plain))
    expected = {
        path for path in leaves(small_tree()) if path[0] == "head" or "layer_1" in path
    }
    assert moved(small_tree(), plain) == expected


def test_what_is_frozen_does_not_count_in_the_norm():
    config = AdamW(freeze_embeddings=True, clip_norm=1.0)
    transformation = config.build(lambda _: 0.01)
    parameters = small_tree()
    state = jax.jit(transformation.init)(parameters)
    gradients = jax.tree.map(lambda leaf: 0.001 * leaf, parameters)
    loud = dict(gradients, word_embedding={"embedding": jnp.full((6, 4), 1e6)})
    quiet, loud = (
        transformation.update(grads, state, parameters)[0]
        for grads in (gradients, loud)
    )
    assert_close(loud, quiet)


def test_too_many_frozen_layers_are_named():
    with pytest.raises(UserError, match="freeze_layers=3: this model has 2 layers"):
        freeze(embeddings=False, layers=3).init(small_tree())
    with pytest.raises(UserError, match="freeze_layers=3: this model has 2 layers"):
        freeze(embeddings=False, layers=3).init(scanned(small_tree()))


def test_albert_has_no_layers_to_freeze():
    with pytest.raises(UserError, match="freeze_layers=1: this model has 0 layers"):
        freeze(embeddings=False, layers=1).init(shapes_of("albert"))


def test_a_model_without_embeddings_is_named():
    with pytest.raises(UserError, match="has no embeddings"):
        freeze(embeddings=True, layers=0).init({"head": {"bias": jnp.ones(2)}})
