import json

import numpy as np
import pytest
from etils import epath
from flax import serialization
from safetensors.numpy import load_file

from transformer_lm.convert.generation import generation_config
from transformer_lm.convert.to_hf import HfModel, read_weights, write_weights
from transformer_lm.convert.token_ids import token_ids
from transformer_lm.models.gpt2 import Gpt2Config
from transformer_lm.registry import UserError
from transformer_lm.settings import Sampling


class Vocabulary:
    """Ids of special tokens, and nothing else."""

    vocab_size = 130

    def __init__(self, **ids):
        names = ("bos", "eos", "unk", "pad", "cls", "sep", "mask")
        for name in names:
            setattr(self, f"{name}_id", ids.get(name))


@pytest.fixture(scope="module")
def gpt2():
    import jax
    from flax import linen as nn

    config = Gpt2Config(num_layers=2, emb_dim=8, num_heads=2, mlp_dim=12)
    network = config.build(130, max_length=9, dtype="float32")
    row = np.ones((1, 9), np.int32)
    init = jax.jit(network.init)
    parameters = nn.unbox(init(jax.random.key(0), row, row, row))["params"]
    return HfModel(
        "gpt2", config, jax.device_get(parameters), Vocabulary(bos=1, eos=2), 9
    )


def test_the_padded_vocabulary_is_cut_off(gpt2, tmp_path):
    write_weights(gpt2, epath.Path(tmp_path), formats=("safetensors", "flax"))
    state = load_file(tmp_path / "model.safetensors")
    table = gpt2.parameters["token_embedding"]["embedding"]
    assert table.shape == (256, 8)
    np.testing.assert_array_equal(state["transformer.wte.weight"], table[:130])
    assert "lm_head.weight" not in state
    tree = serialization.msgpack_restore((tmp_path / "flax_model.msgpack").read_bytes())
    assert tree["transformer"]["wte"]["embedding"].shape == (130, 8)
    assert tree["transformer"]["h"]["0"]["mlp"]["c_fc"]["kernel"].shape == (12, 8)


def test_what_is_written_is_read_back(gpt2, tmp_path):
    write_weights(gpt2, epath.Path(tmp_path))
    back = read_weights("gpt2", gpt2.config, gpt2.tokenizer, epath.Path(tmp_path))
    table = back["token_embedding"]["embedding"]
    assert not table[130:].any()
    np.testing.assert_array_equal(
        table[:130], gpt2.parameters["token_embedding"]["embedding"][:130]
    )
    for layer in ("layer_0", "layer_1"):
        np.testing.assert_array_equal(
            back["stack"][layer]["attention"]["query"]["kernel"],
            gpt2.parameters["stack"][layer]["attention"]["query"]["kernel"],
        )


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_narrow_weights_are_those_that_rounding_gives(gpt2, tmp_path, dtype):
    write_weights(gpt2, epath.Path(tmp_path), dtype=dtype)
    assert json.loads((tmp_path / "config.json").read_text())["torch_dtype"] == dtype
    back = read_weights("gpt2", gpt2.config, gpt2.tokenizer, epath.Path(tmp_path))
    rounded = gpt2.rounded(dtype).parameters["token_embedding"]["embedding"][:130]
    found = back["token_embedding"]["embedding"][:130]
    np.testing.assert_array_equal(found, rounded)
    original = gpt2.parameters["token_embedding"]["embedding"][:130]
    assert (found != original).any()
    np.testing.assert_allclose(found, original, rtol=0.01, atol=1e-6)


def test_a_decoder_pads_with_its_end_mark():
    ids = token_ids(Vocabulary(bos=1, eos=2), is_decoder=True)
    assert ids == {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2}
    ids = token_ids(Vocabulary(bos=1, eos=2, pad=0), is_decoder=True)
    assert ids["pad_token_id"] == 0


def test_an_encoder_pads_with_what_its_rows_never_hold():
    given = {"bos": 1, "eos": 2, "cls": 3, "sep": 4, "mask": 5}
    ids = token_ids(Vocabulary(**given), is_decoder=False)
    assert ids == {"bos_token_id": 3, "eos_token_id": 4, "pad_token_id": 1}
    with pytest.raises(UserError, match="neither a padding token nor a start mark"):
        token_ids(Vocabulary(cls=3, sep=4), is_decoder=False)


def test_generation_follows_the_sampling_of_the_run():
    sampling = Sampling(
        sampling_temperature=0.7,
        sampling_top_k=50,
        sampling_top_p=0.95,
        max_predict_length=100,
    )
    values = generation_config(sampling, {"eos_token_id": 2}, 1024)
    assert values == {
        "do_sample": True,
        "temperature": 0.7,
        "top_k": 50,
        "top_p": 0.95,
        "repetition_penalty": 1.0,
        "max_length": 101,
        "eos_token_id": 2,
    }
    assert generation_config(sampling, {}, 64)["max_length"] == 64


def test_a_greedy_run_does_not_sample():
    values = generation_config(Sampling(sampling_temperature=0.0), {}, 64)
    assert values["do_sample"] is False
    assert "temperature" not in values
