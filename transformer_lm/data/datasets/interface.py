"""What the pipeline asks of a data set."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from transformer_lm.data.graph import PythonCalls

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class Share:
    """What one host reads: a split of a data set, or an even part of it."""

    dataset_name: str
    """As the config names it."""
    split: str
    """Split or sub-split."""
    data_dir: str | None
    """Folder of prepared TFDS data sets."""
    data_path: str | None
    """Files or globs, separated by commas."""
    invalid_utf8: Literal["replace", "skip"]
    """What becomes of bytes that are no UTF-8."""
    record_characters: int
    """Longer documents are cut into several records."""
    process_index: int = 0
    """Which part, from 0."""
    process_count: int = 1
    """Number of parts."""


class Records(Protocol):
    """The records of a share, in a fixed order, readable from any place on."""

    def dataset(self, start: int) -> "tf.data.Dataset":
        """Returns the records from number `start` on, each a dict of scalars.

        `text` (string), `starts_document` and `ends_document` (bool), and `index`
        (int64): the record's number, which rises but may leave numbers out.
        """
        ...

    def preprocess(self, texts: "tf.Tensor") -> "tf.Tensor":
        """Turns records' texts into the training texts: as many, more or fewer."""
        ...

    def resume_mark(self, start: int) -> list[int]:
        """Returns numbers to save with a run, which make reading from there fast."""
        ...

    def use_resume_mark(self, mark: list[int]) -> None:
        """Takes saved numbers over."""
        ...

    def digest(self) -> str:
        """Returns a short text that changes when the data behind the records does."""
        ...

    def report(self) -> dict[str, int | list[str]]:
        """Returns counts of what could not be read as it stands."""
        ...


class DatasetEntry(Protocol):
    """A data set that a config can name."""

    default_splits: tuple[str, str]
    """For training and for held-out text."""
    reads: Literal["data_dir", "data_path"] | None
    """The config key that says where the text lies; None: it needs none."""

    def split_problems(self, key: str, split: str) -> list[str]:
        """Lists what is wrong with `split`, set as config key `key`, a line each."""
        ...

    def open(self, share: Share, calls: PythonCalls) -> Records:
        """Opens a share of the data set.

        Raises:
          UserError: if it is not where it should be, or not what it should be.
        """
        ...
