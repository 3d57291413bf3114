"""Any TFDS data set that has a feature `text`."""

from transformer_lm.data.datasets.tfds_records import TfdsDataset


class GenericTfds(TfdsDataset):
    """A record is a document; chosen as generic_tfds:<name>[/<configuration>]."""

    def __init__(self, tfds_name: str) -> None:
        self.tfds_name = tfds_name
