"""What is known about held-out text before any model sees it."""

from transformer_lm.data import DATASETS
from transformer_lm.data.source import Source


def known_metrics(source: Source) -> dict[str, float]:
    """Returns `entropy_bits_per_character` where the text comes from a generator.

    No model that has not seen the text can need fewer bits, on average.
    """
    selection = source.evaluation()
    if selection.dataset_name != "quickstart":
        return {}
    bits = DATASETS["quickstart"]().bits_per_character(selection.split)
    return {"entropy_bits_per_character": bits}
