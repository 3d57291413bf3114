"""From text to batches: data sets, packing and the streaming pipeline."""

from typing import TYPE_CHECKING

from transformer_lm.registry import Registry, UnknownNameError

if TYPE_CHECKING:
    from transformer_lm.data.datasets.interface import DatasetEntry

_FOLDER = "transformer_lm.data.datasets"

DATASETS = Registry(
    "dataset",
    {
        "quickstart": f"{_FOLDER}.quickstart:Quickstart",
        "text_files": f"{_FOLDER}.text_files:TextFilesDataset",
        "prepared": f"{_FOLDER}.prepared:PreparedDataset",
        "lm1b": f"{_FOLDER}.lm1b:Lm1b",
        "wiki40b/ja": f"{_FOLDER}.wiki40b_ja:Wiki40bJa",
        "cc100/ja": f"{_FOLDER}.cc100_ja:Cc100Ja",
        "huggingface:cc100/lang=ja": (
            f"{_FOLDER}.huggingface_cc100_ja:HuggingFaceCc100Ja"
        ),
        "generic_tfds": f"{_FOLDER}.generic_tfds:GenericTfds",
    },
)
_GENERIC = "generic_tfds"


def find_dataset(name: str) -> "DatasetEntry":
    """Returns the data set that a config names.

    Args:
      name: one of `DATASETS`, or `generic_tfds:<name of a TFDS data set>`.

    Raises:
      UnknownNameError: if there is no such data set.
    """
    first, _, rest = name.partition(":")
    if first == _GENERIC:
        if not rest:
            raise UnknownNameError(
                f"dataset {name!r} lacks the name of a TFDS data set; write for instance"
                f" {_GENERIC}:wiki40b/en"
            )
        return DATASETS[_GENERIC](rest)
    try:
        return DATASETS[name]()
    except UnknownNameError as error:
        raise UnknownNameError(
            f"{error} Any other TFDS data set with a feature 'text':"
            f" {_GENERIC}:<its name>."
        ) from None
