import pytest

from transformer_lm.planning.memory import GIB, needed_bytes


@pytest.mark.parametrize(
    ("message", "gib"),
    [
        (
            "RESOURCE_EXHAUSTED: XLA:TPU compile permanent error. Ran out of memory in"
            " memory space hbm. Used 37.04G of 15.75G hbm. Exceeded hbm capacity by"
            " 21.29G.",
            37.04,
        ),
        (
            "RESOURCE_EXHAUSTED: Ran out of memory on HBM, the total memory required for"
            " HLO temporaries (179.59G) exceeds available HBM (15.75G).",
            179.59,
        ),
        ("Used 512.00M of 256.00M hbm.", 0.5),
        ("Used 1.5T of 15.75G hbm.", 1536),
    ],
)
def test_both_ways_in_which_the_compiler_says_that_it_does_not_fit(message, gib):
    assert needed_bytes(message) == gib * GIB


def test_other_words_tell_no_size():
    assert needed_bytes("RESOURCE_EXHAUSTED: scoped vmem limit exceeded") is None
