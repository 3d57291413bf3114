"""A scratch folder in which a page's commands find what the page takes for granted."""

import bz2
import gzip
import json
import lzma
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from flax import serialization

from transformer_lm.corpora.everyday import generate
from transformer_lm.tokenizers.sentencepiece import SentencePieceTokenizer

ROOT = Path(__file__).parents[2]
SMALL = Path(__file__).with_name("small.py")
PARTS = (
    *("main.py", "generate_text.py", "configs", "benchmarks", "docs", "Makefile"),
    *("requirements.txt", "pyproject.toml"),
)
"""What a clone has and commands name."""
PROGRAMS = {
    "python": f'exec {sys.executable} {SMALL} "$@"\n',
    # tests/test_wheel.py installs them; they are these programs.
    "transformer-lm-train": 'exec python main.py "$@"\n',
    "transformer-lm-generate": 'exec python generate_text.py "$@"\n',
}
DOCUMENTS = 1200
OF_THE_TESTS = ("PYTEST", "PYTHON", "MAKE", "MFLAGS", "VENV")
"""How the variables begin of `make test` and pytest, which a user does not have."""
MADE = {
    "runs/quickstart": """
        python main.py --config=configs/quickstart.py --workdir=runs/quickstart
    """,
    "runs/mine": """
        python main.py --config=configs/quickstart.py --workdir=runs/mine \
            --config.dataset_name=text_files --config.data_path='my/*.txt'
    """,
    "runs/bert": """
        python main.py --config=configs/bert_ja_small.py --workdir=runs/bert \
            --config.data_path='my/*.txt'
    """,
    "runs/bert-base": """
        python main.py --config=configs/bert_ja_base.py --workdir=runs/bert-base \
            --config.data_path='my/*.txt'
    """,
    "runs/japanese_0.1b_v1": """
        python main.py --config=configs/japanese_0.1b_v1.py \
            --workdir=runs/japanese_0.1b_v1 \
            --config.dataset_name=text_files --config.data_path='my/*.txt' \
            --config.eval_split=train --config.eval_data_path='text/*.txt'
    """,
    "corpora/jawiki": """
        python -m transformer_lm.tools.build_corpus --output=corpora/jawiki \
            --rules=wikipedia --split=80,10,10 --inputs 'wiki/*.json.bz2'
    """,
    "OLD": """
        python -m transformer_lm.tools.train_tokenizer --kind=sentencepiece \
            --input 'my/*.txt' --output=OLD
    """,
    "models/bert-base": """
        python -m transformer_lm.tools.export_hf --workdir=runs/bert-base \
            --output=models/bert-base
    """,
}
"""How each thing is made that a page takes for granted, from what stands before it."""


def run(script: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Types a script in a folder that `begin` has made; a program it lacks ends it."""
    return subprocess.run(
        ["/bin/bash", "-e", "-o", "pipefail", "-c", script],
        cwd=folder,
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith(OF_THE_TESTS)},
            "PATH": str(folder / "bin"),
            "PYTHONPATH": str(ROOT),
            "JAX_PLATFORMS": "cpu",
            # Much is compiled and little computed.
            "JAX_DISABLE_MOST_OPTIMIZATIONS": "true",
            "HF_HUB_OFFLINE": "1",
            "WANDB_MODE": "offline",
        },
        input="昨日、\n",
        capture_output=True,
        text=True,
        timeout=1200,
    )


def begin(folder: Path) -> None:
    """Makes a clone whose python is small.py, beside text of all kinds."""
    for name in PARTS:
        (folder / name).symlink_to(ROOT / name)
    for place in (folder / "bin", folder / ".venv" / "bin"):
        place.mkdir(parents=True)
        for name, line in PROGRAMS.items():
            (place / name).write_text("#!/bin/sh\n" + line)
            (place / name).chmod(0o755)
        (place / "python3").symlink_to("python")
    # The environment is there: make has nothing to install.
    (folder / ".venv" / ".ready").touch()
    (folder / "bin" / "make").symlink_to(str(shutil.which("make")))
    _write_texts(folder)


def _write_texts(folder: Path) -> None:
    """Files of the kinds that pages name."""
    for name in ("my", "text", "aozora", "wiki", "cc100"):
        (folder / name).mkdir()
    village = (ROOT / "tests" / "data" / "fishing_village.txt").read_text()
    beginnings = village.split("\n\n")
    texts = [
        f"{beginnings[number % len(beginnings)]}\n{generate(number, 'train').text}"
        for number in range(DOCUMENTS)
    ]
    plain = "\n\n".join(texts)
    (folder / "my" / "text.txt").write_text(plain)
    (folder / "text" / "text.txt").write_text(plain)
    (folder / "cc100" / "ja.txt.xz").write_bytes(lzma.compress(plain.encode()))

    records = [json.dumps({"id": n, "text": text}) for n, text in enumerate(texts)]
    splits = {"test": records[:100], "validation": records[100:200]}
    for split, part in {"train": records[200:], **splits}.items():
        content = gzip.compress("\n".join(part).encode())
        for name in ("aozora", "wiki", "cc100"):
            (folder / name / f"{split}-00000-of-00001.jsonl.gz").write_bytes(content)

    dump = ""
    for number, text in enumerate(texts):
        page = {"namespace": 0, "title": f"題{number}", "text": text}
        dump += json.dumps({"index": {"_id": str(number)}}) + "\n"
        dump += json.dumps(page) + "\n"
    file = folder / "wiki" / "jawiki_content-20260101-00000.json.bz2"
    file.write_bytes(bz2.compress(dump.encode()))


def make(name: str, folder: Path) -> None:
    """Makes something of MADE.

    Raises:
      AssertionError: if its command fails.
    """
    done = run(MADE[name].replace("\n", " "), folder)
    assert done.returncode == 0, f"{name}\n{done.stdout}\n{done.stderr}"
    if name == "OLD":
        write_legacy_checkpoint(folder / name)


def write_legacy_checkpoint(folder: Path) -> None:
    """A checkpoint_N of transformer-lm-japanese: one block, for a folder's vocabulary."""
    file = folder / "sentencepiece_model"
    size = SentencePieceTokenizer(file.read_bytes(), str(file)).vocab_size
    random = np.random.default_rng(0)

    def array(*shape: int) -> np.ndarray:
        return random.standard_normal(shape).astype(np.float32)

    def norm() -> dict[str, np.ndarray]:
        return {"scale": array(4), "bias": array(4)}

    def network() -> dict[str, object]:
        heads = {name: {"kernel": array(4, 2, 2)} for name in ("query", "key", "value")}
        block = {
            "LayerNorm_0": norm(),
            "LayerNorm_1": norm(),
            "SelfAttention_0": {**heads, "out": {"kernel": array(2, 2, 4)}},
            "MlpBlock_0": {
                "Dense_0": {"kernel": array(4, 8), "bias": array(8)},
                "Dense_1": {"kernel": array(8, 4), "bias": array(4)},
            },
        }
        table = {"embedding": array(size, 4)}
        return {
            "decoder": {
                "Embed_0": table,
                "encoderdecoder_norm": norm(),
                "encoderdecoderblock_0": block,
            }
        }

    moments = {"count": 3, "mu": network(), "nu": network()}
    tree = {"step": 3, "params": network(), "opt_state": {"0": moments}}
    (folder / "checkpoint_3").write_bytes(serialization.msgpack_serialize(tree))
