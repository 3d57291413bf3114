"""What every model family promises, whatever it is made of."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from transformer_lm.convert.paths import flatten, stack_layers, unflatten
from transformer_lm.models import MODELS
from transformer_lm.models.dropout import Dropout
from transformer_lm.models.layers import padded_vocab_size
from transformer_lm.parallel import RULES, MeshShape, batch_sharding, shardings

VOCAB, LENGTH = 100, 12
SIZES = {"num_layers": 2, "emb_dim": 24, "num_heads": 3, "mlp_dim": 40}
SMALL = {
    "transformer_lm": {**SIZES, "qkv_dim": 24},
    "gpt2": SIZES,
    "bert": SIZES,
    "roberta": {**SIZES, "position_offset": 3},
    "albert": {
        **SIZES,
        "embedding_size": 8,
        "dropout_rate": 0.1,
        "attention_dropout_rate": 0.1,
    },
    "electra": {**SIZES, "embedding_size": 16},
}
HEADS = {
    "transformer_lm": {},
    "gpt2": {},
    "bert": {"masked_logits": "hidden", "pair_logits": "pooled"},
    "roberta": {"masked_logits": "hidden"},
    "albert": {"masked_logits": "hidden", "pair_logits": "pooled"},
    "electra": {"discriminator_logits": "hidden"},
}
"""Methods that turn a part of the output into logits."""

FAMILIES = list(MODELS)
CAUSAL = [name for name in FAMILIES if "causal_lm" in MODELS[name].objectives]
BIDIRECTIONAL = [name for name in FAMILIES if name not in CAUSAL]
DOCUMENTS = ((5, 4), (12,), (7,))
"""Lengths of the documents in each row; the rest of the row is padding."""


@pytest.fixture(autouse=True, scope="module")
def quick_to_compile():
    """Halves the time: these tests compile much and compute little."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


def config_of(family, **replaced):
    return MODELS[family](**{**SMALL[family], **replaced})


def build(family, **replaced):
    config = config_of(family, **replaced)
    return config.build(VOCAB, max_length=LENGTH, dtype="float32")


def abstract(network):
    """Shapes of what `init` makes, in Flax's boxes of axis names."""
    row = jax.ShapeDtypeStruct((1, network.max_length), jnp.int32)
    inputs = dict.fromkeys(network.config.inputs, row)
    return jax.eval_shape(network.init, jax.random.key(0), **inputs)["params"]


@functools.cache
def parameters_of(family, scan_layers=False):
    """Random values that are nowhere 0 or 1, so that every parameter has an effect."""
    rng = np.random.default_rng(0)

    def draw(path, leaf):
        noise = 0.3 * rng.normal(size=leaf.shape).astype(np.float32)
        return noise + (jax.tree_util.keystr(path[-1:]) == "['scale']")

    shapes = nn.unbox(abstract(build(family)))
    parameters = jax.tree_util.tree_map_with_path(draw, shapes)
    return stacked(parameters) if scan_layers else parameters


def stacked(parameters):
    return unflatten(stack_layers(flatten(parameters)))


def rows(network, documents=DOCUMENTS):
    """Random tokens; a row for each tuple of document lengths."""
    rng = np.random.default_rng(0)
    shape = (len(documents), LENGTH)
    inputs = {
        "tokens": rng.integers(0, VOCAB, shape),
        "positions": np.zeros(shape, np.int64),
        "segments": np.zeros(shape, np.int64),
        "token_types": rng.integers(0, 2, shape),
    }
    for row, lengths in enumerate(documents):
        start = 0
        for number, length in enumerate(lengths, 1):
            inputs["segments"][row, start : start + length] = number
            inputs["positions"][row, start : start + length] = range(length)
            start += length
    return {name: jnp.asarray(inputs[name]) for name in network.config.inputs}


def outputs(network, parameters, inputs, **options):
    """Everything that a family gives: hidden states and all logits, by name."""
    family = next(name for name in FAMILIES if type(network.config) is MODELS[name])
    apply = functools.partial(network.apply, {"params": parameters})
    output = apply(**inputs, **options)
    found = {k: v for k, v in output._asdict().items() if v is not None}
    for method, part in HEADS[family].items():
        found[method] = apply(found[part], method=method)
    if family == "electra":
        found["generator"] = apply(**inputs, **options, method="generator").hidden
        found["generator_logits"] = apply(found["generator"], method="generator_logits")
    return found


@functools.cache
def compiled(family):
    return jax.jit(functools.partial(outputs, build(family)))


def run(family, inputs):
    return compiled(family)(parameters_of(family), inputs)


