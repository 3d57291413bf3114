import jax
import numpy as np
import pytest
from flax import linen as nn

from transformer_lm.convert import CONVERSIONS
from transformer_lm.convert.layouts import (
    Joined,
    Matrix,
    Plain,
    Shifted,
    Vector,
    Vocabulary,
)
from transformer_lm.convert.param_map import (
    Entry,
    ParamMap,
    ParamMapError,
    to_ours,
    to_theirs,
)
from transformer_lm.convert.paths import flatten, stack_layers, unstack_layers
from transformer_lm.models import MODELS

VOCAB, PADDED, LENGTH = 200, 256, 12
SIZES = {"num_layers": 2, "emb_dim": 24, "num_heads": 3, "mlp_dim": 40}


def family_of(name, **sizes):
    """Returns (tables, random parameters) of a small network."""
    config = MODELS[name](**{**SIZES, **sizes})
    network = config.build(VOCAB, max_length=LENGTH, dtype="float32")
    row = jax.ShapeDtypeStruct((1, LENGTH), np.int32)
    inputs = dict.fromkeys(config.inputs, row)
    shapes = jax.eval_shape(network.init, jax.random.key(0), **inputs)["params"]
    rng = np.random.default_rng(0)
    parameters = jax.tree.map(
        lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), nn.unbox(shapes)
    )
    return CONVERSIONS[name].param_maps(config, VOCAB, {}), parameters


@pytest.mark.parametrize("scan_layers", [False, True])
@pytest.mark.parametrize("name", list(CONVERSIONS))
def test_there_and_back_is_the_identity_but_for_padded_rows(name, scan_layers):
    maps, parameters = family_of(name, scan_layers=scan_layers)
    states = to_theirs(maps, parameters)
    back = flatten(to_ours(maps, states, scan_layers=scan_layers))
    given = flatten(parameters)
    assert back.keys() == given.keys()
    for path, array in given.items():
        found = back[path]
        if path == "head/kernel":  # [embed, vocab]
            array, found = array.T, found.T
        if array.shape[0] == PADDED:
            assert not np.any(found[VOCAB:]), path
            array, found = array[:VOCAB], found[:VOCAB]
        np.testing.assert_array_equal(found, array, err_msg=path)


@pytest.mark.parametrize("name", list(CONVERSIONS))
def test_arrays_left_over_or_missing_are_listed(name):
    maps, parameters = family_of(name)
    states = to_theirs(maps, parameters)
    folder = next(iter(states))
    more = {**states, folder: {**states[folder], "classifier.weight": np.ones(2)}}
    with pytest.raises(ParamMapError, match=r"left:\n  classifier\.weight$"):
        to_ours(maps, more)
    first = next(iter(states[folder]))
    fewer = {key: array for key, array in states[folder].items() if key != first}
    with pytest.raises(ParamMapError, match=rf"missing:\n  {first}$"):
        to_ours(maps, {**states, folder: fewer})
    with pytest.raises(ParamMapError, match=r"left:\n  extra/kernel$"):
        to_theirs(maps, {**parameters, "extra": {"kernel": np.ones(2)}})
    path = next(iter(flatten(parameters)))
    parameters = dict(parameters)
    del parameters[path.split("/")[0]]
    with pytest.raises(ParamMapError, match=rf"missing:\n(  .*\n)*  {path}"):
        to_theirs(maps, parameters)


def test_a_wrong_shape_is_named():
    maps, parameters = family_of("bert")
    states = to_theirs(maps, parameters)
    states[""]["bert.pooler.dense.weight"] = np.ones((24, 25))
    with pytest.raises(
        ParamMapError,
        match=r"bert\.pooler\.dense\.weight \(ours: pooler/dense/kernel\): shape"
        r" \(24, 25\) where \(24, 24\) is needed",
    ):
        to_ours(maps, states)


def test_tied_copies_must_be_equal_and_may_stand_for_their_source():
    maps, parameters = family_of("roberta")
    states = to_theirs(maps, parameters, with_tied=True)
    state = states[""]
    del state["lm_head.bias"]
    back = to_ours(maps, states)
    expected = parameters["token_head"]["bias"][:VOCAB]
    np.testing.assert_array_equal(back["token_head"]["bias"][:VOCAB], expected)
    state["lm_head.decoder.weight"] = state["lm_head.decoder.weight"] + 1
    with pytest.raises(ParamMapError, match=r"lm_head\.decoder\.weight differs from"):
        to_ours(maps, states)


