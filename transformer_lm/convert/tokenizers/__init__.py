"""Tokenizers as the files that AutoTokenizer of transformers loads."""

from etils import epath

from transformer_lm.convert.tokenizers import bert_japanese, sentencepiece, words
from transformer_lm.models import MODELS
from transformer_lm.tokenizers.interface import Tokenizer
from transformer_lm.tokenizers.segmented import SegmentedTokenizer
from transformer_lm.tokenizers.sentencepiece import SentencePieceTokenizer


def write_tokenizer(
    tokenizer: Tokenizer, folder: epath.PathLike, *, model_type: str, max_length: int
) -> None:
    """Writes a tokenizer beside a model.

    `AutoTokenizer` of transformers 4.57 and 5 gives its ids. With special tokens, a
    text gets bos before it for decoders, and [CLS] and [SEP] around it for encoders.

    Args:
      tokenizer: of the model.
      folder: of the model; exists.
      model_type: name of the family in `MODELS`.
      max_length: longest text of the model, in tokens.

    Raises:
      UserError: if transformers cannot do exactly what the tokenizer does.
    """
    place = epath.Path(folder)
    is_decoder = "causal_lm" in MODELS[model_type].objectives
    keys = {
        "model_type": model_type,
        "max_length": max_length,
        "is_decoder": is_decoder,
    }
    if isinstance(tokenizer, SentencePieceTokenizer):
        sentencepiece.write(tokenizer, place, **keys)
        return
    if not isinstance(tokenizer, SegmentedTokenizer):
        raise TypeError(f"{type(tokenizer)} is no tokenizer of this project")
    if bert_japanese.fits(tokenizer, is_decoder=is_decoder):
        bert_japanese.write(tokenizer, place, **keys)
    else:
        words.write(tokenizer, place, **keys)
