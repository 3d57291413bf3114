"""What the rest of the framework asks of a tokenizer."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    import tensorflow as tf

_Built = TypeVar("_Built", covariant=True)

GraphEncoder = Callable[
    ["tf.Tensor"], tuple["tf.RaggedTensor", "tf.RaggedTensor | None"]
]
"""Strings [texts] to int32 ids [texts, tokens], and for each whether it begins a word
(bool); None: each token is a word."""


class Tokenizer(Protocol):
    """Text ⇄ token ids. A special token that does not exist has id None.

    It can be pickled, so that it may be sent to other processes.
    """

    vocab_size: int
    bos_id: int | None
    eos_id: int | None
    unk_id: int | None
    pad_id: int | None
    cls_id: int | None
    sep_id: int | None
    mask_id: int | None
    special_ids: tuple[int, ...]
    """Tokens that stand for no text, such as marks and what is unknown."""

    @property
    def files(self) -> Mapping[str, bytes]:
        """Name and content of each file that the tokenizer is loaded from."""
        ...

    def normalise(self, text: str) -> str:
        """Returns the text that the ids of a text stand for."""
        ...

    def encode(self, text: str) -> list[int]:
        """Returns the ids of a text alone, without special tokens."""
        ...

    def encode_words(self, text: str) -> tuple[list[int], list[bool]]:
        """Returns `encode`'s ids, and for each whether it begins a word."""
        ...

    def encode_batch(
        self, texts: Sequence[str], *, processes: int = 1
    ) -> list[list[int]]:
        """Returns `encode` of each text.

        Args:
          texts: any.
          processes: cores to use.
        """
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Returns the text of ids; special tokens are skipped."""
        ...

    def graph_encoder(self) -> GraphEncoder:
        """Returns `encode_words` as graph operations."""
        ...


class TokenizerConfig(Protocol[_Built]):
    """Settings of a tokenizer, from which it is loaded or trained."""

    @property
    def vocab_path(self) -> str | None:
        """File that the user gave; None: that of the work folder."""
        ...

    @property
    def vocab_size(self) -> int:
        """Tokens, when a vocabulary is trained."""
        ...

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        ...

    def path(self, workdir: str) -> str:
        """Returns the tokenizer's file."""
        ...

    def load(self, workdir: str) -> _Built:
        """Returns the tokenizer in that file."""
        ...

    def train(self, texts: Iterable[str], workdir: str) -> _Built:
        """Trains a tokenizer, writes its file and returns it."""
        ...
