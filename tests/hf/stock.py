"""Stock torch classes of transformers with random weights, beside our networks.

torch and transformers are imported when a test runs, not when it is collected: no
process may hold them together with TensorFlow.
"""

import dataclasses
import functools
import os

import jax
import jax.numpy as jnp
import numpy as np

from transformer_lm.convert import CONVERSIONS
from transformer_lm.convert.param_map import to_ours

TORCH_CLASSES = {
    "gpt2": {"": "GPT2LMHeadModel"},
    "bert": {"": "BertForPreTraining"},
    "roberta": {"": "RobertaForMaskedLM"},
    "albert": {"": "AlbertForPreTraining"},
    "electra": {
        "generator": "ElectraForMaskedLM",
        "discriminator": "ElectraForPreTraining",
    },
}


def transformers():
    os.environ.update(USE_TF="0", USE_FLAX="0", USE_TORCH="1", HF_HUB_OFFLINE="1")
    import transformers

    return transformers


def gpt2(vocab_size, width, layers, heads, inner, positions, activation="gelu_new"):
    return {
        "": {
            "vocab_size": vocab_size,
            "n_embd": width,
            "n_layer": layers,
            "n_head": heads,
            "n_inner": inner,
            "n_positions": positions,
            "activation_function": activation,
        }
    }


def encoder(vocab_size, width, layers, heads, inner, positions, types, **others):
    return {
        "": {
            "vocab_size": vocab_size,
            "hidden_size": width,
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "intermediate_size": inner,
            "max_position_embeddings": positions,
            "type_vocab_size": types,
            **others,
        }
    }


def electra(*sizes, small, **others):
    width, heads, inner = small
    whole = encoder(*sizes, **others)[""]
    narrower = {
        "hidden_size": width,
        "num_attention_heads": heads,
        "intermediate_size": inner,
    }
    return {"generator": {**whole, **narrower}, "discriminator": whole}


def albert(*sizes, groups=1, inner_groups=1, narrow=128, **others):
    return encoder(
        *sizes,
        num_hidden_groups=groups,
        inner_group_num=inner_groups,
        embedding_size=narrow,
        **others,
    )


CASES = {
    "gpt2": {
        "odd_heads": gpt2(97, 24, 2, 3, 50, 17),
        "inner_unset": gpt2(128, 16, 1, 1, None, 9),
        "wide_inner": gpt2(300, 40, 3, 5, 180, 12),
        "erf": gpt2(130, 20, 2, 10, 44, 33, "gelu"),
        "relu": gpt2(1000, 32, 4, 2, 8, 10, "relu"),
    },
    "bert": {
        "odd_heads": encoder(97, 24, 2, 3, 50, 17, 2),
        "one_type": encoder(128, 16, 1, 1, 31, 9, 1),
        "four_types": encoder(300, 40, 3, 5, 24, 12, 4),
        "tanh": encoder(130, 20, 2, 10, 44, 33, 2, hidden_act="gelu_new"),
        "large_epsilon": encoder(1000, 32, 4, 2, 9, 10, 3, layer_norm_eps=0.1),
        "pad_5": encoder(61, 12, 2, 4, 13, 21, 2, pad_token_id=5),
    },
    "roberta": {
        "rinna_pad": encoder(97, 24, 2, 3, 50, 21, 2, pad_token_id=3),
        "one_type": encoder(128, 16, 1, 1, 31, 11, 1),
        "pad_0": encoder(300, 40, 3, 5, 24, 13, 4, pad_token_id=0),
        "tanh": encoder(130, 20, 2, 10, 44, 34, 2, hidden_act="gelu_new"),
        "epsilon": encoder(1000, 32, 4, 2, 9, 12, 3, layer_norm_eps=1e-5),
    },
    "albert": {
        "published": albert(97, 24, 3, 3, 50, 17, 2),
        "narrow": albert(128, 16, 2, 1, 31, 9, 1, narrow=7),
        "groups": albert(300, 40, 4, 5, 24, 12, 4, narrow=24, groups=2),
        "inner": albert(130, 20, 2, 10, 44, 33, 2, narrow=33, inner_groups=2),
        "both": albert(
            260, 12, 6, 2, 9, 10, 2, narrow=12, groups=3, inner_groups=2, pad_token_id=4
        ),
        "erf": albert(61, 28, 2, 4, 13, 21, 3, narrow=9, hidden_act="gelu"),
    },
    "electra": {
        "third": electra(97, 24, 2, 3, 51, 17, 2, small=(8, 1, 17), embedding_size=24),
        "paper": electra(128, 32, 2, 4, 64, 9, 2, small=(8, 1, 16), embedding_size=16),
        "same": electra(300, 40, 1, 5, 24, 12, 4, small=(40, 5, 24), embedding_size=9),
        "tanh": electra(
            130,
            20,
            3,
            10,
            44,
            33,
            1,
            small=(10, 5, 22),
            embedding_size=10,
            hidden_act="gelu_new",
        ),
        "apart": electra(
            61,
            49,
            2,
            7,
            35,
            21,
            3,
            small=(28, 4, 20),
            embedding_size=11,
            pad_token_id=6,
        ),
    },
}
"""By family and name: the values of each config.json."""

UNTIED = {("electra", "apart"), ("electra", "paper")}
"""Cases whose two networks have embeddings of their own."""

ALL_CASES = [(family, name) for family, cases in CASES.items() for name in cases]


