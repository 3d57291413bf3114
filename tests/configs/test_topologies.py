"""Each config states a TPU slice, and fits it."""

import importlib.util
from pathlib import Path

import jax
import pytest

from transformer_lm.config_files import load_config, settings_from
from transformer_lm.planning.plan import make_plan
from transformer_lm.planning.topologies import topology
from transformer_lm.tools.plan import stated_topology

ROOT = Path(__file__).parents[2]
CONFIGS = sorted(str(path) for path in (ROOT / "configs").glob("*.py"))
CHIPS_OF_A_HOST = 4

needs_compiler = pytest.mark.skipif(
    importlib.util.find_spec("libtpu") is None, reason="needs the extra tpu"
)


def recipe(config):
    """Settings of a config; those that read the user's own text need a name of it."""
    with_text = load_config(config).dataset_name == "text_files"
    return settings_from(config, ["data_path=mine.txt"] if with_text else [])


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: Path(path).stem)
def test_rows_divide_over_the_chips(config):
    chips = topology(stated_topology(config)).num_chips
    settings = recipe(config)
    hosts = max(chips // CHIPS_OF_A_HOST, 1)
    assert settings.problems_on(chips, hosts, "tpu") == []


@needs_compiler
@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: Path(path).stem)
def test_the_config_fits_its_slice(config):
    plan = make_plan(recipe(config), topology(stated_topology(config)))
    assert plan.fits, plan.verdict


@needs_compiler
def test_a_plan_for_a_tpu_holds_together():
    """A network of one narrow layer, on eight chips that are not there."""
    file = str(ROOT / "configs" / "tiny.py:transformer_lm")
    settings = settings_from(file, ["num_layers=1", "fsdp_parallel=8", "scan_layers"])
    plan = make_plan(settings, topology("v5e-8"))
    assert plan.fits
    assert plan.chips == 8
    assert sum(plan.bytes_by_class.values()) == plan.needed_bytes < plan.hbm_bytes
    # Two moments in the data type of the parameters, and a few counts.
    parameters = plan.bytes_by_class["parameters"]
    assert parameters * 2 <= plan.bytes_by_class["optimizer"] <= parameters * 2 + 64
    assert plan.collectives is not None
    assert plan.collectives.sent_bytes > 0
    assert plan.estimate is not None
    assert plan.estimate.overlapped <= plan.estimate.one_by_one


@needs_compiler
def test_what_does_not_fit_is_a_verdict():
    file = str(ROOT / "configs" / "tiny.py:transformer_lm")
    huge = ["num_layers=1", "batch_size=None", "per_device_batch_size=200000"]
    plan = make_plan(settings_from(file, huge), topology("v5e-1"))
    assert not plan.fits
    assert plan.needed_bytes is None or plan.needed_bytes > plan.hbm_bytes
    assert "RESOURCE_EXHAUSTED" in plan.verdict


def test_figures_of_a_plan_are_those_of_the_program(tiny_settings, monkeypatch):
    """On the CPU's devices, which need no compiler of TPUs."""
    slice_ = topology("v5e-8")
    monkeypatch.setattr(type(slice_), "devices", lambda self: jax.devices())
    plan = make_plan(tiny_settings(), slice_)
    assert plan.rows == 8
    leaves = 4 * plan.parameters
    assert plan.bytes_by_class["parameters"] == leaves  # Whole on each device.
    divided = make_plan(tiny_settings(shard_optimizer_over_data=True), slice_)
    saved = plan.bytes_by_class["optimizer"] - divided.bytes_by_class["optimizer"]
    assert saved == pytest.approx(2 * leaves * 7 / 8, rel=1e-3)
    assert divided.bytes_by_class["parameters"] == leaves
    one_row = tiny_settings().flops_per_token(1500) * 64
    assert plan.flops_per_step == 8 * one_row
