"""The tool as a user runs it; compiling is tested beside the configs."""

import json

import jax
import jax.experimental.topologies
import pytest

from transformer_lm.planning.plan import Plan, largest_batch, make_plan
from transformer_lm.planning.report import plan_text, plan_values
from transformer_lm.planning.topologies import topology
from transformer_lm.registry import UserError
from transformer_lm.tools.plan import parser, stated_topology


@pytest.fixture
def on_cpu(monkeypatch):
    """A slice of eight chips whose devices are the CPU's."""
    slice_ = topology("v5e-8")
    monkeypatch.setattr(type(slice_), "devices", lambda self: jax.devices())
    return slice_


def test_keys_and_flags_are_kept_apart():
    found = parser().parse_args(
        ["--config=c.py", "--config.remat=full", "--topology=v4-8", "--search_batch"]
    )
    assert found.overrides == ["--config.remat=full"]
    assert (found.config, found.topology, found.search_batch) == ("c.py", "v4-8", True)


def test_a_config_states_its_slice(tmp_path):
    config = tmp_path / "mine.py"
    config.write_text('TOPOLOGY = "v5e-64"\n')
    assert stated_topology(f"{config}:argument") == "v5e-64"
    config.write_text("")
    with pytest.raises(UserError, match="states no TOPOLOGY; give --topology"):
        stated_topology(str(config))


def test_without_the_compiler_one_line_says_what_to_install(monkeypatch):
    def missing(*_, **__):
        raise RuntimeError("JAX TPU support not installed\nsee there")

    monkeypatch.setattr(jax.experimental.topologies, "get_topology_desc", missing)
    with pytest.raises(UserError, match=r'pip install -e "\.\[tpu\]"') as caught:
        topology("v4-8").devices()
    assert "\n" not in str(caught.value)


def test_table_and_json_say_the_same(tiny_settings, on_cpu):
    plan = make_plan(tiny_settings(shard_optimizer_over_data=True), on_cpu)
    text = plan_text(plan)
    assert text.startswith("FITS: ")
    assert "on v5e-8 (8 chips, data 8 x fsdp 1 x tensor 1)" in text
    assert "ESTIMATE" in text
    values = json.loads(json.dumps(plan_values(plan)))
    assert values["estimate"]["is_estimate"] is True
    assert values["bytes_by_class"] == plan.bytes_by_class
    for name in plan.bytes_by_class:
        assert f"  {name} " in text
    assert plan.collectives is not None
    for kind in plan.collectives.by_kind:
        assert f"  {kind} " in text
    # The sum of gradients goes out and the parameters come back: 2 x 7/8, if not more.
    least = 2 * 7 / 8 * 4 * plan.parameters
    assert plan.collectives.sent_bytes >= least


def test_what_does_not_fit_is_said_with_what_helps(tiny_settings, on_cpu):
    plan = make_plan(tiny_settings(), on_cpu)
    values = {**vars(plan), "fits": False, "collectives": None, "estimate": None}
    broken = Plan(**{**values, "needed_bytes": 37.04 * 2**30, "verdict": "Used 37.04G"})
    text = plan_text(broken)
    assert text.startswith("DOES NOT FIT: 37.04 of 15.75 GiB a chip")
    assert "Used 37.04G" in text
    assert "fsdp_parallel" in text


def test_the_largest_batch_is_searched_by_plans(tiny_settings, on_cpu, monkeypatch):
    plan = make_plan(tiny_settings(), on_cpu)

    def pretend(settings, slice_):
        rows = settings.training.global_batch_size(8)
        return Plan(**{**vars(plan), "rows": rows, "fits": rows <= 8 * 11})

    monkeypatch.setattr("transformer_lm.planning.plan.make_plan", pretend)
    rows, tried = largest_batch(tiny_settings(), on_cpu)
    assert rows == 11
    assert [other.rows_per_chip for other in tried][:4] == [1, 2, 4, 8]