def test_tied_copies_are_written_only_when_asked():
    maps, parameters = family_of("gpt2")
    assert "lm_head.weight" not in to_theirs(maps, parameters)[""]
    state = to_theirs(maps, parameters, with_tied=True)[""]
    np.testing.assert_array_equal(
        state["lm_head.weight"], state["transformer.wte.weight"]
    )


@pytest.mark.parametrize(
    ("name", "buffer"),
    [
        ("gpt2", "transformer.h.0.attn.bias"),
        ("gpt2", "transformer.h.1.attn.masked_bias"),
        ("bert", "bert.embeddings.position_ids"),
        ("albert", "albert.embeddings.token_type_ids"),
    ],
)
def test_buffers_of_old_files_are_passed_over(name, buffer):
    maps, parameters = family_of(name)
    states = to_theirs(maps, parameters)
    without = to_ours(maps, states)
    states[""][buffer] = np.ones(3)
    jax.tree.map(np.testing.assert_array_equal, to_ours(maps, states), without)


def test_files_that_disagree_on_what_they_share_are_refused():
    maps, parameters = family_of("electra")
    states = to_theirs(maps, parameters)
    name = "electra.embeddings.token_type_embeddings.weight"
    states["generator"][name] = states["generator"][name] + 1
    with pytest.raises(ParamMapError, match="token_type/embedding is shared, but diff"):
        to_ours(maps, states)


def test_a_pattern_takes_the_whole_name():
    param_map = ParamMap((Entry(("a",), "b"),), ignored=("x",))
    with pytest.raises(ParamMapError, match=r"left:\n  xy$"):
        param_map.to_ours({"b": np.ones(1), "xy": np.ones(1)})


@pytest.mark.parametrize(
    ("layout", "shapes", "theirs"),
    [
        (Plain(), [(2, 3)], (2, 3)),
        (Vector((2, 3)), [(2, 3)], (6,)),
        (Matrix((4,), (2, 3)), [(4, 2, 3)], (6, 4)),
        (Matrix((2, 3), (4,)), [(2, 3, 4)], (4, 6)),
        (Matrix((4,), (5,), transposed=False), [(4, 5)], (4, 5)),
        (Joined((Vector((2, 3)), Vector((2, 3)))), [(2, 3), (2, 3)], (12,)),
        (Shifted(2), [(3, 4)], (5, 4)),
    ],
)
def test_layouts_lose_nothing(layout, shapes, theirs):
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape) for shape in shapes]
    array = layout.to_theirs(arrays)
    assert array.shape == theirs
    for one, other in zip(arrays, layout.to_ours(array), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_kernel_of_heads_becomes_the_matrix_that_torch_multiplies_with():
    rng = np.random.default_rng(0)
    kernel, inputs = rng.normal(size=(4, 2, 3)), rng.normal(size=(5, 4))
    weight = Matrix((4,), (2, 3)).to_theirs([kernel])
    expected = np.einsum("ne,ehd->nhd", inputs, kernel).reshape(5, 6)
    np.testing.assert_allclose(inputs @ weight.T, expected)


def test_fewer_rows_in_front_drop_and_come_back_as_zeros():
    table = np.arange(1.0, 6.0)[:, None]
    layout = Shifted(-2)
    np.testing.assert_array_equal(layout.to_theirs([table]), table[2:])
    (back,) = layout.to_ours(table[2:])
    np.testing.assert_array_equal(back[:, 0], [0, 0, 3, 4, 5])


def test_vocabulary_rows_are_trimmed_and_padded():
    layout = Vocabulary(3, 128)
    (table,) = layout.to_ours(np.ones((3, 2)))
    assert table.shape == (128, 2)
    assert table.sum() == 6
    with pytest.raises(ValueError, match=r"shape \(4, 2\) where \(3, 2\) is needed"):
        layout.to_ours(np.ones((4, 2)))


def test_scanned_stacks_of_more_than_ten_layers_keep_their_order():
    scanned = {"a/stack/layers/x": np.arange(12), "b": np.ones(1)}
    cut = unstack_layers(scanned)
    assert cut["a/stack/layer_11/x"] == 11
    back = stack_layers(dict(sorted(cut.items())))
    np.testing.assert_array_equal(back["a/stack/layers/x"], np.arange(12))
    assert back.keys() == scanned.keys()
