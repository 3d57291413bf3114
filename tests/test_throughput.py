import logging
from dataclasses import dataclass

import jax
import pytest

from transformer_lm import throughput
from transformer_lm.throughput import Throughput, device_peak_flops, measured_peak


@dataclass(frozen=True)
class FakeDevice:
    device_kind: str
    platform: str = "gpu"
    process_index: int = 0


class FakeClock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_speeds_cover_the_time_since_the_last_start_or_reading() -> None:
    clock = FakeClock()
    meter = Throughput(
        tokens_per_step=1000, flops_per_token=6e6, peak_flops=6e10, clock=clock
    )
    assert meter.read(0) == {}
    clock.now = 100  # Compilation of step 1.
    meter.start(1)
    clock.now = 105
    assert meter.read(11) == {
        "steps_per_second": 2,
        "tokens_per_second": 2000,
        "mfu": 20,
    }
    clock.now = 500  # An evaluation.
    meter.start(11)
    clock.now = 501
    assert meter.read(12)["steps_per_second"] == 1


def test_without_a_step_there_is_no_speed_and_the_clock_goes_on() -> None:
    clock = FakeClock()
    meter = Throughput(
        tokens_per_step=1, flops_per_token=1, peak_flops=None, clock=clock
    )
    meter.start(5)
    clock.now = 1
    assert meter.read(5) == {}
    clock.now = 2
    assert meter.read(6) == {"steps_per_second": 0.5, "tokens_per_second": 0.5}


@pytest.mark.parametrize(
    ("kind", "peak"),
    [
        ("TPU v2", 22.5e12),
        ("TPU v3", 61.5e12),
        ("TPU v4", 275e12),
        ("TPU v5 lite", 197e12),
        ("TPU v5", 459e12),
        ("TPU v6 lite", 918e12),
        ("NVIDIA A100-SXM4-40GB", 312e12),
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA H200", 989e12),
        ("NVIDIA L4", 121e12),
        ("Tesla T4", 65e12),
    ],
)
def test_known_devices_have_the_maker_s_peak(kind: str, peak: float) -> None:
    devices = [FakeDevice(kind)] * 8
    assert device_peak_flops(devices, "bfloat16") == 8 * peak


@pytest.mark.parametrize("kind", ["TPU v4 lite", "NVIDIA L40S", "NVIDIA GH200 480GB"])
def test_a_similar_name_is_no_known_device(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throughput, "measured_peak", lambda kind, dtype: 1.0)
    assert device_peak_flops([FakeDevice(kind)] * 2, "float32") == 2


def test_cpu_devices_of_a_process_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throughput, "measured_peak", lambda kind, dtype: 7.0)
    devices = [FakeDevice("cpu", "cpu", index // 4) for index in range(8)]
    assert device_peak_flops(devices, "float32") == 14


def test_an_unknown_device_is_measured_once_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    measured_peak.cache_clear()
    with caplog.at_level(logging.INFO, logger="transformer_lm"):
        peak = device_peak_flops(jax.devices(), "float32")
        assert device_peak_flops(jax.devices(), "float32") == peak
    assert 1e9 < peak < 1e14
    assert caplog.text.count("measured by a float32 matrix product") == 1
