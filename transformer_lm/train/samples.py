"""Texts continued from prompts, in training and by generate_text.py."""

from typing import Any

from flax import linen as nn

from transformer_lm.data.row_builders import special_ids
from transformer_lm.run_settings import Settings
from transformer_lm.sampling import generate
from transformer_lm.tokenizers.interface import Tokenizer

PROMPT_SEPARATOR = ";;"


def sample_texts(
    settings: Settings,
    model: nn.Module,
    parameters: Any,
    tokenizer: Tokenizer,
    *,
    texts_per_prompt: int = 1,
) -> list[str]:
    """Continues each prompt of the config `texts_per_prompt` times.

    Args:
      settings: of the run; its sampling part says how.
      model: a decoder.
      parameters: of the decoder.
      tokenizer: of the run.
      texts_per_prompt: how many texts for each prompt.
    """
    prompts = [
        tokenizer.encode(prompt)
        for prompt in settings.sampling.prompts.split(PROMPT_SEPARATOR)
        for _ in range(texts_per_prompt)
    ]
    start_id, end_id = special_ids(tokenizer)
    rows = generate(
        model,
        parameters,
        prompts,
        settings.sampling,
        start_id=start_id,
        eos_id=end_id,
        seed=settings.training.seed,
        position_limit=settings.model.position_limit(settings.max_length),
    )
    return [tokenizer.decode(row) for row in rows]
