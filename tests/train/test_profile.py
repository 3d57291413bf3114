"""profile_steps writes a trace that holds exactly the steps after the warm-up."""

import gzip
import json

import jax.numpy as jnp

from transformer_lm.train.profile import WARM_UP_STEPS, StepProfiler


def steps_in(folder):
    """Numbers of the steps that the traces in a folder show, and how many traces."""
    traces = list(folder.rglob("*.trace.json.gz"))
    events = [
        event
        for file in traces
        for event in json.loads(gzip.decompress(file.read_bytes()))["traceEvents"]
    ]
    found = {
        int(event["args"]["step_num"])
        for event in events
        if event.get("name") == "train" and "step_num" in event.get("args", {})
    }
    return found, len(traces)


def run(profiler, first, count):
    for step in range(first, first + count):
        with profiler.step(step):
            jnp.ones(3).sum().block_until_ready()
    profiler.close()


def test_the_steps_after_the_warm_up_are_recorded(tmp_path):
    run(StepProfiler(str(tmp_path), 5, 3), 5, WARM_UP_STEPS + 8)
    begin = 5 + WARM_UP_STEPS
    assert steps_in(tmp_path) == ({begin, begin + 1, begin + 2}, 1)


def test_a_run_that_ends_early_writes_what_it_has(tmp_path):
    run(StepProfiler(str(tmp_path), 0, 100), 0, WARM_UP_STEPS + 2)
    assert steps_in(tmp_path) == ({WARM_UP_STEPS, WARM_UP_STEPS + 1}, 1)


def test_nothing_is_recorded_unless_asked_for(tmp_path):
    run(StepProfiler(str(tmp_path), 0, 0), 0, WARM_UP_STEPS + 2)
    assert steps_in(tmp_path) == (set(), 0)
