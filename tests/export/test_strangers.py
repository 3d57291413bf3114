"""Exports give training's numbers to who has nothing but transformers.

`make test-export` makes the two environments and names their interpreters.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.export.cases import CASES, TOKENIZERS, make_export

pytestmark = pytest.mark.export

STRANGERS = {
    "pt-4": ("pt", "TRANSFORMER_LM_HF4_PYTHON", "4.57"),
    "flax-4": ("flax", "TRANSFORMER_LM_HF4_PYTHON", "4.57"),
    "pt-5": ("pt", "TRANSFORMER_LM_HF5_PYTHON", "5."),
}
PATIENCE_SECONDS = 1800


@pytest.fixture(scope="session")
def exported(request, tmp_path_factory, tiny_settings):
    """(folder, questions, expected answers), of the cases that were asked for."""
    folder = tmp_path_factory.mktemp("exports")
    asked = {item.callspec.params["name"] for item in request.session.items}
    names = [name for name in CASES if name in asked]
    made = {name: make_export(tiny_settings, folder, name) for name in names}
    asked = {name: pair[0] for name, pair in made.items()}
    return folder / "exports", asked, {name: pair[1] for name, pair in made.items()}


@pytest.fixture(scope="session", params=STRANGERS)
def answers(request, exported, tmp_path_factory):
    """What a stranger finds in every export: (framework, answers)."""
    framework, variable, version = STRANGERS[request.param]
    if variable not in os.environ:
        pytest.skip(f"{variable} names no interpreter; make test-export sets it")
    folder, asked, _ = exported
    place = tmp_path_factory.mktemp(request.param)
    (place / "questions.json").write_text(json.dumps(asked))
    script = str(Path(__file__).with_name("stranger.py"))
    command = [os.environ[variable], "-I", script, framework, str(folder)]
    result = subprocess.run(
        [*command, "questions.json", "answers.json"],
        cwd=place,
        env={**os.environ, "HF_HOME": str(place), "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    found = json.loads((place / "answers.json").read_text())
    assert found["version"].startswith(version)
    return framework, found["exports"]


@pytest.mark.parametrize("name", CASES)
def test_a_stranger_finds_what_training_gives(name, answers, exported):
    framework, found = answers
    found, (_, _, expected) = found[name], exported
    expected = expected[name]
    assert "error" not in found, "\n".join([found["error"], *found["where"]])
    for kind in ("plain", "special"):
        for ours, theirs in zip(expected[kind], found[kind], strict=True):
            assert ours == theirs, kind
    assert found["logits"]
    for head, difference in found["logits"].items():
        assert difference < 1e-4, head
    for ours, theirs in zip(
        expected.get("greedy", []), found.get("greedy", []), strict=True
    ):
        assert theirs[: len(ours)] == ours
    if framework == "pt":
        assert found["pipeline"]


@pytest.mark.parametrize(
    "name", [name for name in CASES if "tiny" in name or "unigram" in name]
)
def test_decoded_text_is_that_of_training(name, answers, exported):
    _, found = answers
    decoded = found[name].get("decoded")
    assert decoded is not None, found[name]
    expected = exported[2][name]["decoded"]
    unknown = "[UNK]"
    pairs = zip(decoded, expected, strict=True)
    assert all(
        theirs == ours.replace(unknown, "")
        for theirs, ours in pairs
        if TOKENIZERS[name.split("-")[1]]["tokenizer"] != "wordpiece"
        or unknown not in ours
    )
