"""Readers of vocabularies, of other programs' models, and of what people type."""

import functools
import json
import tempfile
from pathlib import Path

import numpy as np
from etils import epath
from flax import serialization
from safetensors import numpy as safetensors

from tests.fuzz.target import Target
from transformer_lm.convert import CONVERSIONS
from transformer_lm.convert.hf_folder import FOLDERS, read_arrays, read_configs
from transformer_lm.convert.legacy import (
    legacy_parameters,
    legacy_sizes,
    legacy_vocab_size,
    read_legacy_checkpoint,
)
from transformer_lm.convert.vocabulary_files import VocabularyFile
from transformer_lm.corpora.text_documents import without_surrogates
from transformer_lm.registry import UserError
from transformer_lm.tokenizers.character import CharacterConfig
from transformer_lm.tokenizers.interface import Tokenizer
from transformer_lm.tokenizers.sentencepiece import SentencePieceConfig
from transformer_lm.tokenizers.vocabulary_files import SETTINGS_FILE
from transformer_lm.tokenizers.wordpiece import WordPieceConfig

VOCABULARY = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n猫\n##だ\nはい\n".encode()
TEXTS = ["猫だ。はい、ＡＢＣ 123。", "国破れて山河在り。", "The cat sat.", "がぎぐげご"]
PROMPTS = ("猫だ はい [MASK] ", "\x00\U0010ffff\r\n\u2028 𠮷👨‍👩‍👧 が")


@functools.cache
def sentencepiece_model() -> bytes:
    """A model of some characters."""
    options = "--hard_vocab_limit=false --normalization_rule_name=identity"
    config = SentencePieceConfig(vocab_size=300, spm_train_options=options)
    with tempfile.TemporaryDirectory() as folder:
        return config.train(iter(TEXTS * 5), folder).model_proto


def _exercise(tokenizer: Tokenizer) -> None:
    for prompt in PROMPTS:
        ids, starts = tokenizer.encode_words(prompt)
        assert len(ids) == len(starts)
        assert all(0 <= number < tokenizer.vocab_size for number in ids)
        tokenizer.decode(ids).encode(errors="replace")
        tokenizer.normalise(prompt)


def sentencepiece(content: bytes, folder: Path) -> None:
    """Loads a model and uses it."""
    (folder / "spiece.model").write_bytes(content)
    path = str(folder / "spiece.model")
    _exercise(SentencePieceConfig(vocab_path=path).load(""))


def vocabulary(content: bytes, folder: Path, *, kind: type) -> None:
    """Loads a vocab.txt and uses it."""
    (folder / "vocab.txt").write_bytes(content)
    path = str(folder / "vocab.txt")
    _exercise(kind(vocab_path=path, segmenter="whitespace").load(""))


def tokenizer_settings(content: bytes, folder: Path) -> None:
    """Loads a vocab.txt with settings beside it."""
    (folder / SETTINGS_FILE).write_bytes(content)
    vocabulary(VOCABULARY, folder, kind=WordPieceConfig)


