"""The command: what it writes, and what it leaves when something goes wrong."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
import yaml

from transformer_lm.checkpoint_items import OtherNetworkError
from transformer_lm.data.source import Source
from transformer_lm.registry import UserError
from transformer_lm.tools import export_hf, self_check
from transformer_lm.tools.export_hf import ExportOptions, export
from transformer_lm.tools.model_card import CardFacts, model_card
from transformer_lm.tools.trained_model import open_trained

ROOT = Path(__file__).parents[2]
UNPROVED = ExportOptions(self_check="none")
FACTS = CardFacts("someone/mine", license="cc-by-sa-4.0")


def exported(run, output, **options):
    export(str(run), str(output), FACTS, dataclasses.replace(UNPROVED, **options))
    return output


@pytest.fixture(scope="module")
def gpt2_folder(runs, tmp_path_factory):
    return exported(runs("gpt2"), tmp_path_factory.mktemp("gpt2") / "out")


def test_the_folder_is_whole(gpt2_folder):
    names = {path.name for path in gpt2_folder.iterdir()}
    assert names >= {
        "config.json",
        "model.safetensors",
        "flax_model.msgpack",
        "tokenizer.json",
        "spiece.model",
        "generation_config.json",
        "training_settings.json",
        "README.md",
        ".gitattributes",
    }
    assert [path.name for path in gpt2_folder.parent.iterdir()] == ["out"]


def test_the_card_has_a_yaml_head_and_both_languages(gpt2_folder):
    _, head, body = (gpt2_folder / "README.md").read_text().split("---\n", 2)
    assert yaml.safe_load(head) == {
        "language": "ja",
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["gpt2", "transformer_lm", "jax", "pytorch"],
        "license": "cc-by-sa-4.0",
    }
    assert "## 日本語" in body
    assert "## English" in body
    assert 'AutoModelForCausalLM.from_pretrained("someone/mine")' in body
    assert "The self-check was switched off" in body


def test_an_exported_folder_is_opened_like_the_run(runs, gpt2_folder):
    run, back = open_trained(str(runs("gpt2"))), open_trained(str(gpt2_folder))
    assert back.step == run.step == 7
    assert back.tokenizer.encode("昔々ABC𩸽") == run.tokenizer.encode("昔々ABC𩸽")
    ours, theirs = (jax.tree.map(np.asarray, m.parameters) for m in (run, back))
    size = run.tokenizer.vocab_size
    for tree in (ours, theirs):
        table = tree["token_embedding"]
        table["embedding"] = table["embedding"][:size]
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)


def test_the_settings_say_how_the_run_computed(runs, tmp_path):
    run = runs("gpt2", dtype="bfloat16")
    folder = exported(run, tmp_path / "out")
    saved = json.loads((folder / "training_settings.json").read_text())
    assert saved["settings"]["dtype"] == "bfloat16"
    assert json.loads((folder / "config.json").read_text())["torch_dtype"] == "float32"


def test_folders_of_the_machine_stay_there(runs, gpt2_folder):
    saved = json.loads((gpt2_folder / "training_settings.json").read_text())
    assert saved["settings"]["vocab_path"] == "spiece.model"
    assert str(runs("gpt2")) not in json.dumps(saved)


def test_an_electra_has_two_folders(runs, tmp_path):
    run = runs("electra", embedding_size=12, generator_size=0.5)
    folder = exported(run, tmp_path / "out")
    for name, architecture in (
        ("generator", "ElectraForMaskedLM"),
        ("discriminator", "ElectraForPreTraining"),
    ):
        config = json.loads((folder / name / "config.json").read_text())
        assert config["architectures"] == [architecture]
        assert (folder / name / "tokenizer.json").exists()
    back = open_trained(str(folder))
    assert back.settings.model == open_trained(str(run)).settings.model


def test_the_moving_average_is_what_is_exported(runs, tmp_path):
    run = runs("gpt2", ema_decay=0.9)
    back = open_trained(str(exported(run, tmp_path / "out")))
    averaged = open_trained(str(run)).parameters["final_norm"]["norm"]["scale"]
    np.testing.assert_array_equal(
        back.parameters["final_norm"]["norm"]["scale"], averaged
    )
    card = (tmp_path / "out" / "README.md").read_text()
    assert "The weights are the moving average" in card


@pytest.mark.parametrize(
    ("objective", "told"), [("masked_lm", True), ("sentence_pairs", False)]
)
def test_an_untrained_pair_head_is_told(runs, objective, told):
    trained = open_trained(str(runs("bert")))
    choices = {**dict(trained.settings.choices), "objective": objective}
    settings = dataclasses.replace(trained.settings, choices=tuple(choices.items()))
    trained = dataclasses.replace(trained, settings=settings)
    card = model_card(trained, FACTS, [], has_curves=False)
    assert ("The head for pairs of sentences was not trained" in card) == told


def test_the_card_names_the_text_without_its_place(runs):
    trained = open_trained(str(runs("gpt2")))
    source = Source("prepared", data_path="/home/me/aozora, /home/me/wiki")
    settings = dataclasses.replace(trained.settings, source=source)
    trained = dataclasses.replace(trained, settings=settings)
    card = model_card(trained, FACTS, [], has_curves=False)
    assert card.count("`prepared: aozora, wiki`") == 2
    assert "/home" not in card


def refused(run, output, **options):
    with pytest.raises(UserError) as error:
        exported(run, output, **options)
    return str(error.value)


def test_an_output_that_exists_is_left_alone(runs, tmp_path):
    (tmp_path / "out").mkdir()
    message = refused(runs("gpt2"), tmp_path / "out")
    assert "exists; give another, or remove it" in message
    assert not list((tmp_path / "out").iterdir())


def test_a_folder_without_a_checkpoint_is_refused(runs, tmp_path):
    assert "it is not the work folder of a run" in refused(tmp_path, tmp_path / "out")
    run = tmp_path / "run"
    shutil.copytree(runs("gpt2"), run, ignore=lambda *_: ["checkpoints"])
    assert "holds no checkpoints" in refused(run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_another_runs_tokenizer_is_refused(runs, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(runs("gpt2"), run)
    other = runs("gpt2", vocab_size=90, spm_train_options="--hard_vocab_limit=false")
    shutil.copy(other / "sentencepiece_model", run)
    with pytest.raises(OtherNetworkError, match="put back the one that this run was"):
        exported(run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_options_that_do_not_go_together_are_all_named(runs, tmp_path):
    message = refused(
        runs("gpt2"), tmp_path / "out", formats=("flax", "onnx"), dtype="bfloat16"
    )
    assert "'onnx' is unknown; choose from safetensors, flax, tf" in message
    assert "must have safetensors" in message
    assert "flax cannot hold --dtype=bfloat16" in message


def test_without_a_framework_nothing_is_exported(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(export_hf, "is_installed", lambda framework: False)
    message = refused(runs("gpt2"), tmp_path / "out", self_check="auto")
    assert "install one (pip install torch), or give --self_check=none" in message


def test_a_failed_check_leaves_nothing(runs, tmp_path, monkeypatch):
    def fail(*arguments):
        raise self_check.SelfCheckError("they differ")

    monkeypatch.setattr(export_hf, "check_export", fail)
    monkeypatch.setattr(export_hf, "is_installed", lambda framework: True)
    assert refused(runs("gpt2"), tmp_path / "out", self_check="auto") == "they differ"
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_one_message_and_leaves_nothing(runs, tmp_path):
    """A limit on the size of files stands for the full disk."""
    command = [sys.executable, "-m", "transformer_lm.tools.export_hf"]
    arguments = [f"--workdir={runs('gpt2')}", f"--output={tmp_path / 'out'}"]
    arguments.append("--self_check=none")
    result = subprocess.run(
        ["bash", "-c", 'ulimit -f 8; exec "$@"', "bash", *command, *arguments],
        cwd=ROOT,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 2, result.stderr
    assert "export_hf: the export could not be written to" in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir())
