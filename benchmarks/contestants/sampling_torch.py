"""Texts by `generate` of transformers in torch, with its cache."""

from collections.abc import Callable
from typing import Any

# First, for it keeps TensorFlow out of transformers.
from benchmarks.contestants.torch_peer import DEVICE, build  # isort: skip

import torch
import transformers

from benchmarks.cases import SAMPLING, Case, prompts


def prepare(**fields: Any) -> tuple[Callable[[int], None], dict[str, Any]]:
    """Returns a function that writes texts of a case so many times, and versions."""
    case = Case(**fields)
    torch.manual_seed(0)
    network: Any = build(case).to(DEVICE, getattr(torch, case.dtype)).eval()
    given = torch.from_numpy(prompts(case)).to(DEVICE, torch.int64)
    new = case.length - given.shape[1]

    def run(steps: int) -> None:
        for _ in range(steps):
            texts = network.generate(
                given,
                attention_mask=torch.ones_like(given),
                do_sample=True,
                min_new_tokens=new,
                max_new_tokens=new,
                pad_token_id=0,
                eos_token_id=None,
                # Networks for training are built without a cache, and remember it.
                use_cache=True,
                **SAMPLING,
            ).tolist()
        assert len(texts[0]) == case.length

    return run, {"torch": torch.__version__, "transformers": transformers.__version__}
