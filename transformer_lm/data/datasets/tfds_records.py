"""Records of a prepared TFDS data set, readable from any place on."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from transformer_lm.data.datasets.interface import Share
from transformer_lm.data.datasets.tfds_folder import open_builder
from transformer_lm.data.graph import PythonCalls, import_tensorflow
from transformer_lm.data.splits import tfds_problems
from transformer_lm.registry import UserError

if TYPE_CHECKING:
    import tensorflow as tf


class TfdsRecords:
    """An even, contiguous part of a split, in the order of its files."""

    def __init__(
        self,
        builder: Any,  # Any: tfds.core.DatasetBuilder.
        share: Share,
        preprocess: Callable[["tf.Tensor"], "tf.Tensor"],
    ) -> None:
        """Looks the split up.

        Args:
          builder: TFDS builder of a prepared data set.
          share: which split, and which part of it.
          preprocess: from records' texts to training texts.

        Raises:
          UserError: if the data set has no such split, or no text.
        """
        import tensorflow_datasets as tfds

        self.preprocess = preprocess
        self._builder = builder
        features = dict(builder.info.features.items())
        kind = import_tensorflow().string
        if "text" not in features or features["text"].tf_dtype != kind:
            raise UserError(
                f"{share.dataset_name} in {builder.data_path} has no string feature"
                f" 'text' (it has {', '.join(features)}); choose a data set that has one"
            )
        try:
            wanted = tfds.core.ReadInstruction.from_spec(share.split)
            ranges = wanted.to_absolute(builder.info.splits)
        except (ValueError, KeyError, AssertionError) as error:
            raise UserError(
                f"{share.dataset_name} in {builder.data_path} has no split"
                f" {share.split!r} (it has {', '.join(builder.info.splits)});"
                f" set train_split or eval_split ({_first_line(error)})"
            ) from error
        sizes = {name: info.num_examples for name, info in builder.info.splits.items()}
        self._ranges = [
            (
                part.splitname,
                part.from_ or 0,
                sizes[part.splitname] if part.to is None else part.to,
            )
            for part in ranges
        ]
        total = sum(end - first for _, first, end in self._ranges)
        self._first = total * share.process_index // share.process_count
        self._end = total * (share.process_index + 1) // share.process_count

    def dataset(self, start: int) -> "tf.data.Dataset":
        """Returns the records from number `start` on; see `Records`."""
        import tensorflow_datasets as tfds

        tf = import_tensorflow()
        parts = cut_ranges(self._ranges, self._first + start, self._end)
        dataset = tf.data.Dataset.from_tensor_slices(tf.constant([], tf.string))
        if parts:
            instructions = [
                tfds.core.ReadInstruction(name, from_=first, to=end, unit="abs")
                for name, first, end in parts
            ]
            examples = self._builder.as_dataset(
                split=sum(instructions[1:], instructions[0]),
                shuffle_files=False,
                read_config=tfds.ReadConfig(
                    interleave_cycle_length=1, try_autocache=False
                ),
                decoders=tfds.decode.PartialDecoding({"text": True}),
            )
            dataset = examples.map(lambda example: example["text"])

        def record(index: "tf.Tensor", text: "tf.Tensor") -> dict[str, "tf.Tensor"]:
            whole = tf.constant(True)
            return {
                "text": text,
                "starts_document": whole,
                "ends_document": whole,
                "index": index,
            }

        return dataset.enumerate(start).map(record)

    def resume_mark(self, start: int) -> list[int]:
        """Returns nothing: TFDS knows the place of every record."""
        del start
        return []

    def use_resume_mark(self, mark: list[int]) -> None:
        """Needs nothing."""

    def digest(self) -> str:
        """Returns the data set's version and size."""
        return f"{self._builder.info.full_name} {self._ranges}"

    def report(self) -> dict[str, int | list[str]]:
        """Returns nothing: TFDS has checked the records."""
        return {}


class TfdsDataset:
    """A TFDS data set with a feature `text`; subclasses name it and may preprocess."""

    tfds_name: str
    aliases: tuple[str, ...] = ()
    default_splits = ("train", "validation")
    reads: Literal["data_dir"] = "data_dir"

    def split_problems(self, key: str, split: str) -> list[str]:
        """Lists what is wrong with a split, a line each."""
        return tfds_problems(key, split)

    def preprocess(self, texts: "tf.Tensor") -> "tf.Tensor":
        """Turns records' texts into the training texts; here, drops empty ones."""
        tf = import_tensorflow()
        return tf.boolean_mask(texts, tf.strings.length(tf.strings.strip(texts)) > 0)

    def open(self, share: Share, calls: PythonCalls) -> TfdsRecords:
        """Opens the prepared data set.

        Raises:
          UserError: if it is not prepared, or lacks the split.
        """
        del calls
        builder = open_builder(self.tfds_name, self.aliases, share.data_dir)
        return TfdsRecords(builder, share, self.preprocess)


def cut_ranges(
    ranges: list[tuple[str, int, int]], first: int, end: int
) -> list[tuple[str, int, int]]:
    """Cuts elements `first` to `end` out of ranges laid end to end.

    >>> cut_ranges([("train", 0, 10), ("test", 5, 10)], 8, 12)
    [('train', 8, 10), ('test', 5, 7)]
    """
    parts = []
    before = 0
    for name, low, high in ranges:
        from_, to = max(first - before, 0) + low, min(end - before + low, high)
        if from_ < to:
            parts.append((name, from_, to))
        before += high - low
    return parts


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
