"""What contestants compute: a network, its rows, and random tokens for it."""

from dataclasses import dataclass, replace

import numpy as np

RESERVED = 5
"""Lowest ids, kept for special tokens; number 4 is [MASK]."""
MASK_ID = 4
MASKED_SHARE = 0.15
DISTINCT_BATCHES = 4


@dataclass(frozen=True)
class Case:
    """One network on one kind of batch."""

    family: str
    """gpt2, bert or electra."""
    vocab_size: int
    length: int
    rows: int
    num_layers: int
    emb_dim: int
    num_heads: int
    mlp_dim: int
    dtype: str
    """Of the computation; parameters are float32."""
    dropout: float = 0.1
    """Of embeddings, residual branches and attention weights."""
    packed: bool = False
    """Rows hold several documents, which must not see each other."""
    embedding_size: int | None = None
    """Of ELECTRA's tables."""
    generator_share: float = 0.25
    """Width of ELECTRA's generator over that of its discriminator."""

    @property
    def name(self) -> str:
        """A short description."""
        documents = " packed" if self.packed else ""
        return (
            f"{self.family} {self.num_layers}x{self.emb_dim}"
            f" {self.rows}x{self.length}{documents} vocabulary {self.vocab_size}"
            f" {self.dtype} dropout {self.dropout}"
        )

    @property
    def predictions(self) -> int:
        """Hidden tokens in a row of an encoder."""
        return round(MASKED_SHARE * self.length)


_SMALL = Case(
    family="gpt2",
    vocab_size=8_000,
    length=256,
    rows=8,
    num_layers=4,
    emb_dim=256,
    num_heads=4,
    mlp_dim=1024,
    dtype="float32",
)
_BASE = Case(
    family="gpt2",
    vocab_size=50_257,
    length=1024,
    rows=32,
    num_layers=12,
    emb_dim=768,
    num_heads=12,
    mlp_dim=3072,
    dtype="bfloat16",
    dropout=0.0,
)

PRESETS: dict[str, tuple[Case, ...]] = {
    "cpu": tuple(
        replace(_SMALL, family=family, vocab_size=vocab_size)
        for family in ("gpt2", "bert")
        for vocab_size in (8_000, 32_000)
    ),
    "gpu": (
        _BASE,
        replace(_BASE, packed=True),
        replace(_BASE, family="bert", vocab_size=32_768, length=512, dropout=0.1),
        replace(
            _BASE,
            family="electra",
            vocab_size=32_768,
            length=128,
            rows=256,
            emb_dim=256,
            num_heads=4,
            mlp_dim=1024,
            embedding_size=128,
            dropout=0.1,
        ),
    ),
}
"""Small networks for two cores; GPT-2 small, BERT base and ELECTRA small for a GPU."""


def random_batches(case: Case) -> list[dict[str, np.ndarray]]:
    """Returns batches of full rows: arrays as the training loop gets them, and labels.

    `labels` are what torch and Flax peers predict: the next token, or the hidden token,
    or -100 where nothing is predicted. `masked_tokens` hide what an encoder predicts.
    """
    generator = np.random.default_rng(0)
    return [_random_batch(case, generator) for _ in range(DISTINCT_BATCHES)]


def _random_batch(case: Case, generator: np.random.Generator) -> dict[str, np.ndarray]:
    shape = (case.rows, case.length)
    ids = generator.integers(RESERVED, case.vocab_size, (case.rows, case.length + 1))
    tokens = ids[:, :-1].astype(np.int32)
    starts = np.zeros(shape, bool)
    if case.packed:
        starts = generator.random(shape) < 4 / case.length  # About five documents.
    starts[:, 0] = True
    segments = np.cumsum(starts, axis=1).astype(np.int32)
    place = np.broadcast_to(np.arange(case.length), shape)
    begins = np.maximum.accumulate(np.where(starts, place, 0), axis=1)
    batch = {
        "tokens": tokens,
        "segments": segments,
        "positions": (place - begins).astype(np.int32),
    }
    if case.family == "gpt2":
        batch["targets"] = ids[:, 1:].astype(np.int32)
        batch["weights"] = np.ones(shape, np.float32)
        labels = np.where(starts, -100, tokens)
        return batch | {"labels": labels.astype(np.int64)}
    order = np.argsort(generator.random(shape), axis=1)
    hidden = order < case.predictions
    return batch | {
        "labels": np.where(hidden, tokens, -100).astype(np.int64),
        "masked_tokens": np.where(hidden, MASK_ID, tokens).astype(np.int32),
    }
