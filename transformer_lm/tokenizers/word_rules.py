"""How text becomes words: the same when a vocabulary is trained and when it is used.

The steps are those of `BertJapaneseTokenizer` (Hugging Face transformers): lower case,
NFKC, words, lower case again (NFKC makes capitals, such as those of ℡).
"""

import functools
import unicodedata
from dataclasses import dataclass
from typing import Literal

from transformer_lm.tokenizers import segmenters


@dataclass(frozen=True)
class WordRules:
    """Rules that belong to a vocabulary and are stored with it."""

    segmenter: str
    """One of `segmenters.SEGMENTERS`."""
    normalization: Literal["nfkc", "none"]
    """nfkc: Unicode's compatibility composition, which joins ｶﾞ to ガ; or none."""
    lower_case: bool

    @functools.cached_property
    def loaded(self) -> segmenters.Segmenter:
        """The segmenter itself; loaded once in each process."""
        return segmenters.load_segmenter(self.segmenter)

    def normalise(self, text: str) -> str:
        """Returns a text as the segmenter gets it."""
        if self.lower_case:
            # Letter by letter, because BertJapaneseTokenizer knows no final sigma.
            text = "".join(map(str.lower, text))
        if self.normalization == "nfkc":
            text = unicodedata.normalize("NFKC", text)
        return text

    def words(self, text: str) -> list[str]:
        """Returns the normalised words of a text."""
        words = self.loaded.words(self.normalise(text))
        return [word.lower() for word in words] if self.lower_case else words

    def __getstate__(self) -> dict[str, object]:
        """Leaves the segmenter out: its dictionary is not sent to other processes."""
        return {key: value for key, value in vars(self).items() if key != "loaded"}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state)
