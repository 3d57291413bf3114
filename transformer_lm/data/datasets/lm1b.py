"""The One Billion Word Benchmark (Chelba et al. 2013): English sentences."""

from transformer_lm.data.datasets.tfds_records import TfdsDataset


class Lm1b(TfdsDataset):
    """A sentence is a document."""

    tfds_name = "lm1b"
    default_splits = ("train", "test")
