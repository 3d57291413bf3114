"""Networks of transformers in torch: compiled, fused attention, fused AdamW."""

import itertools
import os
import shutil
from collections.abc import Callable
from typing import Any

os.environ["USE_TF"] = "0"

import torch
import transformers

from benchmarks.cases import Case, random_batches

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
WANTED = ("tokens", "masked_tokens", "positions", "labels")
DISCRIMINATOR_WEIGHT = 50.0


class Electra(torch.nn.Module):
    """Generator and discriminator, with shared embeddings (Clark et al. 2020, 3.2)."""

    def __init__(self, case: Case, common: dict[str, Any]) -> None:
        super().__init__()
        sizes = {"embedding_size": case.embedding_size, **common}
        share = case.generator_share
        smaller = {
            "hidden_size": int(case.emb_dim * share),
            "intermediate_size": int(case.mlp_dim * share),
            "num_attention_heads": max(1, int(case.num_heads * share)),
        }
        config = transformers.ElectraConfig
        self.discriminator = transformers.ElectraForPreTraining(config(**sizes))
        self.generator = transformers.ElectraForMaskedLM(config(**(sizes | smaller)))
        self.generator.electra.embeddings = self.discriminator.electra.embeddings
        self.generator.tie_weights()

    def forward(
        self, input_ids: torch.Tensor, labels: torch.Tensor, original: torch.Tensor
    ) -> torch.Tensor:
        """Returns the weighted sum of both losses."""
        output = self.generator(input_ids=input_ids, labels=labels)
        hidden = labels != -100
        noise = torch.empty_like(output.logits, dtype=torch.float32).exponential_()
        drawn = (output.logits.detach().float() - noise.log()).argmax(-1)
        tokens = torch.where(hidden, drawn, original)
        replaced = (tokens != original).long()
        detected = self.discriminator(input_ids=tokens, labels=replaced)
        return output.loss + DISCRIMINATOR_WEIGHT * detected.loss


def build(case: Case) -> torch.nn.Module:
    """Builds the network of a case."""
    common = {"vocab_size": case.vocab_size, "attn_implementation": "sdpa"}
    if case.family == "gpt2":
        config = transformers.GPT2Config(
            n_layer=case.num_layers,
            n_embd=case.emb_dim,
            n_head=case.num_heads,
            n_inner=case.mlp_dim,
            n_positions=case.length,
            resid_pdrop=case.dropout,
            embd_pdrop=case.dropout,
            attn_pdrop=case.dropout,
            use_cache=False,
            **common,
        )
        return transformers.GPT2LMHeadModel(config)
    common |= {
        "num_hidden_layers": case.num_layers,
        "hidden_size": case.emb_dim,
        "num_attention_heads": case.num_heads,
        "intermediate_size": case.mlp_dim,
        "max_position_embeddings": case.length,
        "hidden_dropout_prob": case.dropout,
        "attention_probs_dropout_prob": case.dropout,
    }
    if case.family == "electra":
        return Electra(case, common)
    return transformers.BertForMaskedLM(transformers.BertConfig(**common))


def arguments(case: Case, batch: dict[str, Any]) -> dict[str, torch.Tensor]:
    """What a network is called with, on the device."""
    arrays = {
        name: torch.from_numpy(batch[name]).to(DEVICE, torch.int64, non_blocking=True)
        for name in WANTED
        if name in batch
    }
    if case.family == "electra":
        return {
            "input_ids": arrays["masked_tokens"],
            "labels": arrays["labels"],
            "original": arrays["tokens"],
        }
    if case.family == "bert":
        return {"input_ids": arrays["masked_tokens"], "labels": arrays["labels"]}
    given = {"input_ids": arrays["tokens"], "labels": arrays["labels"]}
    if case.packed:
        segments = torch.from_numpy(batch["segments"]).to(DEVICE, non_blocking=True)
        mask = (segments[:, :, None] == segments[:, None, :]).tril()[:, None]
        given |= {"attention_mask": mask, "position_ids": arrays["positions"]}
    return given


def prepare(**fields: Any) -> tuple[Callable[[int], None], dict[str, Any]]:
    """Returns a function that does steps of a case, and versions."""
    case = Case(**fields)
    torch.manual_seed(0)
    torch.set_float32_matmul_precision("high")
    network = build(case).to(DEVICE).train()
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=1e-4, betas=(0.9, 0.98), weight_decay=0.1, fused=True
    )
    compiles = shutil.which("c++") is not None or shutil.which("g++") is not None
    if compiles:
        network.compile()
    batches = itertools.cycle(random_batches(case))
    mixed = torch.autocast(DEVICE, torch.bfloat16, enabled=case.dtype == "bfloat16")

    def run(steps: int) -> None:
        for _ in range(steps):
            given = arguments(case, next(batches))
            with mixed:
                output = network(**given)
            loss = output if case.family == "electra" else output.loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        if DEVICE == "cuda":
            torch.cuda.synchronize()

    return run, {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "compiled": compiles,
        "threads": torch.get_num_threads(),
    }
