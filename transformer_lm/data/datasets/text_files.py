"""Your own files: plain text or JSON Lines."""

from typing import Literal

from transformer_lm.corpora.text_files import BLOCK_RECORDS, Bookmark, TextFiles
from transformer_lm.data.datasets.blocks import BlockRecords
from transformer_lm.data.datasets.interface import Share
from transformer_lm.data.graph import PythonCalls
from transformer_lm.data.splits import percent_problems
from transformer_lm.registry import UserError


class FileRecords(BlockRecords):
    """The records of files; a bookmark makes resuming fast."""

    def __init__(self, files: TextFiles, share: Share, calls: PythonCalls) -> None:
        super().__init__(files.block, BLOCK_RECORDS, share, calls)
        self._files = files

    def resume_mark(self, start: int) -> list[int]:
        """Returns the nearest known place before the block of record `start`."""
        return list(self._files.bookmark(start // BLOCK_RECORDS * BLOCK_RECORDS))

    def use_resume_mark(self, mark: list[int]) -> None:
        """Takes a saved place over."""
        if len(mark) != len(Bookmark._fields) or min(mark) < 0:
            raise UserError(
                f"the saved position in the data has the bookmark {mark}, which is none;"
                " go on from an older checkpoint"
            )
        self._files.remember(Bookmark(*mark))

    def digest(self) -> str:
        """Returns a short text that changes with the files."""
        return self._files.digest()

    def report(self) -> dict[str, int | list[str]]:
        """Returns how many lines were faulty so far, and the first places."""
        return self._files.report()


class TextFilesDataset:
    """Files named by data_path; a blank line or a JSON line ends a document."""

    default_splits = ("train[:90%]", "train[90%:]")
    reads: Literal["data_path"] = "data_path"

    def split_problems(self, key: str, split: str) -> list[str]:
        """Lists what is wrong with a split, a line each."""
        return percent_problems(key, split, ("train",))

    def open(self, share: Share, calls: PythonCalls) -> FileRecords:
        """Finds the files.

        Raises:
          UserError: if a file is missing, empty or of an unknown kind.
        """
        files = TextFiles(
            share.data_path or "",
            invalid_utf8=share.invalid_utf8,
            record_characters=share.record_characters,
        )
        return FileRecords(files, share, calls)
