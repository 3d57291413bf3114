"""How an exported decoder samples when it is asked for text without settings."""

from collections.abc import Mapping
from typing import Any

from transformer_lm.settings import Sampling


def generation_config(
    sampling: Sampling, ids: Mapping[str, int], max_length: int
) -> dict[str, Any]:
    """Returns the values of a generation_config.json.

    Args:
      sampling: of the run.
      ids: special tokens by the names of config.json.
      max_length: tokens of a text at most, start mark included; where the limit that
        the run samples with is longer.
    """
    greedy = sampling.sampling_temperature == 0
    values: dict[str, Any] = {
        **ids,
        "do_sample": not greedy,
        "max_length": min(sampling.max_predict_length + 1, max_length),
        "repetition_penalty": sampling.repetition_penalty,
    }
    if not greedy:
        values |= {
            "temperature": sampling.sampling_temperature,
            "top_k": sampling.sampling_top_k,
            "top_p": sampling.sampling_top_p,
        }
    return values
