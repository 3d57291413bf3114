import pytest

from transformer_lm.planning.roofline import estimate_step
from transformer_lm.planning.topologies import GENERATIONS


def test_seconds_by_hand():
    found = estimate_step(
        GENERATIONS["v5e"],
        peak_flops=200e12,
        flops=100e12,
        state_bytes=819e6,
        temporary_bytes=819e6,
        accumulation=4,
        sent_bytes=50e9,
    )
    assert found.compute == 0.5
    # 2 x 0.819 GB of state and 4 x 2 x 0.819 GB at 819 GB/s.
    assert found.hbm == pytest.approx(0.010)
    assert found.ici == 0.25
    assert found.overlapped == 0.5
    assert found.one_by_one == pytest.approx(0.76)
