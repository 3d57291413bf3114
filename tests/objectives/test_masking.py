import dataclasses
import functools
import math

import jax
import numpy as np
import pytest

from tests.objectives.toys import VOCABULARY, make_batch
from transformer_lm.objectives.masker import Masker
from transformer_lm.objectives.masking import Masking
from transformer_lm.objectives.vocabulary import Vocabulary
from transformer_lm.registry import UserError


@functools.cache
def compiled(masker):
    return jax.jit(masker.mask)


def mask(batch, key=0, vocabulary=VOCABULARY, **settings):
    masker = Masker(Masking(**settings), vocabulary)
    masked = compiled(masker)(batch, jax.random.key(key))
    return {name: np.asarray(array) for name, array in masked.items()}


@pytest.fixture(scope="module")
def many():
    """A hundred thousand tokens."""
    return make_batch(rows=600, length=256)


def near(count, total, rate):
    return abs(count / total - rate) < 4 * math.sqrt(rate * (1 - rate) / total)


@pytest.mark.parametrize(
    ("preset", "rates"),
    [("bert", (0.8, 0.1)), ("rinna", (1.0, 0.0)), ("electra", (0.85, 0.0))],
)
def test_presets_have_their_rates(many, preset, rates):
    masked = mask(many, masking_preset=preset, masking_probability=0.5)
    used = masked["masked_weights"] > 0
    seen = np.take_along_axis(masked["masked_tokens"], masked["masked_positions"], 1)
    seen, targets = seen[used], masked["masked_targets"][used]
    is_mask = seen == VOCABULARY.mask_id
    is_other = ~is_mask & (seen != targets)
    # One draw of 54 gives the token itself.
    expected = (rates[0], rates[1] * 53 / 54)
    assert used.sum() > 50_000
    for found, rate in zip((is_mask, is_other), expected, strict=True):
        assert (
            near(found.sum(), used.sum(), rate)
            if 0 < rate < 1
            else (found.mean() == rate)
        )
    assert not np.isin(seen[is_other], VOCABULARY.special_ids).any()
    if rates[1]:
        counts = np.bincount(seen[is_other], minlength=60)
        assert set(np.flatnonzero(counts)) == set(range(5, 59))
        each = counts[5:59] / is_other.sum()
        assert np.abs(each - 1 / 54).max() < 5 * math.sqrt(1 / 54 / is_other.sum())


@pytest.mark.parametrize(
    ("unit", "cap"),
    [("token", None), ("token", 20), ("word", None), ("ngram", 20)],
)
def test_the_budget_is_exact(many, unit, cap):
    masked = mask(many, masking_unit=unit, max_predictions=cap)
    sizes = np.asarray(many["segments"]).sum(1)
    wanted = [min(max(1, round(0.15 * int(size))), cap or 99) for size in sizes]
    assert masked["masked_weights"].sum(1).tolist() == wanted
    assert masked["masked_weights"].shape[1] == (cap or round(0.15 * 256))


def test_bernoulli_draws_each_token_by_itself(many):
    masked = mask(many, masking_budget="bernoulli")
    tokens = np.asarray(many["tokens"])
    total = (~np.isin(tokens, VOCABULARY.special_ids)).sum()
    assert total > 100_000
    assert near(masked["masked_weights"].sum(), total, 0.15)


@pytest.mark.parametrize("length", [32, 128, 512])
def test_bernoulli_hardly_ever_overflows(length):
    slots = Masking(masking_budget="bernoulli").predictions(length)
    excess = sum(
        math.comb(length, count) * 0.15**count * 0.85 ** (length - count)
        for count in range(slots + 1, length + 1)
    )
    assert excess < 1e-7
    assert slots < 0.15 * length + 6 * math.sqrt(length * 0.15 * 0.85) + 1


@pytest.mark.parametrize("unit", ["token", "word"])
def test_neither_special_tokens_nor_padding_are_hidden(many, unit):
    masked = mask(many, masking_unit=unit, masking_probability=0.9)
    used = masked["masked_weights"] > 0
    assert not np.isin(masked["masked_targets"][used], VOCABULARY.special_ids).any()
    real = np.asarray(many["segments"]) > 0
    assert np.take_along_axis(real, masked["masked_positions"], 1)[used].all()
    changed = masked["masked_tokens"] != masked["tokens"]
    assert not changed[~real].any()


def test_a_mark_of_unknown_text_is_hidden_unless_it_is_special(many):
    batch = many | {"tokens": many["tokens"].at[:, 5].set(1)}
    special = mask(batch, masking_probability=0.9)
    vocabulary = dataclasses.replace(VOCABULARY, special_ids=(0, 2, 3))
    text = mask(batch, vocabulary=vocabulary, masking_probability=0.9)
    assert (special["masked_tokens"][:, 5] == 1).all()
    assert (text["masked_tokens"][:, 5] != 1).mean() > 0.5


def test_slots_name_each_position_once_and_its_token(many):
    masked = mask(many, masking_unit="word")
    positions = np.sort(masked["masked_positions"], 1)
    assert (np.diff(positions, axis=1) > 0).all()
    targets = np.take_along_axis(masked["tokens"], masked["masked_positions"], 1)
    assert (targets == masked["masked_targets"]).all()
    # What no slot in use names is what it was.
    changed = masked["masked_tokens"] != masked["tokens"]
    used = np.zeros_like(changed)
    np.put_along_axis(used, masked["masked_positions"], masked["masked_weights"] > 0, 1)
    assert not (changed & ~used).any()


def test_masks_depend_on_the_key_alone(batch):
    first, again, other = mask(batch), mask(batch), mask(batch, key=1)
    assert (first["masked_tokens"] == again["masked_tokens"]).all()
    assert (first["masked_positions"] != other["masked_positions"]).any()


def test_padding_rows_have_no_predictions(batch):
    empty = {name: array * 0 for name, array in batch.items()}
    assert mask(empty)["masked_weights"].sum() == 0


def test_words_need_to_be_known(batch):
    del batch["word_starts"]
    with pytest.raises(UserError, match="set masking_unit='token'"):
        mask(batch, masking_unit="word")


def test_a_mask_token_is_needed():
    with pytest.raises(UserError, match="has no mask token"):
        Masker(Masking(), Vocabulary(size=10))


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"masking_probability": 1.0}, "masking_probability=1.0 must lie in"),
        ({"masking_preset": "bort"}, "choose from bert, rinna, electra"),
        ({"masking_unit": "line"}, "choose from token, word, ngram"),
        ({"masking_budget": "none"}, "choose from exact, bernoulli"),
        ({"max_ngram": 0}, "max_ngram=0 must be at least 1"),
        ({"max_predictions": 0}, "max_predictions=0 must be at least 1"),
        (
            {"masking_budget": "bernoulli", "masking_unit": "word"},
            "needs masking_budget='exact'",
        ),
    ],
)
def test_wrong_settings_are_named(settings, text):
    (problem,) = Masking(**settings).problems()
    assert text in problem


def test_the_defaults_are_sound():
    assert Masking().problems() == []
