"""Which text is trained on and which is held out, as a config says it."""

import dataclasses
from dataclasses import dataclass
from typing import Literal

from transformer_lm.data import find_dataset
from transformer_lm.data.splits import PercentSplit
from transformer_lm.registry import UnknownNameError

PREPARED = "prepared"
"""Name of the data set that holds token ids instead of text."""


@dataclass(frozen=True)
class Selection:
    """One split of one data set, with everything that a `Source` says about it."""

    dataset_name: str
    split: str
    data_dir: str | None
    data_path: str | None
    invalid_utf8: Literal["replace", "skip"]


@dataclass(frozen=True)
class Source:
    """The text of a run."""

    dataset_name: str = "quickstart"
    """Data set to train on; generic_tfds:<name> takes any TFDS name."""
    eval_dataset_name: str | None = None
    """Data set that is held out; unset: that of dataset_name."""
    train_split: str | None = None
    """Split or sub-split such as train[:98%]; unset: the data set's own choice."""
    eval_split: str | None = None
    """Held-out split or sub-split; unset: the data set's own choice."""
    data_dir: str | None = None
    """Folder of prepared TFDS data sets; unset: TFDS_DATA_DIR, or TFDS's own."""
    data_path: str | None = None
    """Files or globs, separated by commas, for text_files and cc100/ja; folders for
    prepared.
    """
    data_weights: str | None = None
    """Shares of rows from each folder of prepared, such as 1,5; unset: all alike."""
    eval_data_path: str | None = None
    """Held-out files or globs; unset: a share of data_path is held out."""
    shuffle_buffer_size: int = 1024
    """Records that are shuffled together in training; 1: keep the order."""
    invalid_utf8: Literal["replace", "skip"] = "replace"
    """Bytes that are no UTF-8 become U+FFFD, or their lines are skipped."""

    @property
    def held_out_dataset_name(self) -> str:
        """Name of the data set that is held out."""
        return self.eval_dataset_name or self.dataset_name

    def training(self) -> Selection:
        """Returns what is trained on."""
        entry = find_dataset(self.dataset_name)
        default = "train" if self.eval_data_path else entry.default_splits[0]
        split = self.train_split or default
        return self._selection(self.dataset_name, split, self.data_path)

    def evaluation(self) -> Selection:
        """Returns what is held out."""
        entry = find_dataset(self.held_out_dataset_name)
        default = entry.default_splits[1]
        if self.eval_data_path and self.held_out_dataset_name != PREPARED:
            default = "train"
        return self._selection(
            self.held_out_dataset_name,
            self.eval_split or default,
            self.eval_data_path or self.data_path,
        )

    def _selection(self, name: str, split: str, path: str | None) -> Selection:
        return Selection(name, split, self.data_dir, path, self.invalid_utf8)

    @property
    def order_is_global(self) -> bool:
        """Whether the order of the data is the same for any number of hosts."""
        return self.dataset_name == PREPARED

    def weights(self) -> list[float]:
        """Returns the shares of the folders; none where they are not set."""
        return [float(part) for part in (self.data_weights or "").split(",") if part]

    def problems(self) -> list[str]:
        """Lists what cannot work, a line each."""
        problems = []
        if self.shuffle_buffer_size < 1:
            problems.append(
                f"shuffle_buffer_size={self.shuffle_buffer_size} must be at least 1"
            )
        if self.invalid_utf8 not in ("replace", "skip"):
            problems.append(
                f"invalid_utf8={self.invalid_utf8!r} must be 'replace' or 'skip'"
            )
        try:
            reads = {
                find_dataset(self.dataset_name).reads,
                find_dataset(self.held_out_dataset_name).reads,
            }
        except UnknownNameError as error:
            return [*problems, str(error)]
        if self.eval_data_path and self._held_out_reads != "data_path":
            problems.append(
                f"eval_data_path={self.eval_data_path!r} is not read by"
                f" {self.held_out_dataset_name!r}; set eval_dataset_name=text_files"
            )
            return problems
        for key in ("data_path", "data_dir"):
            if getattr(self, key) is not None and key not in reads:
                problems.append(
                    f"{key}={getattr(self, key)!r} is not read by"
                    f" dataset_name={self.dataset_name!r}"
                    + ("; set dataset_name=text_files" if key == "data_path" else "")
                )
        problems += self._path_problems() + self._split_problems()
        return problems + self._prepared_problems()

    def _prepared_problems(self) -> list[str]:
        """Keys that prepared data does not read, and weights that cannot be."""
        if self.dataset_name != PREPARED:
            if self.data_weights is None:
                return []
            return [f"data_weights={self.data_weights!r} needs dataset_name=prepared"]
        problems = [
            f"{key}={getattr(self, key)!r} has no effect on prepared data, {why}; leave"
            f" it at {default!r}"
            for key, default, why in (
                ("shuffle_buffer_size", 1024, "which is shuffled as a whole"),
                ("invalid_utf8", "replace", "whose text was read before"),
            )
            if getattr(self, key) != default
        ]
        count = len(folders_of(self.data_path))
        try:
            weights = self.weights()
        except ValueError:
            weights = [0.0]
        if weights and (len(weights) != count or not all(w > 0 for w in weights)):
            problems.append(
                f"data_weights={self.data_weights!r} must be {count} positive numbers,"
                " separated by commas: one for each folder of data_path"
            )
        return problems

    @property
    def _held_out_reads(self) -> str | None:
        return find_dataset(self.held_out_dataset_name).reads

    def _path_problems(self) -> list[str]:
        """Missing files."""
        needs = {
            self.dataset_name: self.training(),
            self.held_out_dataset_name: self.evaluation(),
        }
        return [
            f"{name!r} needs files: set data_path to files or globs, separated by commas"
            for name, selection in needs.items()
            if find_dataset(name).reads == "data_path" and not selection.data_path
        ]

    def _split_problems(self) -> list[str]:
        """Splits that cannot be, and held-out text that is also trained on."""
        problems = []
        chosen = {"train_split": self.training(), "eval_split": self.evaluation()}
        for key, selection in chosen.items():
            entry = find_dataset(selection.dataset_name)
            problems += entry.split_problems(key, selection.split)
        train, held_out = chosen.values()
        same = train == dataclasses.replace(held_out, split=train.split)
        by_percent = find_dataset(self.dataset_name).reads != "data_dir"
        both_set = self.train_split and self.eval_split
        if problems or not same or not by_percent or both_set:
            return problems
        if PercentSplit.parse(train.split).overlaps(PercentSplit.parse(held_out.split)):
            problems.append(
                f"training on {train.split} and holding out {held_out.split} of the same"
                " text overlap; set both train_split and eval_split (or eval_data_path)"
            )
        return problems


def folders_of(data_path: str | None) -> list[str]:
    """Returns the folders that a data_path names.

    >>> folders_of("prepared/a, prepared/b")
    ['prepared/a', 'prepared/b']
    """
    return [part.strip() for part in (data_path or "").split(",") if part.strip()]
