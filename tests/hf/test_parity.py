"""Every family equals the stock torch class: forward, back, gradient."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.hf import stock
from transformer_lm.convert import CONVERSIONS
from transformer_lm.convert.param_map import to_theirs
from transformer_lm.models import MODELS

pytestmark = pytest.mark.hf

FAMILIES = list(stock.CASES)


def test_every_family_that_a_stock_class_can_load_is_here():
    assert set(CONVERSIONS) == set(MODELS)
    remote = {name for name in CONVERSIONS if CONVERSIONS[name].remote_code}
    assert set(stock.CASES) == set(CONVERSIONS) - remote


@pytest.mark.parametrize(("family", "name"), stock.ALL_CASES)
def test_logits_and_hidden_states_are_equal(family, name):
    models = stock.torch_models(family, name)
    network, _, parameters = stock.our_network(family, name, models)
    row = network.max_length
    for lengths in ([row, row, row], [row, row - 3, 2]):
        rows = stock.batch(models, lengths, row)
        stock.assert_equal_outputs(
            stock.our_outputs(family, network, parameters, rows),
            stock.torch_outputs(family, models, rows),
            rows,
            stock.vocab_size_of(models),
        )


@pytest.mark.parametrize(("family", "name"), stock.ALL_CASES)
def test_the_way_back_gives_the_same_state(family, name):
    import torch

    models = stock.torch_models(family, name)
    _, maps, parameters = stock.our_network(family, name, models)
    back = to_theirs(maps, parameters, with_tied=True)
    for folder, state in stock.states(models).items():
        assert state.keys() == back[folder].keys()
        for key, array in state.items():
            np.testing.assert_array_equal(array, back[folder][key], err_msg=key)
        fresh = type(models[folder])(models[folder].config)
        tensors = {key: torch.tensor(array) for key, array in back[folder].items()}
        fresh.load_state_dict(tensors, strict=True)


@pytest.mark.parametrize("family", FAMILIES)
def test_scanned_layers_convert_too(family):
    name = next(iter(stock.CASES[family]))
    models = stock.torch_models(family, name)
    network, maps, parameters = stock.our_network(
        family, name, models, scan_layers=True
    )
    row = network.max_length
    rows = stock.batch(models, [row, 3, row - 1], row)
    stock.assert_equal_outputs(
        stock.our_outputs(family, network, parameters, rows),
        stock.torch_outputs(family, models, rows),
        rows,
        stock.vocab_size_of(models),
    )
    back = to_theirs(maps, parameters, with_tied=True)
    for folder, state in stock.states(models).items():
        for key, array in state.items():
            np.testing.assert_array_equal(array, back[folder][key], err_msg=key)


GRADIENT_CASES = [(family, next(iter(cases))) for family, cases in stock.CASES.items()]


@pytest.mark.parametrize(
    ("family", "name"), [*GRADIENT_CASES, ("electra", "paper"), ("albert", "both")]
)
def test_gradients_are_equal(family, name):
    import torch

    models = stock.torch_models(family, name)
    network, maps, parameters = stock.our_network(family, name, models)
    row, vocab_size = network.max_length, stock.vocab_size_of(models)
    rows = stock.batch(models, [row, row - 2], row)
    theirs = stock.torch_outputs(family, models, rows)
    rng = np.random.default_rng(2)
    weights = {}
    for key, value in theirs.items():
        if key.endswith("hidden"):
            continue
        weight = rng.normal(size=value.shape).astype(np.float32)
        if key != "pair":
            real = rows["segments"] > 0
            weight *= real.reshape(real.shape + (1,) * (weight.ndim - 2))
        weights[key] = weight
    tensors = {key: torch.tensor(weight) for key, weight in weights.items()}
    stock.score(theirs, tensors, torch.tanh).backward()
    ours = to_theirs(
        maps,
        stock.our_gradient(family, network, parameters, rows, weights, vocab_size),
    )
    expected = {
        folder: {key: p.grad.numpy() for key, p in model.named_parameters()}
        for folder, model in models.items()
    }
    if family == "electra" and (family, name) not in stock.UNTIED:
        one, other = expected["generator"], expected["discriminator"]
        for key in [key for key in one if key.startswith("electra.embeddings.")]:
            one[key] = other[key] = one[key] + other[key]
    for folder, gradients in expected.items():
        assert gradients.keys() == ours[folder].keys()
        largest = max(np.abs(gradient).max() for gradient in gradients.values())
        for key, gradient in gradients.items():
            error = np.linalg.norm(ours[folder][key] - gradient)
            # Keys' biases have no effect: their gradients are rounding noise.
            allowed = 1e-3 * np.linalg.norm(gradient) + 1e-6 * largest
            assert error <= allowed, (folder, key, error, allowed)


@pytest.mark.parametrize("scan_layers", [False, True])
@pytest.mark.parametrize("step", [1, 4])
def test_cached_decoding_of_gpt2_equals_the_full_forward(scan_layers, step):
    models = stock.torch_models("gpt2", "odd_heads")
    network, _, parameters = stock.our_network(
        "gpt2", "odd_heads", models, scan_layers=scan_layers
    )
    length = 16
    rows = stock.batch(models, [length, length], length)
    full = stock.torch_outputs("gpt2", models, rows)["/logits"].detach().numpy()
    inputs = [jnp.asarray(rows[name]) for name in network.config.inputs]
    init = jax.jit(functools.partial(network.init, decode=True))
    cache = init(jax.random.key(0), *inputs)["cache"]

    @jax.jit
    def decode(cache, part):
        variables = {"params": parameters, "cache": cache}
        return network.apply(variables, *part, decode=True, mutable=["cache"])

    for start in range(0, length, step):
        part = [array[:, start : start + step] for array in inputs]
        output, changed = decode(cache, part)
        cache = changed["cache"]
        np.testing.assert_allclose(
            output.logits[..., :97], full[:, start : start + step], atol=1e-4, rtol=0
        )


def test_roberta_trained_with_positions_from_0_is_exported_to_where_hf_counts():
    models = stock.torch_models("roberta", "rinna_pad")
    network, _, parameters = stock.our_network("roberta", "rinna_pad", models)
    token_ids = {"pad_token_id": 3}
    config = dataclasses.replace(
        network.config, position_offset=0, max_position_embeddings=17
    )
    table = parameters["embeddings"]["position"]
    table["embedding"] = table["embedding"][4:]
    network = config.build(97, max_length=17, dtype="float32")
    conversion = CONVERSIONS["roberta"]
    values = conversion.hf_configs(config, 97, 17, token_ids)[""]
    assert values["max_position_embeddings"] == 21
    state = to_theirs(
        conversion.param_maps(config, 97, token_ids), parameters, with_tied=True
    )[""]
    import torch

    models[""].load_state_dict({key: torch.tensor(a) for key, a in state.items()})
    rows = stock.batch(models, [17, 5], 17)
    stock.assert_equal_outputs(
        stock.our_outputs("roberta", network, parameters, rows),
        stock.torch_outputs("roberta", models, rows),
        rows,
        97,
    )
