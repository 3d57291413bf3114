import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from transformer_lm.convert.legacy import legacy_parameters, read_legacy_checkpoint
from transformer_lm.models.transformer_lm import TransformerLMConfig, sinusoids

CONFIG = TransformerLMConfig(
    num_layers=2, emb_dim=32, num_heads=4, qkv_dim=32, mlp_dim=64
)


def network(config=CONFIG, vocab_size=100, length=16):
    model = config.build(vocab_size, max_length=length, dtype="float32")
    row = jnp.ones((1, length), jnp.int32)
    parameters = nn.unbox(model.init(jax.random.key(0), row, row, row))["params"]
    return model, parameters


def packed_row():
    """Three documents of 5, 7 and 2 tokens and two places of padding."""
    rng = np.random.default_rng(0)
    tokens = rng.integers(3, 100, (1, 16))
    segments = np.array([[1] * 5 + [2] * 7 + [3] * 2 + [0] * 2])
    positions = np.array([[*range(5), *range(7), *range(2), 0, 0]])
    return tokens, positions, segments


def test_logits_equal_the_legacy_program(fixtures):
    folder = fixtures / "legacy_transformer_lm"
    sizes = json.loads((folder / "reference.json").read_text())
    arrays = np.load(folder / "reference.npz")
    names = ("num_layers", "emb_dim", "num_heads", "qkv_dim", "mlp_dim")
    config = TransformerLMConfig(
        **{name: sizes[name] for name in names},
        logits_via_embedding=sizes["logits_via_embedding"],
    )
    vocab_size = sizes["vocab_size"]
    model = config.build(vocab_size, max_length=sizes["max_len"], dtype="float32")
    parameters = legacy_parameters(
        read_legacy_checkpoint(folder / "checkpoint_119")["params"], vocab_size
    )

    def shifted(ids, segments):
        inputs = np.pad(ids, [(0, 0), (1, 0)])[:, :-1]
        before = np.pad(segments, [(0, 0), (1, 0)])[:, :-1]
        return inputs * (segments == before)

    targets = arrays["inputs"]
    real = (targets > 0).astype(np.int32)
    inputs = np.pad(targets, [(0, 0), (1, 0)])[:, :-1]
    positions = np.broadcast_to(np.arange(targets.shape[1]), targets.shape)
    logits = model.apply({"params": parameters}, inputs, positions, real).logits
    # What padding attends to differs, and means nothing.
    np.testing.assert_allclose(
        logits[real > 0][..., :vocab_size],
        arrays["logits"][real > 0],
        atol=1e-4,
        rtol=0,
    )

    segments = arrays["packed_segmentation"]
    inputs = shifted(arrays["packed_inputs"], segments)
    logits = model.apply(
        {"params": parameters}, inputs, arrays["packed_positions"], segments
    ).logits
    np.testing.assert_allclose(
        logits[..., :vocab_size], arrays["packed_logits"], atol=1e-4, rtol=0
    )


def test_other_documents_of_a_packed_row_change_nothing():
    model, parameters = network()
    tokens, positions, segments = packed_row()
    changed = np.where(segments == 2, (tokens + 1) % 100, tokens)
    logits = [
        np.asarray(model.apply({"params": parameters}, t, positions, segments).logits)
        for t in (tokens, changed)
    ]
    others = (segments == 1) | (segments == 3)
    np.testing.assert_array_equal(logits[0][others], logits[1][others])
    assert (logits[0][segments == 2] != logits[1][segments == 2]).any()


def test_no_gradient_crosses_documents_or_goes_back_in_time():
    model, parameters = network()
    _, positions, segments = packed_row()
    tokens = np.arange(16)[None]  # Each token has a row of the table of its own.

    def score(table, place):
        own = {**parameters, "token_embedding": {"embedding": table}}
        output = model.apply({"params": own}, tokens, positions, segments)
        return output.logits[0, place, 0]

    for place in (0, 3, 8, 13):
        gradient = jax.grad(score)(parameters["token_embedding"]["embedding"], place)
        moved = np.abs(np.asarray(gradient[:16])).max(axis=-1) > 0
        same = (segments[0] == segments[0, place]) & (np.arange(16) <= place)
        np.testing.assert_array_equal(moved, same)


def test_a_packed_document_equals_the_document_alone():
    model, parameters = network()
    tokens, positions, segments = packed_row()
    packed = model.apply({"params": parameters}, tokens, positions, segments).logits
    alone = model.apply(
        {"params": parameters}, tokens[:, 5:12], positions[:, 5:12], np.ones((1, 7))
    ).logits
    np.testing.assert_allclose(packed[:, 5:12], alone, atol=1e-5)


def test_padded_vocabulary_gets_no_probability():
    model, parameters = network(vocab_size=100)
    logits = model.apply({"params": parameters}, *packed_row()).logits
    assert logits.shape == (1, 16, 128)
    assert (jax.nn.softmax(logits)[..., 100:] == 0).all()


def test_tied_logits_use_the_embedding():
    config = TransformerLMConfig(
        num_layers=1,
        emb_dim=32,
        num_heads=4,
        qkv_dim=32,
        mlp_dim=64,
        logits_via_embedding=True,
    )
    model, parameters = network(config)
    assert "head" not in parameters
    output = model.apply({"params": parameters}, *packed_row())
    expected = (
        output.hidden @ parameters["token_embedding"]["embedding"].T / np.sqrt(32)
    )
    np.testing.assert_allclose(output.logits[..., :100], expected[..., :100], atol=1e-5)


def test_sinusoids_follow_the_paper():
    waves = np.asarray(sinusoids(jnp.array([0, 1, 50]), 8))
    for row, position in enumerate((0, 1, 50)):
        for pair in range(4):
            angle = position / 10_000 ** (pair / 3)
            assert waves[row, pair] == pytest.approx(np.sin(angle), abs=1e-4)
            assert waves[row, 4 + pair] == pytest.approx(np.cos(angle), abs=1e-4)


def test_learned_positions_have_a_limit():
    config = TransformerLMConfig(
        position_encoding="learned", max_position_embeddings=10
    )
    assert "max_position_embeddings=10" in config.problems_with_length(16)[0]
    assert config.position_limit(16) == 10
    assert CONFIG.position_limit(16) is None


def test_flops_are_those_counted_by_hand():
    config = TransformerLMConfig(
        num_layers=2, emb_dim=8, num_heads=2, qkv_dim=4, mlp_dim=16
    )
    matrices = 4 * 8 * 4 + 2 * 8 * 16  # query, key, value, out; expand, contract
    scores = 2 * 4 * 10 / 2  # scores and weighted sum over half of 10 keys
    head = 8 * 100
    assert config.flops_per_token(100, 10) == 6 * (2 * (matrices + scores) + head)