def assert_close(one, other, atol=1e-5):
    def compare(a, b):
        np.testing.assert_allclose(a, b, atol=atol, rtol=1e-4)

    jax.tree.map(compare, one, other)


def loss(network, parameters, inputs):
    """A scalar that depends on every head, at real positions."""
    total = 0.0
    for name, array in outputs(network, parameters, inputs).items():
        is_vocabulary = array.shape[-1] == padded_vocab_size(VOCAB)
        real = array[..., :VOCAB] if is_vocabulary else array
        if array.shape[:2] == inputs["segments"].shape:
            mask = inputs["segments"] > 0
            real = real * mask.reshape(mask.shape + (1,) * (real.ndim - 2))
        waves = jnp.sin(jnp.arange(real.size)).reshape(real.shape)
        total += jnp.mean(jnp.tanh(real) * waves) * (1 + len(name) / 10)
    return total


@functools.cache
def slopes(family, remat="none", scan_layers=False):
    """The loss of `loss` and its gradient."""
    network = build(family, remat=remat, scan_layers=scan_layers)
    gradient = jax.jit(jax.value_and_grad(functools.partial(loss, network)))
    return gradient(parameters_of(family, scan_layers), rows(network))


def test_all_families_are_here():
    assert set(SMALL) == set(HEADS) == set(MODELS)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_defaults_have_no_problems(family):
    assert MODELS[family]().problems() == []
    assert config_of(family).problems() == []
    assert config_of(family).problems_with_length(LENGTH) == []


@pytest.mark.parametrize("family", FAMILIES)
def test_init_makes_every_parameter_that_any_method_needs(family):
    network = build(family)
    inputs = rows(network, ((LENGTH,),))
    boxed = jax.jit(network.init)(jax.random.key(0), **inputs)["params"]
    assert jax.tree.map(jnp.shape, boxed) == jax.tree.map(jnp.shape, abstract(network))
    parameters = nn.unbox(boxed)
    for name, array in outputs(network, parameters, inputs).items():
        assert np.all(np.isfinite(array)), name
        assert np.ptp(np.asarray(array)) > 0, name


@pytest.mark.parametrize("family", FAMILIES)
def test_shapes_and_types(family):
    padded = padded_vocab_size(VOCAB)
    expected = {
        "hidden": (3, LENGTH, 24),
        "logits": (3, LENGTH, padded),
        "pooled": (3, 24),
        "masked_logits": (3, LENGTH, padded),
        "pair_logits": (3, 2),
        "discriminator_logits": (3, LENGTH),
        "generator": (3, LENGTH, 8),
        "generator_logits": (3, LENGTH, padded),
    }
    for dtype in ("float32", "bfloat16"):
        network = config_of(family).build(VOCAB, max_length=LENGTH, dtype=dtype)
        parameters = nn.unbox(abstract(network))
        assert {leaf.dtype.name for leaf in jax.tree.leaves(parameters)} == {"float32"}
        shapes = jax.eval_shape(
            functools.partial(outputs, network), parameters, rows(network)
        )
        for name, array in shapes.items():
            assert array.shape == expected[name], name
            assert array.dtype == dtype, name


@pytest.mark.parametrize("family", BIDIRECTIONAL)
def test_heads_take_gathered_positions(family):
    network = build(family)
    found = run(family, rows(network))
    places = jnp.array([4, 1])
    method, hidden = "masked_logits", found["hidden"]
    if family == "electra":
        method, hidden = "generator_logits", found["generator"]
    logits = network.apply(
        {"params": parameters_of(family)}, hidden[:, places], method=method
    )
    assert_close(logits, found[method][:, places])


@pytest.mark.parametrize("family", FAMILIES)
def test_padded_vocabulary_has_no_probability(family):
    found = run(family, rows(build(family)))
    padded = [a for a in found.values() if a.shape[-1] == padded_vocab_size(VOCAB)]
    assert padded
    for logits in padded:
        assert jax.nn.softmax(logits, axis=-1)[..., VOCAB:].max() == 0


@pytest.mark.parametrize("family", FAMILIES)
def test_every_gradient_is_finite_and_every_parameter_counts(family):
    _, gradients = slopes(family)
    for path, gradient in flatten(gradients).items():
        assert np.all(np.isfinite(gradient)), path
        # The softmax does not see what is added to all keys.
        assert np.any(gradient) or path.endswith("attention/key/bias"), path


