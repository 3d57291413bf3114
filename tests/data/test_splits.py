"""Sub-splits by percent."""

import itertools

import numpy as np
import pytest

from transformer_lm.data.splits import PercentSplit, percent_problems, tfds_problems
from transformer_lm.registry import UserError


@pytest.mark.parametrize("border", ["98", "90", "50", "99.5", "1"])
def test_two_shares_divide_the_records(border):
    first = PercentSplit.parse(f"train[:{border}%]")
    second = PercentSplit.parse(f"train[{border}%:]")
    index = np.arange(100_000)
    assert (first.keeps(index) ^ second.keeps(index)).all()
    assert first.keeps(index).mean() == pytest.approx(float(border) / 100, abs=1e-4)
    assert not first.overlaps(second)


def test_many_shares_divide_the_records():
    index = np.arange(1000)
    borders = ["", "10%", "25%", "26%", "80%", ""]
    shares = [
        PercentSplit.parse(f"train[{low}:{high}]").keeps(index)
        for low, high in itertools.pairwise(borders)
    ]
    assert (np.sum(shares, axis=0) == 1).all()


@pytest.mark.parametrize("count", [10, 20, 50, 1000])
def test_even_a_few_records_split_as_asked(count):
    held_out = PercentSplit.parse("train[90%:]").keeps(np.arange(count)).sum()
    assert abs(held_out - count / 10) <= 1
    assert held_out >= 1


def test_any_run_of_records_is_divided_alike():
    keeps = PercentSplit.parse("train[90%:]").keeps(np.arange(100_000))
    in_runs = keeps.reshape(-1, 100).sum(axis=1)
    assert in_runs.min() >= 8
    assert in_runs.max() <= 12


def test_a_whole_split_keeps_everything():
    assert PercentSplit.parse("train").keeps(np.arange(10**6)).all()
    assert PercentSplit.parse("validation").name == "validation"


@pytest.mark.parametrize(
    "text", ["train[:1000]", "train[50%", "train[0.5:]", "", "train+test", "a[-5%:]"]
)
def test_other_syntax_is_refused(text):
    with pytest.raises(UserError, match="is no sub-split; write for instance"):
        PercentSplit.parse(text)


@pytest.mark.parametrize("text", ["train[50%:50%]", "train[60%:40%]", "train[:101%]"])
def test_an_empty_range_is_refused(text):
    with pytest.raises(UserError, match="is an empty range"):
        PercentSplit.parse(text)


def test_an_unknown_split_names_the_known_ones():
    problems = percent_problems("eval_split", "test", ("train", "validation"))
    assert problems == ["eval_split='test': the data set has only train and validation"]
    assert percent_problems("eval_split", "validation[:5%]", ("validation",)) == []


@pytest.mark.parametrize(
    "text",
    ["train", "train[:98%]", "train[10:20]", "train+test[:5%]", "train[-10%:]"],
)
def test_tfds_syntax_is_known(text):
    assert tfds_problems("train_split", text) == []


@pytest.mark.parametrize("text", ["train[98%]", "train[:98%", "+test", "train[:0.5]"])
def test_other_tfds_syntax_is_refused(text):
    assert "is no TFDS split" in tfds_problems("train_split", text)[0]
