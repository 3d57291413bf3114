"""Every family with every kind of tokenizer, exported, and what training says of it."""

from pathlib import Path

import numpy as np

from tests.tools.folders import TEXTS, make_run
from transformer_lm.config import defaults, resolve
from transformer_lm.config_files import load_config
from transformer_lm.sampling import generate
from transformer_lm.settings import Sampling
from transformer_lm.tools.check_lines import HARD_LINES
from transformer_lm.tools.export_hf import ExportOptions, export
from transformer_lm.tools.head_outputs import head_outputs, rows_of
from transformer_lm.tools.model_card import CardFacts
from transformer_lm.tools.self_check import AUTO_CLASSES
from transformer_lm.tools.trained_model import open_trained
from transformer_lm.train import loop

ROOT = Path(__file__).parents[2]
SPECIAL = "[PAD],[UNK],[CLS],[SEP],[MASK]"
FAMILIES = ("transformer_lm", "gpt2", "bert", "roberta", "albert", "electra")
WORDS = {"limit_alphabet": 200, "vocab_size": 400}
TOKENIZERS = {
    "unigram": {
        "tokenizer": "sentencepiece",
        "spm_train_options": "--hard_vocab_limit=false --byte_fallback=true",
    },
    "bpe": {
        "tokenizer": "sentencepiece",
        "spm_train_options": "--model_type=bpe --character_coverage=0.98",
        "vocab_size": 280,
    },
    "mecab": {"tokenizer": "wordpiece", "segmenter": "mecab_ipadic", **WORDS},
    "unidic_character": {
        "tokenizer": "character",
        "segmenter": "mecab_unidic_lite",
        **WORDS,
    },
    "tiny": {"tokenizer": "wordpiece", "segmenter": "tinysegmenter", **WORDS},
    "lower_mecab": {
        "tokenizer": "wordpiece",
        "segmenter": "mecab_ipadic",
        "lower_case": True,
        **WORDS,
    },
    "tiny_character": {
        "tokenizer": "character",
        "segmenter": "tinysegmenter",
        "normalization": "none",
        **WORDS,
    },
}
CASES = [
    f"{family}-{kind}"
    for family in FAMILIES
    for kind in TOKENIZERS
    # One decoder and one encoder do for what differs in one file alone.
    if kind not in ("bpe", "lower_mecab") or family in ("gpt2", "bert")
]
TRAINED = "transformer_lm-unigram"
"""The case whose parameters come from a training, not from a random generator."""

NEW_TOKENS = 12
PROMPTS = ["昨日、友だちと", "東京の学校", "A cat"]

LINES = [*HARD_LINES, *dict.fromkeys(TEXTS)]


def settings_of(family, kind, **more):
    """The family at toy size, as in configs/tiny.py, with a kind of tokenizer."""
    sizes = {"num_layers": 2, "emb_dim": 16, "num_heads": 2, "mlp_dim": 24}
    lengths = {"max_target_length": 64, "max_eval_target_length": 64}
    keys = {**sizes, **lengths, "vocab_size": 400, **TOKENIZERS[kind], **more}
    if family == "transformer_lm":
        keys["qkv_dim"] = 16
        keys["logits_via_embedding"] = kind == "tiny"
        keys["position_encoding"] = "learned" if kind == "mecab" else "sinusoidal"
        keys["scan_layers"] = kind == "tiny_character"
    is_decoder = family in ("transformer_lm", "gpt2")
    tiny = load_config(f"{ROOT}/configs/tiny.py:{family}")
    parts = ("model", "objective", "optimizer", "schedule")
    chosen = {part: tiny[part] for part in parts}
    config = defaults(tokenizer=keys.pop("tokenizer"), **chosen)
    with config.ignore_type():
        config.update({key: tiny[key] for key in tiny if key in keys_of(config, tiny)})
        config.update(keys)
        if "spm_train_options" not in config:
            names = "[PAD],[UNK],[BOS],[EOS]" if is_decoder else SPECIAL
            config.special_tokens = names
    return resolve(config)


def keys_of(config, tiny):
    """Keys that both have, but for the tokenizer's choice."""
    return ({*config} & {*tiny}) - {"tokenizer"}


def make_export(folder, name):
    """Exports a case; returns what its folder is asked, answers included."""
    family, kind = name.split("-")
    settings = settings_of(family, kind)
    run = folder / "runs" / name
    if name == TRAINED:
        settings = settings_of(family, kind, vocab_size=1500, num_train_steps=10)
        loop.run(settings, str(run))
    else:
        make_run(settings, run)
    options = ExportOptions(self_check="none")
    export(
        str(run), str(folder / "exports" / name), CardFacts(name, "ja", None), options
    )
    return questions(open_trained(str(run), dtype="float32"))


def questions(trained):
    tokenizer, generator = trained.tokenizer, np.random.default_rng(0)
    pad_id = trained.hf_model.token_ids["pad_token_id"]
    others = np.delete(np.arange(tokenizer.vocab_size), pad_id)
    first = tokenizer.bos_id if trained.is_decoder else tokenizer.cls_id
    texts = [[first, *generator.choice(others, size).tolist()] for size in (20, 9, 20)]
    rows = rows_of(texts, pad_id)
    outputs = head_outputs(trained, rows)
    inputs = {"input_ids": rows["tokens"], "attention_mask": rows["segments"]}
    if not trained.is_decoder:
        # The Flax ELECTRA of transformers takes 1 everywhere if nothing is said.
        inputs["token_type_ids"] = rows["token_types"]
    plain = [tokenizer.encode(line) for line in LINES]
    around = ([tokenizer.cls_id], [tokenizer.sep_id])
    if trained.is_decoder:
        around = ([tokenizer.bos_id], [])
    classes = AUTO_CLASSES[trained.family]
    asked = {
        "tokenizer": next(iter(classes)),
        "lines": LINES,
        "rows": {key: array.tolist() for key, array in inputs.items()},
        "models": dict(classes),
        "logits": {
            place: {key: array.tolist() for key, array in heads.items()}
            for place, heads in outputs.items()
        },
        "fill": next(iter(classes)),
        "prompts": PROMPTS if trained.is_decoder else [],
        "new_tokens": NEW_TOKENS,
    }
    expected = {
        "plain": plain,
        "special": [[*around[0], *ids, *around[1]] for ids in plain],
        "decoded": [tokenizer.decode(ids) for ids in plain],
    }
    if trained.is_decoder:
        expected["greedy"] = greedy(trained)
    return asked, expected


def greedy(trained):
    """Continuations of the prompts as generate_text.py finds them."""
    tokenizer = trained.tokenizer
    prompts = [tokenizer.encode(prompt) for prompt in PROMPTS]
    continued = []
    for prompt in prompts:
        sampling = Sampling(
            sampling_temperature=0.0, max_predict_length=len(prompt) + NEW_TOKENS
        )
        (ids,) = generate(
            trained.network,
            trained.parameters,
            [prompt],
            sampling,
            start_id=tokenizer.bos_id,
            eos_id=tokenizer.eos_id,
            seed=0,
        )
        continued.append(ids[len(prompt) :])
    return continued
