import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from transformer_lm.models.transformer_lm import TransformerLMConfig
from transformer_lm.sampling import generate, stream
from transformer_lm.settings import Sampling
from transformer_lm.token_choice import GROUP, filter_logits, penalise_repetition

PROMPTS = [[5, 6, 7], [], [9] * 20]


@pytest.fixture(scope="module", params=[False, True], ids=["unrolled", "scanned"])
def decoder(request):
    config = TransformerLMConfig(
        num_layers=2,
        emb_dim=32,
        qkv_dim=32,
        num_heads=2,
        mlp_dim=64,
        scan_layers=request.param,
    )
    model = config.build(50, max_length=64, dtype="float32")
    row = jnp.ones((1, 64), jnp.int32)
    return model, nn.unbox(model.init(jax.random.key(3), row, row, row))["params"]


def next_logits(model, parameters, ids):
    tokens = jnp.asarray([1, *ids])[None]
    positions = jnp.arange(tokens.shape[1])[None]
    output = model.apply(
        {"params": parameters}, tokens, positions, jnp.ones_like(tokens)
    )
    return np.asarray(output.logits[0])


def sample(decoder, prompts=PROMPTS, *, eos_id=None, seed=0, limit=None, **keys):
    return generate(
        *decoder,
        prompts,
        Sampling(**{"max_predict_length": 40, **keys}),
        start_id=1,
        eos_id=eos_id,
        seed=seed,
        position_limit=limit,
    )


def test_cached_greedy_decoding_equals_the_full_forward_pass(decoder):
    for prompt, text in zip(
        PROMPTS, sample(decoder, sampling_temperature=0.0), strict=True
    ):
        assert text[: len(prompt)] == prompt
        best = next_logits(*decoder, text).argmax(-1)
        assert best[len(prompt) : -1].tolist() == text[len(prompt) :]


def test_a_cache_that_grows_changes_nothing(decoder, monkeypatch):
    keys = {"max_predict_length": 250, "seed": 3}
    grown = sample(decoder, PROMPTS[:2], **keys)
    jax.clear_caches()
    monkeypatch.setattr("transformer_lm.decoding.MOST_SIZES", 1)
    assert grown == sample(decoder, PROMPTS[:2], **keys)
    assert [len(text) for text in grown] == [250, 250]


def test_each_text_has_the_asked_length(decoder):
    assert [len(text) for text in sample(decoder)] == [40, 40, 40]
    assert [len(text) for text in sample(decoder, limit=30)] == [29, 29, 29]


def test_texts_end_at_eos(decoder):
    free = sample(decoder, sampling_temperature=0.0)
    eos = free[0][10]
    ended = sample(decoder, sampling_temperature=0.0, eos_id=eos)
    for prompt, text, whole in zip(PROMPTS, ended, free, strict=True):
        generated = whole[len(prompt) :]
        end = generated.index(eos) if eos in generated else len(generated)
        assert text == prompt + generated[:end]


def test_same_seed_same_texts_whatever_else_is_in_the_batch(decoder):
    together = sample(decoder, seed=7)
    assert together == sample(decoder, seed=7)
    assert together != sample(decoder, seed=8)
    assert sample(decoder, PROMPTS[:1], seed=7)[0] == together[0]


def test_top_k_and_top_p_keep_the_likeliest():
    logits = jnp.log(jnp.array([[0.05, 0.5, 0.2, 0.25]]))
    scores, ids = filter_logits(logits, top_k=2, top_p=1.0)
    assert ids.tolist() == [[1, 3]]
    scores, ids = filter_logits(logits, top_k=0, top_p=0.7)
    kept = ids[np.isfinite(scores)].tolist()
    assert kept == [1, 3]
    scores, ids = filter_logits(logits, top_k=0, top_p=1.0)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("top_k", [1, 3, 7])
def test_groups_of_neighbours_hold_the_same_likeliest(top_k):
    """Few different scores: which of the equal ones are kept is the same, too."""
    logits = np.random.default_rng(0).standard_normal((100, 32 * GROUP)).round(1)
    scores, ids = filter_logits(jnp.asarray(logits), top_k=top_k, top_p=1.0)
    expected = np.argsort(-logits, axis=-1, kind="stable")[:, :top_k]
    assert ids.tolist() == expected.tolist()
    kept = np.take_along_axis(logits, expected, axis=1)
    np.testing.assert_array_equal(scores, kept.astype(np.float32))


def test_sampled_frequencies_follow_the_filtered_distribution(decoder):
    texts = sample(
        decoder,
        [[5]] * 4000,
        max_predict_length=2,
        sampling_top_k=5,
        sampling_temperature=0.8,
    )
    logits = next_logits(*decoder, [5])[-1, :50] / 0.8
    best = np.argsort(logits)[-5:]
    expected = np.exp(logits[best] - logits[best].max())
    expected /= expected.sum()
    counts = np.bincount([text[1] for text in texts], minlength=50)
    assert counts.sum() == counts[best].sum()
    error = np.abs(counts[best] / 4000 - expected)
    assert (error < 4 * np.sqrt(expected * (1 - expected) / 4000)).all()


def test_repetition_penalty_lowers_seen_tokens():
    logits = jnp.array([[2.0, -2.0, 1.0]])
    seen = jnp.array([[True, True, False]])
    lowered = penalise_repetition(logits, seen, 2.0)
    np.testing.assert_allclose(lowered, [[1.0, -4.0, 1.0]])


def test_repetition_penalty_ends_loops(decoder):
    plain = sample(decoder, [[5]], sampling_temperature=0.0)[0]
    varied = sample(decoder, [[5]], sampling_temperature=0.0, repetition_penalty=1e6)[0]
    assert len(set(varied)) > len(set(plain))
    assert len(set(varied)) == len(varied)


@pytest.mark.parametrize("penalty", [1.0, 1.3])
@pytest.mark.parametrize("temperature", [0.0, 0.9])
def test_a_stream_gives_the_tokens_of_the_batch_one_by_one(
    decoder, temperature, penalty
):
    keys = {
        "sampling_temperature": temperature,
        "repetition_penalty": penalty,
        "sampling_top_p": 0.9,
    }
    for prompt in ([5, 6, 7], []):
        (whole,) = sample(decoder, [prompt], eos_id=2, seed=4, limit=20, **keys)
        tokens = stream(
            *decoder,
            prompt,
            Sampling(max_predict_length=40, **keys),
            start_id=1,
            eos_id=2,
            seed=4,
            position_limit=20,
        )
        assert [*prompt, *tokens] == whole