def axes_of(family, **replaced):
    """(path, logical axes, shape) of every parameter."""
    leaves = jax.tree_util.tree_leaves_with_path(
        abstract(build(family, **replaced)),
        is_leaf=lambda leaf: isinstance(leaf, nn.LogicallyPartitioned),
    )
    for path, leaf in leaves:
        assert isinstance(leaf, nn.LogicallyPartitioned), path
        yield jax.tree_util.keystr(path), leaf.names, leaf.value.shape


@pytest.mark.parametrize("scan_layers", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_parameter_has_axes_and_no_mesh_axis_twice(family, scan_layers):
    rules = dict(RULES)
    for path, names, shape in axes_of(family, scan_layers=scan_layers):
        assert len(names) == len(shape), path
        assert all(names), path
        mesh_axes = [rules[name] for name in names if rules.get(name)]
        assert len(mesh_axes) == len(set(mesh_axes)), path


def test_every_axis_has_a_rule():
    named = {
        name
        for family in FAMILIES
        for _, names, _ in axes_of(family, scan_layers=True)
        for name in names
    }
    assert named - set(dict(RULES)) == set()


@pytest.mark.parametrize("family", FAMILIES)
def test_sharded_parameters_change_no_result(family):
    sizes = {"num_heads": 4}
    sizes |= {"generator_size": 0.5} if family == "electra" else {}
    network = build(family, **sizes)
    boxed = abstract(network)
    rng = np.random.default_rng(0)
    parameters = jax.tree.map(
        lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), nn.unbox(boxed)
    )
    mesh = MeshShape(fsdp_parallel=2, tensor_parallel=2).build()
    inputs = rows(network, ((5, 4), (12,), (7,), (1, 2, 3)))
    ours = functools.partial(outputs, network)
    expected = jax.jit(ours)(parameters, inputs)
    placed = jax.device_put(parameters, shardings(boxed, mesh))
    spread = jax.device_put(inputs, batch_sharding(mesh))
    assert_close(jax.jit(ours)(placed, spread), expected, atol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_token_reaches_only_whom_it_may(family):
    inputs = rows(build(family))
    place = 3
    tokens = inputs["tokens"].at[:, place].add(1) % VOCAB
    one, other = run(family, inputs), run(family, {**inputs, "tokens": tokens})
    segments = np.asarray(inputs["segments"])
    real = segments > 0
    may = (segments == segments[:, place : place + 1]) & real
    if family in CAUSAL:
        may &= np.arange(LENGTH) >= place
    for name in one:
        if one[name].shape[:2] != segments.shape:
            continue
        moved = np.abs(np.asarray(one[name]) - np.asarray(other[name]))
        moved = moved.reshape(*segments.shape, -1).max(axis=-1) > 0
        np.testing.assert_array_equal(moved[real], may[real], err_msg=name)


@pytest.mark.parametrize("family", FAMILIES)
def test_packed_documents_equal_documents_alone(family):
    packed = rows(build(family), ((5, 4), (5, 4), (5, 4)))
    alone = {
        name: jnp.stack([array[0], jnp.roll(array[0], -5), array[0]])
        for name, array in packed.items()
    }
    alone["segments"] = jnp.array([[1] * 5 + [0] * 7, [1] * 4 + [0] * 8, [0] * 12])
    one, other = run(family, packed), run(family, alone)
    for name in one:
        if one[name].shape[1] == LENGTH:
            assert_close(one[name][0, :5], other[name][0, :5])
            assert_close(one[name][0, 5:9], other[name][1, :4])


@pytest.mark.parametrize("family", FAMILIES)
def test_dropout_only_when_asked(family):
    network, parameters = build(family), parameters_of(family)
    inputs = rows(network)
    noisy = jax.jit(
        lambda key: outputs(
            network, parameters, inputs, deterministic=False, rngs={"dropout": key}
        )
    )
    still = jax.tree.map(np.testing.assert_array_equal, *[run(family, inputs)] * 2)
    assert still
    one, same, other = (noisy(jax.random.key(seed)) for seed in (1, 1, 2))
    jax.tree.map(np.testing.assert_array_equal, one, same)
    for name in one:
        assert np.any(one[name] != other[name]), name


@pytest.mark.parametrize("scan_layers", [False, True])
@pytest.mark.parametrize("family", ["bert", "albert"])
def test_each_layer_has_dropout_of_its_own(family, scan_layers):
    """Attention that sees one and the same vector everywhere shows its mask alone."""
    network = build(family, scan_layers=scan_layers)

    def is_layers_dropout(module, _):
        return isinstance(module, Dropout) and module.path[-1].startswith("Dropout")

    _, captured = jax.jit(
        lambda inputs: network.apply(
            {"params": parameters_of(family, scan_layers)},
            **inputs,
            deterministic=False,
            rngs={"dropout": jax.random.key(0)},
            capture_intermediates=is_layers_dropout,
        )
    )(rows(network))
    captured = jax.tree.leaves(captured["intermediates"])
    if scan_layers:
        captured = [layer for layers in captured for layer in layers]
    masks = [np.asarray(dropped == 0) for dropped in captured]
    # In each of two layers: attention weights, and two residual branches.
    assert len(masks) == 6
    assert len({mask.tobytes() for mask in masks}) == 6


@pytest.mark.parametrize("family", FAMILIES)
def test_scanned_layers_change_no_result(family):
    scanned = nn.unbox(abstract(build(family, scan_layers=True)))
    found = jax.tree.map(jnp.shape, parameters_of(family, scan_layers=True))
    assert found == jax.tree.map(jnp.shape, scanned)
    (value, gradient), (scan_value, scan_gradient) = (
        slopes(family, scan_layers=scan) for scan in (False, True)
    )
    assert_close(value, scan_value)
    assert_close(stacked(gradient), scan_gradient)


@pytest.mark.parametrize(
    ("family", "remat", "scan_layers"),
    [
        *((family, "full", False) for family in FAMILIES),
        # The two kinds of stack that there are.
        ("gpt2", "dots", True),
        ("albert", "dots", True),
    ],
)
def test_remat_changes_no_result(family, remat, scan_layers):
    plain = slopes(family, scan_layers=scan_layers)
    assert_close(slopes(family, remat=remat, scan_layers=scan_layers), plain)


@pytest.mark.parametrize("family", BIDIRECTIONAL)
def test_no_token_types_means_all_0(family):
    inputs = rows(build(family))
    zeros = {**inputs, "token_types": jnp.zeros_like(inputs["tokens"])}
    del inputs["token_types"]
    assert_close(run(family, inputs), run(family, zeros))


@pytest.mark.parametrize("scan_layers", [False, True])
@pytest.mark.parametrize("family", CAUSAL)
def test_decoding_with_a_cache_equals_the_whole_row(family, scan_layers):
    network = build(family, scan_layers=scan_layers)
    parameters = parameters_of(family, scan_layers)
    inputs = rows(network, ((LENGTH,), (LENGTH,), (LENGTH,)))
    whole = run(family, inputs)["logits"]

    @jax.jit
    def step(cache, token):
        return network.apply(
            {"params": parameters, "cache": cache},
            **token,
            decode=True,
            mutable=["cache"],
        )

    shapes = jax.eval_shape(
        functools.partial(network.init, decode=True), jax.random.key(0), **inputs
    )
    cache = jax.tree.map(
        lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes["cache"]
    )
    for place in range(LENGTH):
        token = {name: array[:, place : place + 1] for name, array in inputs.items()}
        output, changed = step(cache, token)
        cache = changed["cache"]
        assert_close(output.logits[:, 0], whole[:, place])


@pytest.mark.parametrize("family", FAMILIES)
def test_flops_are_what_xla_counts(family):
    sizes = {"num_layers": 2, "emb_dim": 256, "num_heads": 4, "mlp_dim": 1024}
    sizes |= {"qkv_dim": 256} if family == "transformer_lm" else {}
    sizes |= {"generator_size": 0.5} if family == "electra" else {}
    config = MODELS[family](**sizes)
    vocab_size, length = 2048, 64
    network = config.build(vocab_size, max_length=length, dtype="float32")
    row = jax.ShapeDtypeStruct((1, length), jnp.int32)
    inputs = dict.fromkeys(config.inputs, row)
    parameters = nn.unbox(abstract(network))
    lowered = jax.jit(functools.partial(outputs, network)).lower(parameters, inputs)
    counted = lowered.cost_analysis()["flops"]
    promised = config.flops_per_token(vocab_size, length) / 3 * length
    if family in CAUSAL:
        promised += config.num_layers * 2 * config.emb_dim * length * length
    assert promised == pytest.approx(counted, rel=0.05)


@pytest.mark.parametrize("family", BIDIRECTIONAL)
def test_flops_of_the_head_follow_the_predictions(family):
    config = config_of(family)
    none, half, all_ = (config.flops_per_token(VOCAB, LENGTH, n) for n in (0, 0.5, 1))
    assert all_ == config.flops_per_token(VOCAB, LENGTH)
    assert half == pytest.approx((none + all_) / 2)
    assert none < all_


@pytest.mark.parametrize(
    ("family", "replaced", "expected"),
    [
        ("gpt2", {"num_heads": 5}, "num_heads=5 must divide emb_dim=24"),
        ("gpt2", {"num_layers": 0}, "num_layers=0 must be at least 1"),
        (
            "gpt2",
            {"embedding_dropout_rate": 1.0},
            "embedding_dropout_rate=1.0 must lie",
        ),
        ("gpt2", {"activation": "tanh"}, "activation='tanh' is unknown; choose from"),
        ("bert", {"num_heads": 5}, "num_heads=5 must divide emb_dim=24"),
        ("bert", {"mlp_dim": 0}, "mlp_dim=0 must be at least 1"),
        ("bert", {"type_vocab_size": 0}, "type_vocab_size=0 must be at least 1"),
        ("bert", {"remat": "some"}, "remat='some' is unknown; choose from none"),
        ("bert", {"dropout_rate": -0.1}, "dropout_rate=-0.1 must lie in [0, 1)"),
        ("roberta", {"position_offset": -1}, "position_offset=-1 must be at least 0"),
        ("albert", {"num_hidden_groups": 3}, "num_hidden_groups=3 must divide"),
        ("albert", {"inner_group_num": 0}, "inner_group_num=0 must be at least 1"),
        ("albert", {"embedding_size": 0}, "embedding_size=0 must be at least 1"),
        ("electra", {"generator_size": 0.0}, "generator_size=0.0 must lie in (0, 1]"),
        (
            "electra",
            {"generator_size": 0.25},
            "generator_size=0.25 makes a generator with num_heads=0 must be at least 1",
        ),
        ("electra", {"shared_embeddings": "word"}, "shared_embeddings='word' is unkn"),
    ],
)
def test_problems_name_the_key(family, replaced, expected):
    problems = config_of(family, **replaced).problems()
    assert len(problems) == 1
    assert problems[0].startswith(expected)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_position_table_is_as_long_as_the_rows(family):
    learned = {"position_encoding": "learned"} if family == "transformer_lm" else {}
    config = config_of(family, **learned)
    assert config.position_limit(LENGTH) == LENGTH
    offset = getattr(config, "position_offset", 0)
    short = dataclasses.replace(config, max_position_embeddings=LENGTH + offset - 1)
    (problem,) = short.problems_with_length(LENGTH)
    assert problem.startswith(f"max_position_embeddings={LENGTH + offset - 1} is less")
    exact = dataclasses.replace(config, max_position_embeddings=LENGTH + offset)
    assert exact.problems_with_length(LENGTH) == []
    assert exact.position_limit(LENGTH) == LENGTH


def count_parameters(family, vocab_size, length, **sizes):
    network = MODELS[family](**sizes).build(
        vocab_size, max_length=length, dtype="float32"
    )
    return sum(leaf.size for leaf in jax.tree.leaves(nn.unbox(abstract(network))))


def test_albert_has_one_set_of_weights_a_group():
    sizes = {
        (layers, groups, inner): count_parameters(
            "albert",
            128,
            LENGTH,
            num_layers=layers,
            num_hidden_groups=groups,
            inner_group_num=inner,
        )
        for layers, groups, inner in ((1, 1, 1), (4, 1, 1), (4, 2, 1), (4, 1, 2))
    }
    assert sizes[1, 1, 1] == sizes[4, 1, 1]
    assert sizes[4, 2, 1] == sizes[4, 1, 2] > sizes[4, 1, 1]


def test_electra_networks_share_the_whole_embedding_module_or_nothing():
    shared, apart = (
        nn.unbox(abstract(build("electra", shared_embeddings=shared)))
        for shared in ("whole", "none")
    )
    assert set(apart) - set(shared) == {"generator_embeddings"}
    assert apart["generator_embeddings"] == shared["embeddings"]


def test_published_sizes_have_the_published_number_of_parameters():
    xsmall = {"num_layers": 6, "emb_dim": 512, "num_heads": 8, "mlp_dim": 2304}
    rinna = {"position_offset": 0, "max_position_embeddings": 514}
    tiny = {"num_layers": 4, "emb_dim": 312, "mlp_dim": 1248}
    millions = {
        37.40: count_parameters("gpt2", 32000, 1024, **xsmall),
        110.42: count_parameters("gpt2", 32000, 1024),
        110.65: count_parameters("roberta", 32000, 512, **rinna),
        5.64: count_parameters("albert", 32768, 512, **tiny),
        12.17: count_parameters("albert", 32768, 512),
    }
    for expected, found in millions.items():
        assert found / 1e6 == pytest.approx(expected, abs=0.006)
