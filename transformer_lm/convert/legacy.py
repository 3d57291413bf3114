"""Parameters of transformer-lm-japanese (a Flax decoder) under our names."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from etils import epath
from flax import serialization

from transformer_lm.models.layers import padded_vocab_size
from transformer_lm.registry import UserError

_DAMAGE = (
    *(ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError),
    *(OverflowError, RecursionError, MemoryError),
)
"""What flax and msgpack raise where the bytes are no tree of arrays."""


def read_legacy_checkpoint(file: epath.PathLike) -> dict[str, Any]:
    """Reads a msgpack `checkpoint_N`: a tree with step, params, opt_state.

    Raises:
      UserError: if the file is not such a checkpoint.
    """
    try:
        tree: Any = serialization.msgpack_restore(epath.Path(file).read_bytes())
    except _DAMAGE as error:
        # By its kind: some errors of msgpack hold all that was read.
        kind = type(error).__name__
        raise UserError(f"{file} is no Flax msgpack checkpoint ({kind})") from error
    params = tree.get("params") if isinstance(tree, dict) else None
    if not isinstance(params, dict) or not isinstance(params.get("decoder"), dict):
        raise UserError(f"{file} holds no decoder of transformer-lm-japanese")
    if strange := _strange(params):
        raise UserError(f"{file} is damaged: params{strange} is no array")
    return tree


def _strange(tree: Any) -> str | None:  # Any: what msgpack can hold.
    """The path of the first leaf that is no array of numbers; None if all are."""
    if isinstance(tree, dict):
        for name, part in tree.items():
            if (path := _strange(part)) is not None:
                return f"/{name}{path}"
        return None
    return None if isinstance(tree, np.ndarray) and tree.dtype.kind in "iufV" else ""


@contextlib.contextmanager
def _refuse_others() -> Iterator[None]:
    """Says that parameters which have other names or shapes are of another program."""
    try:
        yield
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise UserError(
            "the legacy parameters are not those of transformer-lm-japanese"
            f" ({error!r}); take the checkpoint from its source again"
        ) from error


@_refuse_others()
def legacy_parameters(params: Mapping[str, Any], vocab_size: int) -> dict[str, Any]:
    """Renames the tree `params` of a legacy checkpoint.

    Vocabulary axes are padded with zeros to the size that our tables have.

    Raises:
      UserError: if a parameter is left over.
    """
    decoder = dict(params["decoder"])
    padding = padded_vocab_size(vocab_size) - vocab_size

    def pad(array: np.ndarray, axis: int) -> np.ndarray:
        widths = [(0, padding if index == axis else 0) for index in range(array.ndim)]
        return np.pad(array, widths)

    tree: dict[str, Any] = {
        "token_embedding": {"embedding": pad(decoder.pop("Embed_0")["embedding"], 0)},
        "final_norm": {"norm": decoder.pop("encoderdecoder_norm")},
    }
    if "logitdense" in decoder:
        head = decoder.pop("logitdense")
        tree["head"] = {"kernel": pad(head["kernel"], 1), "bias": pad(head["bias"], 0)}
    stack = {}
    while f"encoderdecoderblock_{len(stack)}" in decoder:
        block = decoder.pop(f"encoderdecoderblock_{len(stack)}")
        mlp = block["MlpBlock_0"]
        stack[f"layer_{len(stack)}"] = {
            "attention_norm": {"norm": block["LayerNorm_0"]},
            "attention": block["SelfAttention_0"],
            "feed_forward_norm": {"norm": block["LayerNorm_1"]},
            "feed_forward": {"expand": mlp["Dense_0"], "contract": mlp["Dense_1"]},
        }
    if decoder or not stack:
        raise UserError(f"legacy parameters are left over: {sorted(decoder)}")
    return tree | {"stack": stack}


@_refuse_others()
def legacy_sizes(params: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what the tree `params` says of its network, by our names.

    Raises:
      UserError: if it has no block.
    """
    decoder = params["decoder"]
    if "encoderdecoderblock_0" not in decoder:
        raise UserError("the legacy checkpoint holds no block of a decoder")
    block = decoder["encoderdecoderblock_0"]
    width, heads, head_width = block["SelfAttention_0"]["query"]["kernel"].shape
    return {
        "num_layers": sum(name.startswith("encoderdecoderblock_") for name in decoder),
        "emb_dim": width,
        "num_heads": heads,
        "qkv_dim": heads * head_width,
        "mlp_dim": block["MlpBlock_0"]["Dense_0"]["kernel"].shape[1],
        "logits_via_embedding": "logitdense" not in decoder,
    }


@_refuse_others()
def legacy_vocab_size(params: Mapping[str, Any]) -> int:
    """Returns the rows of the token table."""
    return params["decoder"]["Embed_0"]["embedding"].shape[0]


def begin_with(tree: Mapping[str, Any], start_id: int) -> dict[str, Any]:
    """Copies the token table's row 0 to the row of our start mark.

    That program begins a document with id 0, which is also its padding and its unknown
    piece; ours begins with the tokenizer's start mark, whose row was never read there.
    With the copy the network answers to our start mark as it did to id 0. Where the
    table also scores tokens (logits_via_embedding), the start mark's own score changes
    with it, to that of id 0: neither ever is a target.

    Args:
      tree: from `legacy_parameters`; or moments of the same tree.
      start_id: id of the start mark.
    """
    table = tree["token_embedding"]["embedding"].copy()
    table[start_id] = table[0]
    return {**tree, "token_embedding": {"embedding": table}}
