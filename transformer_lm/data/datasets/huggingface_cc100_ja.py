"""The Japanese part of CC-100 as TFDS prepares it from the Hugging Face Hub."""

from typing import TYPE_CHECKING

from transformer_lm.data.datasets.tfds_records import TfdsDataset
from transformer_lm.data.graph import import_tensorflow

if TYPE_CHECKING:
    import tensorflow as tf


class HuggingFaceCc100Ja(TfdsDataset):
    """A line is a document; its newline is removed.

    The Hub's data set has a train split alone; 2 % of it is held out, as in
    transformer-lm-japanese.
    """

    tfds_name = "huggingface:cc100/lang=ja"
    aliases = (
        "cc100/ja",
        "cc100/lang=ja",
        "cc100/lang_ja",
        "cc100/default-lang=ja",
        "cc100/plain_text",
        "cc100",
    )
    default_splits = ("train[:98%]", "train[98%:]")

    def preprocess(self, texts: "tf.Tensor") -> "tf.Tensor":
        """Removes newlines, then empty texts."""
        tf = import_tensorflow()
        return super().preprocess(tf.strings.regex_replace(texts, "\n", ""))
