"""Folders that transformers has saved are read: whole, in parts, with and without heads."""

import shutil

import jax
import numpy as np
import pytest

from tests.hf import stock
from transformer_lm.convert import CONVERSIONS
from transformer_lm.convert.differences import config_differences
from transformer_lm.convert.hf_folder import UNTOLD, read_configs, read_parameters
from transformer_lm.convert.paths import flatten
from transformer_lm.convert.vocabulary_files import VocabularyFile, listed_pieces
from transformer_lm.registry import UserError

pytestmark = pytest.mark.hf

BODIES = {
    "gpt2": "transformer",
    "bert": "bert",
    "roberta": "roberta",
    "albert": "albert",
}


def read(folder, family, name, models):
    config = stock.our_config(family, name, models)
    there = CONVERSIONS[family].from_hf_configs(read_configs(str(folder), family))
    assert config_differences(config, there, unknown=UNTOLD) == []
    size = stock.vocab_size_of(models)
    return config, read_parameters(str(folder), family, config, vocab_size=size)


@pytest.mark.parametrize("parts", ["whole", "in parts"])
@pytest.mark.parametrize("family", list(stock.CASES))
def test_saved_models_give_their_logits(family, parts, tmp_path):
    name = next(iter(stock.CASES[family]))
    models = stock.torch_models(family, name)
    limit = {"max_shard_size": "20KB"} if parts == "in parts" else {}
    for folder, model in models.items():
        model.save_pretrained(tmp_path / folder, **limit)
    files = list(tmp_path.rglob("model*.safetensors"))
    assert (len(files) > len(models)) == (parts == "in parts")
    config, parameters = read(tmp_path, family, name, models)
    row, vocab_size = config.position_limit(0), stock.vocab_size_of(models)
    network = config.build(vocab_size, max_length=row, dtype="float32")
    rows = stock.batch(models, [row, row - 3, row], row)
    stock.assert_equal_outputs(
        stock.our_outputs(family, network, parameters, rows),
        stock.torch_outputs(family, models, rows),
        rows,
        vocab_size,
    )


@pytest.mark.parametrize("family", list(BODIES))
def test_saved_bodies_give_all_but_heads(family, tmp_path):
    """GPT2Model, BertModel, …: another name for each array, and no head."""
    name = next(iter(stock.CASES[family]))
    models = stock.torch_models(family, name)
    models[""].save_pretrained(tmp_path / "whole")
    body = getattr(models[""], BODIES[family])
    body.save_pretrained(tmp_path / "body")
    _, whole = read(tmp_path / "whole", family, name, models)
    _, found = read(tmp_path / "body", family, name, models)
    whole, found = flatten(whole), flatten(found)
    lacking = {path for path in whole if path.startswith(("token_head", "pair_head"))}
    assert whole.keys() - found.keys() == lacking
    jax.tree.map(
        np.testing.assert_array_equal,
        found,
        {path: array for path, array in whole.items() if path in found},
    )


def test_a_discriminator_alone_says_what_is_needed(tmp_path):
    models = stock.torch_models("electra", "same")
    models["discriminator"].save_pretrained(tmp_path / "discriminator")
    with pytest.raises(UserError, match=r"generator/config\.json does not exist"):
        read_configs(str(tmp_path), "electra")
    shutil.move(tmp_path / "discriminator", tmp_path / "alone")
    with pytest.raises(
        UserError, match=r"Needed: .*/generator/.* and .*/discriminator"
    ):
        read_configs(str(tmp_path / "alone"), "electra")


def test_a_saved_vocabulary_has_its_pieces_in_order(tmp_path):
    """Of a fast tokenizer, whose tokenizer.json has added tokens apart."""
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "日本", "##語", "の", "犬"]
    file = tmp_path / "vocab.txt"
    file.write_text("\n".join(pieces) + "\n", "utf-8")
    assert listed_pieces(file.read_bytes()) == pieces
    cls = stock.transformers().BertTokenizerFast
    cls(str(file)).save_pretrained(tmp_path / "saved")
    saved = VocabularyFile(tmp_path / "saved" / "tokenizer.json", "tokenizer.json")
    assert saved.pieces() == pieces
