"""flax_model.msgpack loads whole into the stock Flax classes and gives our logits."""

import json

import jax
import numpy as np
import pytest
from flax import serialization
from flax.core import unfreeze

from tests.hf import stock
from transformer_lm.convert import CONVERSIONS
from transformer_lm.convert.flax_tree import flax_tree
from transformer_lm.convert.param_map import to_theirs

pytestmark = pytest.mark.hf


@pytest.mark.parametrize("family", list(stock.CASES))
def test_a_flax_folder_gives_our_logits(family, tmp_path):
    import transformers

    name = next(iter(stock.CASES[family]))
    models = stock.torch_models(family, name)
    network, maps, parameters = stock.our_network(family, name, models)
    row, vocab_size = network.max_length, stock.vocab_size_of(models)
    given = next(iter(models.values())).config
    pad = {} if given.pad_token_id is None else {"pad_token_id": given.pad_token_id}
    configs = CONVERSIONS[family].hf_configs(network.config, vocab_size, row, pad)
    rows = stock.batch(models, [row, row - 2], row)
    expected = stock.our_outputs(family, network, parameters, rows)
    inputs = {"input_ids": rows["tokens"], "attention_mask": rows["segments"]}
    if family != "gpt2":
        inputs["token_type_ids"] = rows["token_types"]
    for folder, state in to_theirs(maps, parameters).items():
        path = tmp_path / (folder or "model")
        path.mkdir()
        (path / "config.json").write_text(json.dumps(configs[folder]))
        tree = flax_tree(state)
        data = serialization.msgpack_serialize(tree)
        (path / "flax_model.msgpack").write_bytes(data)
        cls = getattr(transformers, f"Flax{configs[folder]['architectures'][0]}")
        with jax.numpy_rank_promotion("allow"):  # Their code relies on it.
            model = cls.from_pretrained(path)
            fresh = cls(model.config).params
            outputs = model(**inputs)
        assert jax.tree.structure(unfreeze(fresh)) == jax.tree.structure(tree)
        found = outputs.get("logits", outputs.get("prediction_logits"))
        ours = np.asarray(expected[f"{folder}/logits"])
        if ours.ndim == 3:
            ours = ours[..., :vocab_size]
        real = rows["segments"] > 0
        np.testing.assert_allclose(found[real], ours[real], atol=1e-4, rtol=0)
