"""Special tokens of vocabularies that are lists of tokens, known by their names."""

import re
from collections.abc import Mapping

ROLES: Mapping[str, tuple[str, ...]] = {
    "pad_id": ("[PAD]", "<pad>"),
    "unk_id": ("[UNK]", "<unk>"),
    "bos_id": ("[BOS]", "<s>"),
    "eos_id": ("[EOS]", "</s>"),
    "cls_id": ("[CLS]", "<cls>"),
    "sep_id": ("[SEP]", "<sep>"),
    "mask_id": ("[MASK]", "<mask>"),
}
"""What each special token is called; other names may be given, and have no role."""

_UNUSED = re.compile(r"\[unused\d+\]|<unused\d+>")


def names(text: str) -> list[str]:
    """Returns the names in a list separated by commas."""
    return [name.strip() for name in text.split(",")]


def unused(number: int) -> list[str]:
    """Returns names of places that are kept free for special tokens to come."""
    return [f"[unused{index}]" for index in range(number)]


def is_unused(token: str) -> bool:
    """Returns whether a token is such a place, in either usual spelling."""
    return _UNUSED.fullmatch(token) is not None


def problems(text: str) -> list[str]:
    """Lists what is wrong with a list of special tokens, a line each."""
    found = names(text)
    given = f"special_tokens={text!r}"
    if not all(found) or len(set(found)) < len(found):
        return [f"{given} must be different names, separated by commas"]
    listed = [
        f"{given}: {name} is the name of an unused token; set num_unused_tokens"
        for name in found
        if is_unused(name)
    ]
    for role, known in ROLES.items():
        if len(both := [name for name in known if name in found]) > 1:
            listed.append(f"{given} names {' and '.join(both)} for one {role}")
    if not set(ROLES["unk_id"]) & set(found):
        listed.append(
            f"{given} lacks [UNK], which stands for what the vocabulary does not have"
        )
    return listed
