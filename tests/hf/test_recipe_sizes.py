"""Each recipe's network is as large as the stock class with its exported config.json."""

import math
from pathlib import Path

import jax
import pytest
from flax import linen as nn

from tests.hf import stock
from transformer_lm.config_files import settings_from
from transformer_lm.convert import CONVERSIONS

pytestmark = pytest.mark.hf

ROOT = Path(__file__).parents[2]
PAD = 3
RECIPES = sorted((ROOT / "configs").glob("*_ja_*.py"))


def count(tree):
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(tree))


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_a_recipe_is_as_large_as_the_stock_class(file):
    import torch

    settings = settings_from(str(file), [f"--config.data_path={file}"])
    family, vocab_size = dict(settings.choices)["model"], settings.tokenizer.vocab_size
    model = settings.build_model(vocab_size)
    row = jax.ShapeDtypeStruct((1, settings.max_length), "int32")
    inputs = [row for _ in settings.model.inputs]
    ours = nn.unbox(jax.eval_shape(model.init, jax.random.key(0), *inputs))["params"]
    values = CONVERSIONS[family].hf_configs(
        settings.model, vocab_size, settings.max_length, {"pad_token_id": PAD}
    )
    theirs = 0
    for folder, name in stock.TORCH_CLASSES[family].items():
        cls = getattr(stock.transformers(), name)
        with torch.device("meta"):
            network = cls(cls.config_class(**values[folder]))
        theirs += sum(parameter.numel() for parameter in network.parameters())
    # ELECTRA's two folders both hold the embeddings that its networks share.
    shared = count(ours["embeddings"]) if family == "electra" else 0
    # There RoBERTa counts positions from the pad id + 1.
    unused = (PAD + 1) * settings.model.emb_dim if family == "roberta" else 0
    assert count(ours) + shared + unused == theirs
