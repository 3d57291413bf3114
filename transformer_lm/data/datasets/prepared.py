"""Folders that the tool `prepare` has written; read without TensorFlow."""

from typing import Literal

from transformer_lm.data.datasets.interface import Records, Share
from transformer_lm.data.graph import PythonCalls
from transformer_lm.data.manifest import SPLITS
from transformer_lm.registry import UserError


class PreparedDataset:
    """Token ids; `data/feeding.py` reads them."""

    default_splits = ("train", "validation")
    reads: Literal["data_path"] = "data_path"

    def split_problems(self, key: str, split: str) -> list[str]:
        """Lists what is wrong with a split, a line each."""
        if split in SPLITS:
            return []
        return [f"{key}={split!r}: prepared data has only {', '.join(SPLITS)}"]

    def open(self, share: Share, calls: PythonCalls) -> Records:
        """Refuses: there is no text any more.

        Raises:
          UserError: always.
        """
        del calls
        raise UserError(
            f"{share.data_path} is prepared data, token ids without their text; name the"
            " text itself (dataset_name=text_files, data_path=FILES)"
        )
