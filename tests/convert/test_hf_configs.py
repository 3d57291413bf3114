import dataclasses

import pytest

from transformer_lm.convert import CONVERSIONS
from transformer_lm.convert.hf_fields import ACTIVATIONS, HfConfigError
from transformer_lm.models import MODELS
from transformer_lm.models.feed_forward import ACTIVATIONS as OURS

SIZES = {"num_layers": 4, "emb_dim": 24, "num_heads": 3, "mlp_dim": 40}
OTHER = {
    "gpt2": {"embedding_dropout_rate": 0.3, "layer_norm_epsilon": 0.01},
    "bert": {"type_vocab_size": 5, "activation": "relu"},
    "roberta": {"position_offset": 4, "layer_norm_epsilon": 1e-12},
    "albert": {"embedding_size": 9, "num_hidden_groups": 2, "inner_group_num": 3},
    "electra": {"embedding_size": 16, "generator_size": 1 / 3},
    "transformer_lm": {"qkv_dim": 18, "position_encoding": "learned"},
}
TOKEN_IDS = {"pad_token_id": 3, "bos_token_id": 1, "eos_token_id": 2}


@pytest.mark.parametrize("family", list(CONVERSIONS))
@pytest.mark.parametrize("given", [{}, SIZES])
def test_config_json_gives_the_config_back(family, given):
    own = OTHER[family] if given else {"position_offset": 4}
    own = {k: v for k, v in own.items() if hasattr(MODELS[family], k)}
    config = MODELS[family](**given, **own, dropout_rate=0.2)
    conversion = CONVERSIONS[family]
    written = conversion.hf_configs(config, 100, 12, TOKEN_IDS)
    back = conversion.from_hf_configs(written)
    expected = dataclasses.replace(config, max_position_embeddings=12)
    if family == "transformer_lm" and not given:
        expected = config  # Sinusoids have no table and no limit.
    if family == "roberta":
        expected = dataclasses.replace(config, max_position_embeddings=16)
    if family == "electra":
        width = config.embedding_size or config.emb_dim
        expected = dataclasses.replace(expected, embedding_size=width)
    assert back == expected
    for values in written.values():
        assert values["vocab_size"] == 100
        assert values.items() >= TOKEN_IDS.items()


def test_every_activation_has_its_name_in_transformers():
    assert set(OURS) == set(ACTIVATIONS.values())
    assert all(ACTIVATIONS[name] == name for name in OURS)


def test_albert_says_that_its_gelu_is_the_tanh_one():
    config = MODELS["albert"]()
    (values,) = CONVERSIONS["albert"].hf_configs(config, 100, 12, {}).values()
    assert values["hidden_act"] == "gelu_new"


@pytest.mark.parametrize(
    ("family", "changed", "expected"),
    [
        (
            "bert",
            {"position_embedding_type": "relative_key"},
            "position_embedding_type=",
        ),
        ("bert", {"tie_word_embeddings": False}, "tie_word_embeddings=False is not"),
        ("bert", {"hidden_act": "mish"}, "activation 'mish' is unknown; known: gelu"),
        ("bert", {"is_decoder": True}, "is_decoder=True is not supported; only False"),
        ("gpt2", {"scale_attn_weights": False}, "scale_attn_weights=False is not"),
        ("albert", {"is_decoder": True}, "is_decoder=True is not supported"),
    ],
)
def test_what_our_network_cannot_do_is_refused(family, changed, expected):
    conversion = CONVERSIONS[family]
    written = conversion.hf_configs(MODELS[family](), 100, 12, {})
    written[""] |= changed
    with pytest.raises(HfConfigError) as error:
        conversion.from_hf_configs(written)
    assert expected in str(error.value)


def test_missing_keys_are_all_named():
    conversion = CONVERSIONS["bert"]
    with pytest.raises(HfConfigError, match=r"hidden_size is missing\n.*num_attention"):
        conversion.from_hf_configs({"": {"model_type": "bert"}})


@pytest.mark.parametrize("inner", [{}, {"n_inner": None}])
def test_gpt2_without_an_inner_width_has_four_times_its_width(inner):
    conversion = CONVERSIONS["gpt2"]
    written = conversion.hf_configs(MODELS["gpt2"](), 100, 12, {})[""]
    del written["n_inner"]
    assert conversion.from_hf_configs({"": {**written, **inner}}).mlp_dim == 3072


def test_albert_files_of_tensorflow_lack_what_transformers_adds():
    written = CONVERSIONS["albert"].hf_configs(MODELS["albert"](), 100, 12, {})[""]
    for key in ("layer_norm_eps", "model_type", "architectures", "torch_dtype"):
        del written[key]
    config = CONVERSIONS["albert"].from_hf_configs({"": written})
    assert config.layer_norm_epsilon == 1e-12


def test_roberta_needs_a_pad_token():
    with pytest.raises(HfConfigError, match="pad_token_id \\+ 1; the tokenizer has no"):
        CONVERSIONS["roberta"].hf_configs(MODELS["roberta"](), 100, 12, {})


@pytest.mark.parametrize("emb_dim", range(8, 1000, 31))
def test_any_width_of_an_electra_generator_comes_back(emb_dim):
    conversion = CONVERSIONS["electra"]
    sizes = dict.fromkeys(("emb_dim", "num_heads", "mlp_dim"), emb_dim)
    config = MODELS["electra"](**sizes)
    written = conversion.hf_configs(config, 100, 12, {})
    for width in range(1, emb_dim + 1):
        for key in ("hidden_size", "num_attention_heads", "intermediate_size"):
            written["generator"][key] = width
        back = conversion.from_hf_configs(written).generator()
        assert (back.emb_dim, back.num_heads, back.mlp_dim) == (width,) * 3


def test_a_generator_of_other_proportions_is_refused():
    conversion = CONVERSIONS["electra"]
    written = conversion.hf_configs(MODELS["electra"](), 100, 12, {})
    written["generator"]["num_attention_heads"] = 8
    with pytest.raises(
        HfConfigError, match=r"num_heads=8; .* 0\.3333 as wide .* num_heads=4"
    ):
        conversion.from_hf_configs(written)