@functools.cache
def stored_settings() -> bytes:
    """Settings that belong to the vocabulary."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "vocab.txt")
        path.write_bytes(VOCABULARY)
        config = WordPieceConfig(vocab_path=str(path), segmenter="whitespace")
        return config.load("").files[SETTINGS_FILE]


def pieces(content: bytes, folder: Path, *, kind: str) -> None:
    """Lists the pieces of a vocabulary."""
    (folder / kind).write_bytes(content)
    VocabularyFile(epath.Path(folder / kind), kind).pieces()


TOKENIZER_JSON = json.dumps(
    {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {"type": "NFKC"},
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"},
    }
).encode()


def legacy_checkpoint() -> bytes:
    """A legacy decoder of one block."""

    def array(*shape: int) -> np.ndarray:
        return np.zeros(shape, np.float32)

    norm = {"scale": array(4), "bias": array(4)}
    heads = {"kernel": array(4, 2, 2)}
    dense = {"kernel": array(4, 8), "bias": array(8)}
    block = {
        "LayerNorm_0": norm,
        "LayerNorm_1": norm,
        "SelfAttention_0": {"query": heads, "key": heads, "value": heads, "out": heads},
        "MlpBlock_0": {"Dense_0": dense, "Dense_1": dense},
    }
    decoder = {
        "Embed_0": {"embedding": array(10, 4)},
        "encoderdecoder_norm": norm,
        "encoderdecoderblock_0": block,
    }
    tree = {"step": 3, "params": {"decoder": decoder}, "opt_state": {"0": {}}}
    return serialization.msgpack_serialize(tree)


def legacy(content: bytes, folder: Path) -> None:
    """Reads a legacy checkpoint under our names."""
    (folder / "checkpoint_1").write_bytes(content)
    params = read_legacy_checkpoint(folder / "checkpoint_1")["params"]
    legacy_sizes(params)
    legacy_parameters(params, legacy_vocab_size(params))


def hf_configs(content: bytes, folder: Path) -> None:
    """Reads a config.json as that of each family."""
    complaints = []
    for family in CONVERSIONS:
        for name in FOLDERS.get(family, ("",)):
            (folder / name).mkdir(exist_ok=True)
            (folder / name / "config.json").write_bytes(content)
        try:
            CONVERSIONS[family].from_hf_configs(read_configs(str(folder), family))
        except UserError as error:
            complaints.append(error)
    if len(complaints) == len(CONVERSIONS):
        raise complaints[-1]


def hf_weights(content: bytes, folder: Path) -> None:
    """Reads the arrays of a folder."""
    (folder / "model.safetensors").write_bytes(content)
    read_arrays(epath.Path(folder))


def hf_index(content: bytes, folder: Path) -> None:
    """Reads arrays in parts, whose names an index gives."""
    (folder / "model-1.safetensors").write_bytes(WEIGHTS)
    (folder / "model.safetensors.index.json").write_bytes(content)
    read_arrays(epath.Path(folder))


@functools.cache
def _tokenizers() -> list[Tokenizer]:
    """One of each kind."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "vocab.txt").write_bytes(VOCABULARY)
        (Path(folder) / "sentencepiece_model").write_bytes(sentencepiece_model())
        return [
            SentencePieceConfig().load(folder),
            *(
                kind(segmenter=segmenter).load(folder)
                for kind in (WordPieceConfig, CharacterConfig)
                for segmenter in ("whitespace", "tinysegmenter", "mecab_ipadic")
            ),
        ]


def prompts(content: bytes, folder: Path) -> None:
    """Tokenises what a person types; a terminal hands on bytes that are no UTF-8."""
    text = content.decode(errors="surrogateescape")
    for tokenizer in _tokenizers():
        ids = tokenizer.encode(without_surrogates(text))
        tokenizer.decode(ids).encode()


WEIGHTS = safetensors.save(
    {"a": np.zeros((2, 3), np.float32), "b": np.ones(2, np.int8)}
)
INDEX = b'{"metadata": {}, "weight_map": {"a": "model-1.safetensors"}}'
BERT = (
    b'{"model_type": "bert", "hidden_size": 8, "num_hidden_layers": 1,'
    b' "num_attention_heads": 2, "intermediate_size": 16, "hidden_act": "gelu",'
    b' "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1,'
    b' "max_position_embeddings": 16, "type_vocab_size": 2, "vocab_size": 9,'
    b' "layer_norm_eps": 1e-12, "initializer_range": 0.02}'
)
ELECTRA = BERT.replace(b"bert", b"electra").replace(b"{", b'{"embedding_size": 8, ', 1)
GPT2 = (
    b'{"model_type": "gpt2", "n_layer": 1, "n_embd": 8, "n_head": 2, "n_inner": null,'
    b' "activation_function": "gelu_new", "resid_pdrop": 0.1, "attn_pdrop": 0.1,'
    b' "embd_pdrop": 0.1, "layer_norm_epsilon": 1e-5, "initializer_range": 0.02,'
    b' "n_positions": 16, "vocab_size": 9}'
)

TARGETS = (
    Target("sentencepiece", (sentencepiece_model(),), sentencepiece, "spiece.model"),
    Target(
        "vocabulary",
        (VOCABULARY,),
        functools.partial(vocabulary, kind=WordPieceConfig),
        "vocab.txt",
    ),
    Target(
        "character_vocabulary",
        (VOCABULARY,),
        functools.partial(vocabulary, kind=CharacterConfig),
        "vocab.txt",
    ),
    Target("tokenizer_settings", (stored_settings(),), tokenizer_settings),
    Target(
        "tokenizer_json",
        (TOKENIZER_JSON,),
        functools.partial(pieces, kind="tokenizer.json"),
        "tokenizer.json",
    ),
    Target("legacy_msgpack", (legacy_checkpoint(),), legacy),
    Target("hf_config", (BERT, ELECTRA, GPT2), hf_configs),
    Target("hf_weights", (WEIGHTS,), hf_weights, "model.safetensors"),
    Target("hf_index", (INDEX,), hf_index),
    Target("prompts", tuple(text.encode() for text in (*TEXTS, *PROMPTS)), prompts),
)
