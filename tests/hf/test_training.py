"""Fifty updates of ours and of torch with stock classes have the same losses."""

import jax
import numpy as np
import pytest

from tests.hf import stock
from transformer_lm.config import defaults, resolve
from transformer_lm.convert import CONVERSIONS
from transformer_lm.convert.param_map import to_theirs
from transformer_lm.objectives.sentence_pairs import BoundSentencePairs
from transformer_lm.objectives.vocabulary import Vocabulary
from transformer_lm.parallel import to_global
from transformer_lm.train.program import build_program

pytestmark = pytest.mark.hf

STEPS, WARMUP, RATE, DECAY = 50, 10, 5e-3, 0.1
BETAS, EPSILON, CLIP = (0.9, 0.95), 1e-6, 1.0
ROWS, LENGTH = 8, 24
CLS, SEP, MASK = 1, 2, 3
VOCABULARY = Vocabulary(101, MASK, (0, CLS, SEP))
OBJECTIVES = {"gpt2": "causal_lm", "bert": "sentence_pairs"}


def make_settings(family):
    config = defaults(
        model=family,
        objective=OBJECTIVES[family],
        tokenizer="sentencepiece",
        optimizer="adamw",
        schedule="linear",
    )
    config.update(
        num_layers=2,
        emb_dim=32,
        num_heads=4,
        mlp_dim=48,
        dropout_rate=0.0,
        attention_dropout_rate=0.0,
        batch_size=ROWS,
        # Means over all micro-batches are those over the whole batch.
        grad_accumulation_steps=2,
        max_target_length=LENGTH,
        max_eval_target_length=LENGTH,
        num_train_steps=STEPS,
        warmup_steps=WARMUP,
        learning_rate=RATE,
        weight_decay=DECAY,
        beta1=BETAS[0],
        beta2=BETAS[1],
        epsilon=EPSILON,
        clip_norm=CLIP,
    )
    if family == "gpt2":
        config.embedding_dropout_rate = 0.0
    return resolve(config)


def text(draw, sizes):
    """Rows of `sizes` tokens, in which each token follows from the one before."""
    ids = draw.integers(4, VOCABULARY.size, (ROWS, 1)) + 7 * np.arange(LENGTH + 1)
    ids = 4 + ids % (VOCABULARY.size - 4)
    real = np.arange(LENGTH) < sizes[:, None]
    return ids, real.astype(np.int32)


def decoder_batch(draw):
    ids, real = text(draw, draw.integers(3, LENGTH + 1, ROWS))
    return {
        "tokens": ids[:, :-1] * real,
        "targets": ids[:, 1:] * real,
        "segments": real,
        "positions": np.arange(LENGTH) * real,
        "weights": real.astype(np.float32),
        "characters": np.ones(ROWS, np.float32),
    }


def pair_batch(draw):
    sizes = draw.integers(12, LENGTH + 1, ROWS)
    ids, real = text(draw, sizes)
    places, middle = np.arange(LENGTH), sizes[:, None] // 2
    tokens = np.where((places == middle) | (places == sizes[:, None] - 1), SEP, 0)
    tokens = np.where(tokens == 0, ids[:, :-1], tokens)
    tokens[:, 0] = CLS
    return {
        "tokens": tokens * real,
        "segments": real,
        "positions": places * real,
        "token_types": (places > middle) * real,
        "word_starts": real,
        # Mostly 1: a network that took 0 for 1 would not have the same losses.
        "pair_labels": (draw.random(ROWS) < 0.8).astype(np.int32),
    }


def make_batches(family, settings):
    """Four batches; masks are drawn by our objective, here and not in the step."""
    draw = np.random.default_rng(0)
    if family == "gpt2":
        return [decoder_batch(draw) for _ in range(4)]
    prepare = jax.jit(settings.objective.bind(VOCABULARY).prepare)
    drawn = [prepare(pair_batch(draw), jax.random.key(number)) for number in range(4)]
    return jax.device_get(drawn)


def our_losses(settings, batches, program):
    state, losses = program.fresh_state(seed=3), []
    for step in range(STEPS):
        batch = to_global(batches[step % len(batches)], program.mesh, 2)
        state, metrics = program.train_step(state, batch)
        sums = jax.device_get(metrics["sums"])
        terms = settings.objective.bind(VOCABULARY).terms()
        losses.append(sum(sums[name][0] / sums[name][1] for name in terms))
    return losses


def torch_model(family, settings, parameters):
    """The stock class with our fresh parameters."""
    import torch

    conversion = CONVERSIONS[family]
    values = conversion.hf_configs(settings.model, VOCABULARY.size, LENGTH, {})[""]
    cls = getattr(stock.transformers(), stock.TORCH_CLASSES[family][""])
    model = cls(cls.config_class(**values))
    maps = conversion.param_maps(settings.model, VOCABULARY.size, {})
    state = to_theirs(maps, parameters, with_tied=True)[""]
    model.load_state_dict({name: torch.tensor(array) for name, array in state.items()})
    return model


def torch_loss(family, model, batch):
    import torch

    given = {name: torch.tensor(array).long() for name, array in batch.items()}
    if family == "gpt2":
        logits = model(given["tokens"], attention_mask=given["segments"]).logits
        targets = given["targets"].masked_fill(given["weights"] == 0, -100)
        return torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), targets.flatten()
        )
    labels = torch.full_like(given["tokens"], -100)
    hidden = torch.nonzero(given["masked_weights"], as_tuple=True)
    labels[hidden[0], given["masked_positions"][hidden]] = given["masked_targets"][
        hidden
    ]
    return model(
        given["masked_tokens"],
        attention_mask=given["segments"],
        token_type_ids=given["token_types"],
        labels=labels,
        next_sentence_label=given["pair_labels"],
    ).loss


def torch_losses(family, model, batches):
    import torch

    norms = [m for m in model.modules() if isinstance(m, torch.nn.LayerNorm)]
    plain = {id(p) for norm in norms for p in norm.parameters()}
    plain |= {id(p) for name, p in model.named_parameters() if name.endswith("bias")}
    groups = [
        {"params": [p for p in model.parameters() if id(p) not in plain]},
        {
            "params": [p for p in model.parameters() if id(p) in plain],
            "weight_decay": 0.0,
        },
    ]
    optimizer = torch.optim.AdamW(
        groups, lr=RATE, betas=BETAS, eps=EPSILON, weight_decay=DECAY
    )
    schedule = stock.transformers().get_linear_schedule_with_warmup(
        optimizer, WARMUP, STEPS
    )
    losses = []
    for step in range(STEPS):
        loss = torch_loss(family, model, batches[step % len(batches)])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("family", OBJECTIVES)
def test_fifty_updates_have_the_losses_of_torch(family, monkeypatch):
    settings = make_settings(family)
    batches = make_batches(family, settings)
    if family == "bert":
        # The batches have their masks, so that torch gets the same ones.
        monkeypatch.setattr(
            BoundSentencePairs, "prepare", lambda self, batch, rng: batch
        )
    program = build_program(settings, VOCABULARY, jax.devices()[:1])
    parameters = jax.device_get(program.fresh_state(seed=3).parameters)
    ours = our_losses(settings, batches, program)
    model = torch_model(family, settings, parameters)
    theirs = torch_losses(family, model, batches)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)
    assert ours[-1] < 0.7 * ours[0]
