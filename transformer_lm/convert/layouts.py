"""How one array of ours becomes one of theirs, and back."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np


class Layout(Protocol):
    """A way between our arrays and one of theirs, without loss in either direction."""

    def to_theirs(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        """Returns their array; raises ValueError at a wrong shape."""
        ...

    def to_ours(self, array: np.ndarray) -> Sequence[np.ndarray]:
        """Returns our arrays; raises ValueError at a wrong shape."""
        ...


@dataclass(frozen=True)
class Plain:
    """The same on both sides."""

    def to_theirs(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        """Returns the one array."""
        (array,) = arrays
        return array

    def to_ours(self, array: np.ndarray) -> Sequence[np.ndarray]:
        """Returns the one array."""
        return [array]


PLAIN = Plain()


@dataclass(frozen=True)
class Vector:
    """Ours has a shape, such as heads by width; theirs is flat.

    >>> Vector((2, 3)).to_ours(np.arange(6))[0].shape
    (2, 3)
    """

    shape: tuple[int, ...]
    """Of ours."""

    def to_theirs(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        """Flattens."""
        (array,) = arrays
        return _shaped(array, self.shape).reshape(-1)

    def to_ours(self, array: np.ndarray) -> Sequence[np.ndarray]:
        """Gives it its shape."""
        return [_shaped(array, (math.prod(self.shape),)).reshape(self.shape)]


@dataclass(frozen=True)
class Matrix:
    """Ours is `[*inputs, *outputs]`; theirs is a matrix.

    >>> Matrix((4,), (2, 3)).to_theirs([np.zeros((4, 2, 3))]).shape
    (6, 4)
    """

    inputs: tuple[int, ...]
    """Sizes of our input axes."""
    outputs: tuple[int, ...]
    """Sizes of our output axes."""
    transposed: bool = True
    """Theirs is outputs by inputs, as in torch's Linear; else inputs by outputs."""

    def to_theirs(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        """Makes it a matrix."""
        (array,) = arrays
        array = _shaped(array, (*self.inputs, *self.outputs))
        matrix = array.reshape(math.prod(self.inputs), math.prod(self.outputs))
        return matrix.T if self.transposed else matrix

    def to_ours(self, array: np.ndarray) -> Sequence[np.ndarray]:
        """Gives it our axes."""
        shape = (math.prod(self.inputs), math.prod(self.outputs))
        matrix = _shaped(array, shape[::-1] if self.transposed else shape)
        matrix = matrix.T if self.transposed else matrix
        return [matrix.reshape(*self.inputs, *self.outputs)]


@dataclass(frozen=True)
class Joined:
    """Theirs is several of ours side by side, along its last axis.

    >>> Joined((Vector((2,)), Vector((1,)))).to_theirs([np.ones(2), np.zeros(1)])
    array([1., 1., 0.])
    """

    parts: tuple[Layout, ...]
    """Layout of each of ours; all make arrays of one width."""

    def to_theirs(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        """Joins."""
        pairs = zip(self.parts, arrays, strict=True)
        return np.concatenate([part.to_theirs([array]) for part, array in pairs], -1)

    def to_ours(self, array: np.ndarray) -> Sequence[np.ndarray]:
        """Splits."""
        arrays = np.split(array, len(self.parts), axis=-1)
        pairs = zip(self.parts, arrays, strict=True)
        return [ours for part, piece in pairs for ours in part.to_ours(piece)]


@dataclass(frozen=True)
class Vocabulary:
    """Ours has rows up to a multiple of 128; theirs one for each token.

    Padded rows of a table are never looked up and their logits are masked, so that
    zeros do for them.
    """

    size: int
    """Tokens."""
    padded: int
    """Rows of ours."""
    transposed: bool = False
    """Ours is a matrix with a column for each token."""

    def to_theirs(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        """Trims."""
        (array,) = arrays
        array = array.T if self.transposed else array
        return _shaped(array, (self.padded, *array.shape[1:]))[: self.size]

    def to_ours(self, array: np.ndarray) -> Sequence[np.ndarray]:
        """Pads with zeros."""
        array = _shaped(array, (self.size, *array.shape[1:]))
        widths = [(0, self.padded - self.size)] + [(0, 0)] * (array.ndim - 1)
        array = np.pad(array, widths)
        return [array.T if self.transposed else array]


@dataclass(frozen=True)
class Shifted:
    """Theirs has more rows (or fewer) before those that both have.

    >>> Shifted(2).to_theirs([np.ones((3, 1))]).tolist()
    [[0.0], [0.0], [1.0], [1.0], [1.0]]
    """

    before: int
    """Rows that theirs has more; negative: fewer."""

    def to_theirs(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        """Adds rows of zeros in front, or drops rows."""
        (array,) = arrays
        return _shift(array, self.before)

    def to_ours(self, array: np.ndarray) -> Sequence[np.ndarray]:
        """Drops rows in front, or adds rows of zeros."""
        return [_shift(array, -self.before)]


def _shift(array: np.ndarray, before: int) -> np.ndarray:
    widths = [(max(before, 0), 0)] + [(0, 0)] * (array.ndim - 1)
    return np.pad(array, widths)[max(-before, 0) :]


def _shaped(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if array.shape != shape:
        raise ValueError(f"shape {array.shape} where {shape} is needed")
    return array
