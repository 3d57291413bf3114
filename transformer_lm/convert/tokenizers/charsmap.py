"""SentencePiece's table of normalisation rules, read and written.

The table is a double-array trie (Yata's Darts-clone) from the bytes of a text to places
among texts that end in NUL: the field `precompiled_charsmap` of a model.
"""

import struct
from collections.abc import Iterator, Mapping

import numpy as np

_LEAF = 1 << 31
"""Bit of a unit that holds a value."""
_BLOCK = 256
"""Units that the children of one node may lie in: one for each byte."""
_TOGETHER = 4096
"""Nodes whose children are looked for at a time."""


def read_rules(table: bytes) -> dict[str, str]:
    """Returns {text: what it becomes}."""
    (size,) = struct.unpack_from("<I", table)
    units = np.frombuffer(table, "<u4", size // 4, 4).astype(np.int64)
    texts = table[4 + size :]
    return {
        key.decode(): texts[place : texts.index(b"\0", place)].decode()
        for key, place in _leaves(units)
    }


def _leaves(units: np.ndarray) -> Iterator[tuple[bytes, int]]:
    """Yields each key with its value, the shorter ones first."""
    offsets = units >> 10 << ((units & 1 << 9) >> 6)
    labels = units & (_LEAF | 0xFF)
    letters = np.arange(1, _BLOCK)
    bases, keys = offsets[:1], [b""]
    while keys:
        found, longer = [], []
        for start in range(0, len(keys), _TOGETHER):
            places = bases[start : start + _TOGETHER, None] ^ letters
            inside = places < len(units)
            hits = inside & (labels[np.where(inside, places, 0)] == letters)
            for row, column in np.argwhere(hits):
                found.append(places[row, column])
                longer.append(keys[start + row] + bytes([column + 1]))
        nodes = np.array(found, np.int64)
        bases, keys = nodes ^ offsets[nodes], longer
        for number in np.flatnonzero(units[nodes] >> 8 & 1):
            yield keys[number], int(units[bases[number]] & (_LEAF - 1))


def write_rules(rules: Mapping[str, str]) -> bytes:
    """Returns the table of a few rules, as `read_rules` reads it.

    Each inner node has a block of its own, which is simple and not small.

    Args:
      rules: {text: what it becomes}; no text may begin another one.
    """
    places, texts = {}, b""
    for key, value in rules.items():
        places[key.encode()] = len(texts)
        texts += value.encode() + b"\0"
    inner = sorted({key[:end] for key in places for end in range(len(key))})
    bases = {prefix: _BLOCK * number for number, prefix in enumerate(inner)}
    # Values lie in blocks of their own, where no byte finds a child.
    first = _BLOCK * len(inner)
    bases |= {key: first + number for number, key in enumerate(places)}
    units = [0] * (first + -(-len(places) // _BLOCK) * _BLOCK)
    for key, place in places.items():
        units[bases[key]] = _LEAF | place
    for node in sorted(bases):
        if not node:
            continue
        place = bases[node[:-1]] ^ node[-1]
        units[place] = node[-1] | (node in places) << 8 | (place ^ bases[node]) << 10
    # The root is unit 0; its own block begins there, at offset 0.
    blob = struct.pack(f"<{len(units)}I", *units)
    return struct.pack("<I", len(blob)) + blob + texts
