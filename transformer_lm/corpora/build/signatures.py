"""MinHash signatures of texts, by datasketch."""

import itertools
import re
from collections.abc import Iterator, Sequence

import numpy as np

from transformer_lm.corpora.extras import CORPORA, require
from transformer_lm.registry import UserError

PERMUTATIONS = 128
"""Numbers in a signature; the similarity's standard error is at most 1/√128 / 2 = 4 %."""

_SEED = 1
_SCHEME = "affine32"
"""Named here because datasketch's default may change, and files must not."""

_PIECE = 4096

_BLANKS = re.compile(r"\s+")


class Signatures:
    """Signatures of the sets of character n-grams of texts, white space left out.

    Broder 1997, On the resemblance and containment of documents.
    """

    def __init__(self, shingle_characters: int) -> None:
        """Finds datasketch.

        Args:
          shingle_characters: n of the n-grams.

        Raises:
          UserError: if datasketch is not installed.
        """
        self._length = shingle_characters
        minhash = require("datasketch", CORPORA).MinHash
        self._empty = minhash(num_perm=PERMUTATIONS, seed=_SEED, scheme=_SCHEME)

    def of(self, texts: Sequence[str]) -> bytes:
        """Returns the signatures: uint32, [texts, PERMUTATIONS]."""
        rows = np.zeros((len(texts), PERMUTATIONS), "<u4")
        for number, text in enumerate(texts):
            signature = self._empty.copy()
            shingles = self.shingles(text)
            # A piece at a time: datasketch permutes all that it is given at once.
            while piece := list(itertools.islice(shingles, _PIECE)):
                signature.update_batch([shingle.encode() for shingle in piece])
            rows[number] = signature.hashvalues
        return rows.tobytes()

    def shingles(self, text: str) -> Iterator[str]:
        """Yields the n-grams, as often as they occur; a shorter text is its own."""
        dense = _BLANKS.sub("", text)
        for start in range(max(len(dense) - self._length + 1, 1)):
            yield dense[start : start + self._length]


def bands(threshold: float) -> tuple[int, int]:
    """Returns how many bands of how many rows find similar signatures best.

    Raises:
      UserError: if datasketch is not installed, or finds none for this threshold.
    """
    search = require("datasketch", CORPORA).MinHashLSH
    try:
        found = search(threshold=threshold, num_perm=PERMUTATIONS)
    except ValueError as error:
        raise UserError(
            f"--near_threshold={threshold:g} does not suit signatures of {PERMUTATIONS}"
            f" numbers ({error}); take one between 0.1 and 0.95"
        ) from error
    return found.b, found.r
