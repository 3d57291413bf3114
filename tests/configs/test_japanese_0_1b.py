"""configs/japanese_0.1b_v1.py, shrunk by its keys, on a prepared wiki40b/ja folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.data import prepare_tfds

ROOT = Path(__file__).parents[2]
SHRUNK = {
    "vocab_size": 2500,
    "max_corpus_chars": 100_000,
    "spm_train_options": (
        "--character_coverage=0.98 --byte_fallback=true --hard_vocab_limit=false"
    ),
    "num_layers": 2,
    "emb_dim": 64,
    "qkv_dim": 64,
    "mlp_dim": 128,
    "num_heads": 2,
    "dropout_rate": 0,
    "attention_dropout_rate": 0,
    "use_bfloat16": False,
    "per_device_batch_size": 8,
    "eval_per_device_batch_size": 8,
    "max_target_length": 64,
    "max_eval_target_length": 128,
    "max_predict_length": 32,
    "num_train_steps": 60,
    "warmup_steps": 20,
    "log_every_steps": 10,
    "eval_every_steps": 30,
    "num_eval_steps": 2,
    "checkpoint_every_steps": 60,
}


def article(number, paragraphs):
    body = "_NEWLINE_".join(paragraphs)
    return {
        "wikidata_id": f"Q{number}",
        "text": f"\n_START_ARTICLE_\n記事{number}\n_START_PARAGRAPH_\n{body}",
        "version_id": str(number),
    }


def texts():
    """Paragraphs of real novels where the machine has them, of our own village else."""
    corpora = os.environ.get("TRANSFORMER_LM_CORPORA")
    if corpora:
        with (Path(corpora) / "aozora" / "sample.jsonl").open() as file:
            return [json.loads(line)["text"].split("\n") for line in file]
    village = (ROOT / "tests" / "data" / "fishing_village.txt").read_text()
    return [part.split("\n") for part in village.split("\n\n")] * 40


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_prepared_tfds_folder_trains_the_shrunk_model(tmp_path):
    articles = [article(number, text) for number, text in enumerate(texts())]
    held_out = max(len(articles) // 10, 1)
    prepare_tfds.prepare(
        tmp_path / "tfds",
        "wiki40b",
        prepare_tfds.WIKI40B,
        {"train": articles[held_out:], "validation": articles[:held_out]},
        config="ja",
        version="1.3.0",
        num_shards=2,
    )
    result = subprocess.run(
        [
            sys.executable,
            str(ROOT / "main.py"),
            f"--workdir={tmp_path / 'run'}",
            f"--config={ROOT}/configs/japanese_0.1b_v1.py",
            f"--config.data_dir={tmp_path / 'tfds'}",
            *(f"--config.{key}={value}" for key, value in SHRUNK.items()),
        ],
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert result.returncode == 0, result.stderr
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    losses = [
        record["train_loss"]
        for record in map(json.loads, lines)
        if "train_loss" in record
    ]
    assert losses[-1] < losses[0] - 1
    assert "昔々あるところに" in result.stdout
    print(result.stdout)
