"""Contestants of the benchmarks take turns, and say why one cannot take part."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from benchmarks.cases import PRESETS, random_batches
from benchmarks.contest import Contestant, ContestantError, compete

ROOT = Path(__file__).parents[1]
ELECTRA = next(case for case in PRESETS["gpu"] if case.family == "electra")


def test_turns_give_figures_and_what_cannot_take_part_is_left_out(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    modules = {
        "ours": "matrix_product",
        "again": "matrix_product",
        "reference recipe": "reference_recipe",
    }
    case = dataclasses.asdict(ELECTRA) | {"dtype": "float32"}
    found = compete(modules, case, rounds=3, turn_seconds=0.01)
    assert found["ours"]["milliseconds"] >= found["ours"]["milliseconds_lowest"] > 0
    assert "ratio" not in found["ours"]
    assert found["again"]["ratio"] > 0
    assert found["reference recipe"] == {"missing": "the recipe has no ELECTRA"}
    assert "reference recipe is left out: the recipe has no" in capsys.readouterr().out


def test_a_contestant_that_breaks_is_an_error(monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(ContestantError, match="matrix_product ended with code 1"):
        Contestant("matrix_product", {"dtype": "float99"})


@pytest.mark.parametrize("preset", PRESETS)
def test_batches_hide_and_separate_what_they_should(preset):
    for case in PRESETS[preset]:
        batch = random_batches(case)[0]
        predicted = batch["labels"] != -100
        starts = batch["positions"] == 0
        documents = starts.sum(axis=1)
        assert (batch["segments"].max(axis=1) == documents).all()
        assert documents.mean() > 3 if case.packed else (documents == 1).all()
        if case.family == "gpt2":
            np.testing.assert_array_equal(predicted, ~starts)
        else:
            assert (predicted.sum(axis=1) == case.predictions).all()
            shown = batch["masked_tokens"] == batch["tokens"]
            np.testing.assert_array_equal(shown, ~predicted)
