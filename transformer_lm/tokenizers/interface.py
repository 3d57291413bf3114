"""What the rest of the framework asks of a tokenizer."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    import tensorflow as tf

_Built = TypeVar("_Built", covariant=True)


class Tokenizer(Protocol):
    """Text ⇄ token ids. A special token that does not exist has id None."""

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

    def encode(self, text: str) -> list[int]:
        """Returns the ids of a text alone, without special tokens."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Returns the text of ids; special tokens are skipped."""
        ...

    def graph_encoder(self) -> Callable[["tf.Tensor"], "tf.RaggedTensor"]:
        """Returns `encode` as graph operations: strings [texts] to int32 ids."""
        ...


class TokenizerConfig(Protocol[_Built]):
    """Settings of a tokenizer, from which it is loaded or trained."""

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
