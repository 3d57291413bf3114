"""The recipes of the reference systems: their sizes, and that each of them trains."""

import json
import math
import re
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from flax import linen as nn

from transformer_lm.config_files import settings_from
from transformer_lm.train.loop import run

ROOT = Path(__file__).parents[2]
VILLAGE = ROOT / "tests" / "data" / "fishing_village.txt"
HEADS = ("pooler", "pair_head", "token_head", "replaced_head")

MILLIONS = {
    # rinnakk/japanese-pretrained-models, README.
    "gpt2_ja_xsmall": {"": 37.40},
    "gpt2_ja_small": {"": 110.42},
    "gpt2_ja_medium": {"": 336.13},
    "roberta_ja_base": {"": 110.65},
    # As rinna's small.
    "gpt2_ja_wikipedia": {"": 110.42},
    # The stock class with the values of its config.json; tests/hf makes it.
    "bert_ja_small": {"": 18.06},
    "bert_ja_base": {"": 111.83},
    # Each network of ELECTRA without heads, the embeddings counted in both.
    "electra_ja_small": {"generator": 13.7, "discriminator": 13.7},
    "electra_ja_small_paper": {"generator": 4.8, "discriminator": 13.7},
    "electra_ja_base": {"generator": 35.2, "discriminator": 110.6},
    # The stock class that was made from nknytk's files, whole and without heads.
    "albert_ja_base": {"": 12.17, "pooled": 12.04},
    "albert_ja_medium": {"": 8.76, "pooled": 8.66},
    "albert_ja_small": {"": 6.32, "pooled": 6.23},
    "albert_ja_tiny": {"": 5.64, "pooled": 5.57},
    "albert_ja_base_character": {"pooled": 8.63},
    "albert_ja_small_character": {"pooled": 2.82},
    "albert_ja_tiny_character": {"pooled": 2.16},
}
"""Millions of parameters, as the systems publish them or as their files give them."""

DECODERS = [name for name in MILLIONS if name.startswith("gpt2")]
IN_SECONDS = (
    "gpt2_ja_small",
    "roberta_ja_base",
    "bert_ja_small",
    "electra_ja_small_paper",
    "albert_ja_base_character",
)
"""Configs whose training is tried at each change; the others are as them but in size."""

SHRUNK = {
    "vocab_size": 1500,
    "max_corpus_chars": 50_000,
    "num_layers": 1,
    "emb_dim": 32,
    "num_heads": 4,
    "mlp_dim": 64,
    "embedding_size": 16,
    "batch_size": 8,
    "grad_accumulation_steps": 1,
    "eval_per_device_batch_size": 1,
    "max_target_length": 32,
    "max_eval_target_length": 32,
    "num_train_steps": 1,
    "warmup_steps": 0,
    "eval_every_steps": 1,
    "num_eval_steps": 1,
    "max_predict_length": 8,
    "shuffle_buffer_size": 8,
    "tensorboard": "false",
}


def recipe(name, *overrides):
    """Settings of a config with a text of ours."""
    file = str(ROOT / "configs" / f"{name}.py")
    return settings_from(file, [f"--config.data_path={VILLAGE}", *overrides])


def parameter_sizes(settings):
    """Parameters of each part of the network; nothing is allocated."""
    model = settings.build_model(settings.tokenizer.vocab_size)
    row = jax.ShapeDtypeStruct((1, settings.max_length), "int32")
    inputs = [row for _ in settings.model.inputs]
    tree = nn.unbox(jax.eval_shape(model.init, jax.random.key(0), *inputs))["params"]
    return {
        part: sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(leaves))
        for part, leaves in tree.items()
    }


def test_every_recipe_is_here():
    files = {path.stem for path in (ROOT / "configs").glob("*_ja_*.py")}
    assert files == set(MILLIONS)
    page = (ROOT / "docs" / "reproduce.md").read_text()
    assert [name for name in MILLIONS if not re.search(rf"\b{name}\b", page)] == []


@pytest.mark.parametrize("name", MILLIONS)
def test_parameters_are_as_many_as_published(name):
    sizes = parameter_sizes(recipe(name))
    backbone = {part: size for part, size in sizes.items() if part not in HEADS}
    counts = {"": sum(sizes.values())}
    counts["pooled"] = sum(backbone.values()) + sizes.get("pooler", 0)
    for network in ("generator", "discriminator"):
        counts[network] = sum(
            backbone[part] for part in backbone if part == "embeddings"
        )
        counts[network] += sizes.get(f"{network}_encoder", 0)
    for what, millions in MILLIONS[name].items():
        digits = 1 if what.endswith("tor") else 2
        assert round(counts[what] / 1e6, digits) == millions, (what, counts)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in IN_SECONDS else pytest.mark.slow)
        for name in MILLIONS
    ],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_shrunk_recipe_trains(name, tmp_path):
    keys = json.loads(recipe(name).to_json())
    shrunk = {key: value for key, value in SHRUNK.items() if key in keys}
    if keys["tokenizer"] == "sentencepiece":
        soft = "--byte_fallback=true --hard_vocab_limit=false"
        shrunk["spm_train_options"] = f"{keys['spm_train_options']} {soft}"
    # The share of the text that is held out by itself has no pairs of documents.
    shrunk["eval_data_path"] = tmp_path / "held_out.txt"
    shrunk["eval_data_path"].write_text(VILLAGE.read_text())
    settings = recipe(name, *(f"--config.{key}={shrunk[key]}" for key in shrunk))
    outcome = run(settings, str(tmp_path / "run"))
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    records = map(json.loads, lines)
    losses = [
        value
        for record in records
        for metric, value in record.items()
        if metric.startswith("train_") and metric.endswith("loss")
    ]
    assert losses
    assert np.isfinite(losses).all()
    assert np.isfinite(outcome.metrics[f"eval_{settings.checkpoints.best_metric}"])
    assert (tmp_path / "run" / "checkpoints" / "1").is_dir()
    assert bool(outcome.samples) == (name in DECODERS)


def test_a_config_finds_those_beside_it_from_any_folder(tmp_path):
    result = subprocess.run(
        [
            *(sys.executable, ROOT / "main.py", "--print_config"),
            f"--config={ROOT}/configs/gpt2_ja_medium.py",
            f"--config.data_path={VILLAGE}",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["num_layers"] == 24
