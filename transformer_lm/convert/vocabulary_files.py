"""The pieces of a vocabulary, in the order of their ids, out of any kind of file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sentencepiece
import tokenizers
from etils import epath

from transformer_lm.registry import UserError


def sentencepiece_pieces(data: bytes) -> list[str]:
    """Returns the pieces of a SentencePiece model."""
    processor = sentencepiece.SentencePieceProcessor()
    processor.LoadFromSerializedProto(data)
    return [processor.id_to_piece(i) for i in range(processor.get_piece_size())]


def listed_pieces(data: bytes) -> list[str]:
    """Returns the lines of a vocab.txt."""
    # Not splitlines, for which a vocabulary of characters has further line ends.
    return data.decode("utf-8").removesuffix("\n").split("\n")


def tokenizer_json_pieces(data: bytes) -> list[str]:
    """Returns the pieces of a tokenizer.json, added ones included."""
    vocabulary = tokenizers.Tokenizer.from_buffer(data).get_vocab()
    return sorted(vocabulary, key=vocabulary.__getitem__)


FILES: dict[str, Callable[[bytes], list[str]]] = {
    "spiece.model": sentencepiece_pieces,
    "sentencepiece.bpe.model": sentencepiece_pieces,
    "vocab.txt": listed_pieces,
    "tokenizer.json": tokenizer_json_pieces,
}
"""Names of files that hold a vocabulary; the first that a folder has is read."""


@dataclass(frozen=True)
class VocabularyFile:
    """A file that holds a vocabulary."""

    path: epath.Path
    kind: str
    """The name in `FILES` that such a file has in a folder of transformers."""

    def pieces(self) -> list[str]:
        """Returns the pieces in the order of their ids.

        Raises:
          UserError: if the file is damaged, or of another kind.
        """
        try:
            return FILES[self.kind](self.path.read_bytes())
        except Exception as error:  # The libraries raise bare Exception.
            raise UserError(
                f"{self.path} cannot be read as a {self.kind}: {error}"
            ) from error


def find_vocabulary(folders: Sequence[epath.Path]) -> VocabularyFile | None:
    """Returns the first vocabulary in the first folder that has one."""
    files = (
        VocabularyFile(folder / name, name) for folder in folders for name in FILES
    )
    return next((file for file in files if file.path.exists()), None)


def piece_differences(ours: VocabularyFile, theirs: VocabularyFile) -> list[str]:
    """Lists how two vocabularies differ: their sizes, and the first different pieces.

    Raises:
      UserError: if a file cannot be read.
    """
    here, there = ours.pieces(), theirs.pieces()
    problems = []
    if len(here) != len(there):
        problems.append(f"{len(here)} pieces in {ours.path}, {len(there)} in theirs")
    problems += [
        f"piece {number} is {one!r} in {ours.path}, {other!r} in theirs"
        for number, (one, other) in enumerate(zip(here, there, strict=False))
        if one != other
    ][:5]
    if problems:
        problems.append(
            f"ids mean other pieces: set vocab_path={theirs.path}, or a copy of it"
        )
    return problems
