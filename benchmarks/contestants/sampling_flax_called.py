"""Texts by `generate` of transformers 4 in Flax, called as its documentation shows.

Each call traces and compiles its loop anew.
"""

import functools

from benchmarks.contestants import sampling_flax

prepare = functools.partial(sampling_flax.prepare, jitted=False)