def torch_models(family, name):
    """Models whose every parameter is random, norms and biases too."""
    import torch

    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    models = {}
    for folder, values in CASES[family][name].items():
        cls = getattr(transformers(), TORCH_CLASSES[family][folder])
        config = cls.config_class(**values)
        config._attn_implementation = "eager"
        model = cls(config).eval()
        with torch.no_grad():
            for path, parameter in model.named_parameters():
                noise = torch.randn(parameter.shape, generator=generator)
                is_scale = path.endswith("weight") and parameter.ndim == 1
                parameter.copy_(is_scale + 0.2 * noise)
        models[folder] = model
    if family == "electra" and (family, name) not in UNTIED:
        shared = models["generator"].electra.embeddings.state_dict()
        models["discriminator"].electra.embeddings.load_state_dict(shared)
    return models


def states(models):
    return {
        folder: {name: array.numpy() for name, array in model.state_dict().items()}
        for folder, model in models.items()
    }


def our_config(family, name, models, **replaced):
    given = {folder: model.config.to_dict() for folder, model in models.items()}
    config = CONVERSIONS[family].from_hf_configs(given)
    if (family, name) in UNTIED:
        replaced["shared_embeddings"] = "none"
    config = dataclasses.replace(config, **replaced)
    assert config.problems() == []
    return config


def our_network(family, name, models, **replaced):
    """Returns (network, its tables, its parameters) for the torch models."""
    config = our_config(family, name, models, **replaced)
    vocab_size = vocab_size_of(models)
    length = config.position_limit(0)
    network = config.build(vocab_size, max_length=length, dtype="float32")
    maps = CONVERSIONS[family].param_maps(config, vocab_size, {})
    parameters = to_ours(maps, states(models), scan_layers=config.scan_layers)
    return network, maps, parameters


def vocab_size_of(models):
    return next(iter(models.values())).config.vocab_size


def batch(models, lengths, row):
    """Rows of random tokens, `lengths` of them real; the pad id only behind these."""
    config = next(iter(models.values())).config
    rng = np.random.default_rng(1)
    pad = config.pad_token_id if config.pad_token_id is not None else 0
    ids = np.delete(np.arange(config.vocab_size), pad)
    real = np.arange(row) < np.array(lengths)[:, None]
    tokens = np.where(real, rng.choice(ids, (len(lengths), row)), pad)
    types = rng.integers(0, getattr(config, "type_vocab_size", 1), tokens.shape)
    return {
        "tokens": tokens,
        "positions": np.where(real, np.arange(row), 0),
        "segments": real.astype(np.int32),
        "token_types": np.where(real, types, 0),
    }


def torch_outputs(family, models, rows):
    """Named torch tensors: hidden states and the logits of every head."""
    import torch

    inputs = {
        "input_ids": torch.tensor(rows["tokens"]),
        "attention_mask": torch.tensor(rows["segments"]),
    }
    if family != "gpt2":
        inputs["token_type_ids"] = torch.tensor(rows["token_types"])
    outputs = {}
    for folder, model in models.items():
        given = model(**inputs, output_hidden_states=True)
        outputs[f"{folder}/hidden"] = given.hidden_states[-1]
        for head in ("logits", "prediction_logits"):
            if head in given:
                outputs[f"{folder}/logits"] = given[head]
        for head in ("seq_relationship_logits", "sop_logits"):
            if head in given:
                outputs["pair"] = given[head]
    return outputs


def our_outputs(family, network, parameters, rows):
    """The same of our network."""
    inputs = [jnp.asarray(rows[name]) for name in network.config.inputs]
    return _our_outputs(family, network, parameters, inputs)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _our_outputs(family, network, parameters, inputs):
    def run(*inputs, method=None):
        return network.apply({"params": parameters}, *inputs, method=method)

    if family == "electra":
        outputs = {}
        for folder in ("generator", "discriminator"):
            hidden = run(*inputs, method=folder).hidden
            outputs[f"{folder}/hidden"] = hidden
            outputs[f"{folder}/logits"] = run(hidden, method=f"{folder}_logits")
        return outputs
    output = run(*inputs)
    if family == "gpt2":
        return {"/hidden": output.hidden, "/logits": output.logits}
    outputs = {"/hidden": output.hidden}
    outputs["/logits"] = run(output.hidden, method="masked_logits")
    if output.pooled is not None:
        outputs["pair"] = run(output.pooled, method="pair_logits")
    return outputs


def assert_equal_outputs(ours, theirs, rows, vocab_size):
    """Compares real positions and real tokens to 1e-4."""
    assert ours.keys() == theirs.keys()
    real = rows["segments"] > 0
    for name, expected in theirs.items():
        found, expected = np.asarray(ours[name]), expected.detach().numpy()
        if name != "pair":
            found, expected = found[real], expected[real]
        if found.shape != expected.shape:
            found, padded = np.split(found, [vocab_size], axis=-1)
            assert not np.any(np.exp(padded - found.max(axis=-1, keepdims=True)))
        assert np.abs(expected).max() > 0.1, name
        np.testing.assert_allclose(found, expected, atol=1e-4, rtol=0, err_msg=name)


def score(outputs, weights, tanh):
    """A smooth function of all logits, to take gradients of."""
    return sum(
        (tanh(outputs[name] * 0.5) * weight).sum() for name, weight in weights.items()
    )


def our_gradient(family, network, parameters, rows, weights, vocab_size):
    def loss(parameters):
        outputs = our_outputs(family, network, parameters, rows)
        sized = {
            name: logits[..., :vocab_size] if weights[name].ndim == 3 else logits
            for name, logits in outputs.items()
            if name in weights
        }
        return score(sized, weights, jnp.tanh)

    return jax.tree.map(np.asarray, jax.jit(jax.grad(loss))(parameters))
