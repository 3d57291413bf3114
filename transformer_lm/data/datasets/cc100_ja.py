"""The Japanese part of CC-100, read from its own file ja.txt.xz."""

from transformer_lm.data.datasets.text_files import TextFilesDataset


class Cc100Ja(TextFilesDataset):
    """ja.txt, ja.txt.gz or ja.txt.xz: a blank line between documents.

    Wenzek et al. 2020, https://data.statmt.org/cc-100/. The shares are those that
    transformer-lm-japanese takes of the same text.
    """

    default_splits = ("train[:98%]", "train[98%:]")
