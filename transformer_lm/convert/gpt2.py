"""GPT-2 as `GPT2LMHeadModel` of transformers has it."""

from collections.abc import Mapping

from transformer_lm.convert.conversion import Conversion, HfConfig
from transformer_lm.convert.hf_fields import from_hf, to_hf
from transformer_lm.convert.layouts import Joined, Matrix, Vector, Vocabulary
from transformer_lm.convert.param_map import Entry, ParamMap, expand
from transformer_lm.models.gpt2 import Gpt2Config
from transformer_lm.models.layers import padded_vocab_size

FIELDS = {
    "n_layer": "num_layers",
    "n_embd": "emb_dim",
    "n_head": "num_heads",
    "n_inner": "mlp_dim",
    "activation_function": "activation",
    "resid_pdrop": "dropout_rate",
    "attn_pdrop": "attention_dropout_rate",
    "embd_pdrop": "embedding_dropout_rate",
    "layer_norm_epsilon": "layer_norm_epsilon",
    "initializer_range": "initializer_range",
    "n_positions": "max_position_embeddings",
}
ONLY = {
    "add_cross_attention": False,
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
    "tie_word_embeddings": True,
}


def param_maps(
    config: Gpt2Config, vocab_size: int, token_ids: Mapping[str, int]
) -> dict[str, ParamMap]:
    """Returns the table; matrices are not transposed, for theirs are Conv1D."""
    del token_ids
    embed = (config.emb_dim,)
    mlp = (config.mlp_dim,)
    heads = (config.num_heads, config.emb_dim // config.num_heads)
    qkv = [
        f"stack/layer_{{layer}}/attention/{name}" for name in ("query", "key", "value")
    ]

    def matrix(inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Matrix:
        return Matrix(inputs, outputs, transposed=False)

    def linear(
        ours: str, theirs: str, inputs: tuple[int, ...], outputs: tuple[int, ...]
    ) -> list[Entry]:
        return [
            Entry((f"{ours}/kernel",), f"{theirs}.weight", matrix(inputs, outputs)),
            Entry((f"{ours}/bias",), f"{theirs}.bias", Vector(outputs)),
        ]

    def norm(ours: str, theirs: str) -> list[Entry]:
        return [
            Entry((f"{ours}/norm/scale",), f"{theirs}.weight", Vector(embed)),
            Entry((f"{ours}/norm/bias",), f"{theirs}.bias", Vector(embed)),
        ]

    block, layer = "transformer.h.{layer}", "stack/layer_{layer}"
    entries = [
        Entry(
            ("token_embedding/embedding",),
            "transformer.wte.weight",
            Vocabulary(vocab_size, padded_vocab_size(vocab_size)),
        ),
        Entry(("position_embedding/embedding",), "transformer.wpe.weight"),
        *norm(f"{layer}/attention_norm", f"{block}.ln_1"),
        Entry(
            tuple(f"{name}/kernel" for name in qkv),
            f"{block}.attn.c_attn.weight",
            Joined((matrix(embed, heads),) * 3),
        ),
        Entry(
            tuple(f"{name}/bias" for name in qkv),
            f"{block}.attn.c_attn.bias",
            Joined((Vector(heads),) * 3),
        ),
        *linear(f"{layer}/attention/out", f"{block}.attn.c_proj", heads, embed),
        *norm(f"{layer}/feed_forward_norm", f"{block}.ln_2"),
        *linear(f"{layer}/feed_forward/expand", f"{block}.mlp.c_fc", embed, mlp),
        *linear(f"{layer}/feed_forward/contract", f"{block}.mlp.c_proj", mlp, embed),
        *norm("final_norm", "transformer.ln_f"),
    ]
    param_map = ParamMap(
        expand(entries, layer=config.num_layers),
        tied={"lm_head.weight": "transformer.wte.weight"},
        # Causal masks, which transformers before 4.31 wrote into every file.
        ignored=(r"transformer\.h\.\d+\.attn\.(masked_)?bias",),
    )
    return {"": param_map}


def hf_configs(
    config: Gpt2Config, vocab_size: int, max_length: int, token_ids: Mapping[str, int]
) -> dict[str, HfConfig]:
    """Returns the values of config.json."""
    values = {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "vocab_size": vocab_size,
        **to_hf(config, FIELDS),
        "n_positions": config.position_limit(max_length),
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
        **token_ids,
    }
    return {"": values}


def from_hf_configs(given: Mapping[str, HfConfig]) -> Gpt2Config:
    """Returns our config for the values of config.json."""
    values = given[""]
    width = values.get("n_embd", 768)
    # n_inner is null in most files, and missing in those before transformers 3.
    inner = values.get("n_inner") or 4 * width
    defaults = {"activation_function": "gelu_new", "layer_norm_epsilon": 1e-5}
    found = from_hf({**values, "n_inner": inner}, FIELDS, defaults=defaults, only=ONLY)
    return Gpt2Config(**found)


CONVERSION = Conversion(param_maps, hf_configs, from_hf_configs)
