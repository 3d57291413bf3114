"""Written folders load with the plain from_pretrained of transformers."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.hf import stock
from transformer_lm.convert import CONVERSIONS
from transformer_lm.convert.param_map import to_theirs

pytestmark = pytest.mark.hf


@pytest.mark.parametrize(("family", "name"), stock.ALL_CASES)
def test_a_folder_without_tied_copies_loads_whole(family, name, tmp_path):
    models = stock.torch_models(family, name)
    network, maps, parameters = stock.our_network(family, name, models)
    row, vocab_size = network.max_length, stock.vocab_size_of(models)
    given = next(iter(models.values())).config
    token_ids = (
        {} if given.pad_token_id is None else {"pad_token_id": given.pad_token_id}
    )
    configs = CONVERSIONS[family].hf_configs(network.config, vocab_size, row, token_ids)
    loaded = {}
    for folder, state in to_theirs(maps, parameters).items():
        path = tmp_path / (folder or "model")
        path.mkdir()
        save_file(state, path / "model.safetensors", metadata={"format": "pt"})
        (path / "config.json").write_text(json.dumps(configs[folder]))
        cls = getattr(stock.transformers(), configs[folder]["architectures"][0])
        loaded[folder], info = cls.from_pretrained(path, output_loading_info=True)
        assert not any(info.values()), info
    rows = stock.batch(models, [row, row - 1, row], row)
    stock.assert_equal_outputs(
        stock.our_outputs(family, network, parameters, rows),
        stock.torch_outputs(family, loaded, rows),
        rows,
        vocab_size,
    )


@pytest.mark.parametrize(("family", "name"), stock.ALL_CASES)
def test_config_json_holds_what_the_stock_config_holds(family, name):
    models = stock.torch_models(family, name)
    config = stock.our_config(family, name, models)
    vocab_size = stock.vocab_size_of(models)
    given = next(iter(models.values())).config
    ids = {
        key: getattr(given, key)
        for key in ("pad_token_id", "bos_token_id", "eos_token_id")
        if getattr(given, key) is not None
    }
    length = config.position_limit(0)
    written = CONVERSIONS[family].hf_configs(config, vocab_size, length, ids)
    for folder, model in models.items():
        expected = model.config.to_dict()
        found = type(model.config)(**written[folder]).to_dict()
        found["n_inner"] = expected["n_inner"] = None
        named_otherwise = {"architectures", "dtype", "torch_dtype"}
        for key in expected.keys() - named_otherwise:
            assert found[key] == expected[key], key


def test_activations_mean_the_same_in_transformers():
    import torch

    from transformer_lm.models.feed_forward import ACTIVATIONS

    values = np.linspace(-5, 5, 101, dtype=np.float32)
    stock.transformers()
    from transformers.activations import ACT2FN

    for name, activation in ACTIVATIONS.items():
        expected = ACT2FN[name](torch.tensor(values)).numpy()
        np.testing.assert_allclose(activation(values), expected, atol=1e-6)
