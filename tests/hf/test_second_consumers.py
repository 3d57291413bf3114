"""Exported safetensors in programs that know neither transformers nor this project.

The networks are written here from their papers, on plain tensors.
"""

import math

import numpy as np
import pytest
from etils import epath

from transformer_lm.convert.to_hf import write_weights
from transformer_lm.tools.head_outputs import rows_of, token_scores
from transformer_lm.tools.trained_model import open_trained

pytestmark = pytest.mark.hf

IDS = [5, 7, 9, 11, 40, 41, 42, 3]


def tensors(trained, folder):
    import safetensors.torch

    write_weights(trained.hf_model, epath.Path(folder))
    return safetensors.torch.load_file(folder / "model.safetensors")


def norm(x, state, name, epsilon):
    centred = x - x.mean(-1, keepdim=True)
    scaled = centred / (centred.square().mean(-1, keepdim=True) + epsilon).sqrt()
    return scaled * state[f"{name}.weight"] + state[f"{name}.bias"]


def attend(query, key, value, heads, *, causal):
    import torch

    length, width = query.shape
    q, k, v = (x.view(length, heads, -1).transpose(0, 1) for x in (query, key, value))
    scores = q @ k.transpose(1, 2) / math.sqrt(width // heads)
    if causal:
        later = torch.ones(length, length).triu(1).bool()
        scores = scores.masked_fill(later, -math.inf)
    return (scores.softmax(-1) @ v).transpose(0, 1).reshape(length, width)


def gpt2(state, ids, layers, heads):
    """Radford et al. 2019, section 2.3: pre-norm blocks, tied head, tanh gelu."""
    import torch

    x = state["transformer.wte.weight"][ids]
    x = x + state["transformer.wpe.weight"][: len(ids)]
    for layer in range(layers):
        own = f"transformer.h.{layer}"

        def linear(x, name, own=own):
            return x @ state[f"{own}.{name}.weight"] + state[f"{own}.{name}.bias"]

        parts = linear(norm(x, state, f"{own}.ln_1", 1e-5), "attn.c_attn").chunk(3, -1)
        x = x + linear(attend(*parts, heads, causal=True), "attn.c_proj")
        inner = linear(norm(x, state, f"{own}.ln_2", 1e-5), "mlp.c_fc")
        cubic = math.sqrt(2 / math.pi) * (inner + 0.044715 * inner**3)
        x = x + linear(0.5 * inner * (1 + torch.tanh(cubic)), "mlp.c_proj")
    return norm(x, state, "transformer.ln_f", 1e-5) @ state["transformer.wte.weight"].T


def bert(state, ids, layers, heads):
    """Devlin et al. 2019, section 3: post-norm blocks, erf gelu, tied masked head."""
    import torch

    def linear(x, name):
        return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    def gelu(x):
        return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))

    own = "bert.embeddings"
    x = state[f"{own}.word_embeddings.weight"][ids]
    x = x + state[f"{own}.position_embeddings.weight"][: len(ids)]
    x = x + state[f"{own}.token_type_embeddings.weight"][0]
    x = norm(x, state, f"{own}.LayerNorm", 1e-12)
    for layer in range(layers):
        own = f"bert.encoder.layer.{layer}"
        parts = [
            linear(x, f"{own}.attention.self.{name}")
            for name in ("query", "key", "value")
        ]
        mixed = attend(*parts, heads, causal=False)
        mixed = linear(mixed, f"{own}.attention.output.dense")
        x = norm(x + mixed, state, f"{own}.attention.output.LayerNorm", 1e-12)
        inner = gelu(linear(x, f"{own}.intermediate.dense"))
        inner = linear(inner, f"{own}.output.dense")
        x = norm(x + inner, state, f"{own}.output.LayerNorm", 1e-12)
    head = "cls.predictions"
    x = gelu(linear(x, f"{head}.transform.dense"))
    x = norm(x, state, f"{head}.transform.LayerNorm", 1e-12)
    return x @ state["bert.embeddings.word_embeddings.weight"].T + state[f"{head}.bias"]


@pytest.mark.parametrize(("family", "network"), [("gpt2", gpt2), ("bert", bert)])
def test_the_papers_network_gives_our_logits(runs, tmp_path, family, network):
    trained = open_trained(str(runs(family)), dtype="float32")
    config = trained.settings.model
    state = tensors(trained, tmp_path)
    found = network(state, IDS, config.num_layers, config.num_heads)
    expected = token_scores(trained, rows_of([IDS], 0))[0]
    assert np.abs(expected).max() > 0.5
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-4, rtol=0)
