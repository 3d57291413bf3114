"""A run's train step, compiled for a TPU slice that is not there."""

import dataclasses
import logging
import time
from dataclasses import dataclass
from typing import Any, cast

import jax

from transformer_lm.config import ConfigError
from transformer_lm.planning.collectives import Collectives, read_collectives
from transformer_lm.planning.inputs import abstract_batch, planned_vocabulary
from transformer_lm.planning.memory import (
    GIB,
    argument_bytes,
    compiled_bytes,
    needed_bytes,
)
from transformer_lm.planning.roofline import Estimate, estimate_step
from transformer_lm.planning.search import largest_fitting
from transformer_lm.planning.topologies import Topology
from transformer_lm.run_settings import Settings
from transformer_lm.throughput import device_peak_flops
from transformer_lm.train.program import build_program

LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """What a train step needs on each chip, as its compiler says."""

    topology: str
    chips: int
    mesh: dict[str, int]
    """Devices along each axis."""
    rows: int
    """In a global batch."""
    length: int
    """Tokens in a row."""
    accumulation: int
    """Micro-batches in a step."""
    parameters: int
    """Of the whole network."""
    fits: bool
    hbm_bytes: float
    """Memory of a chip that a program may use."""
    needed_bytes: float | None
    """What the step needs of it; None: more than the compiler would tell."""
    bytes_by_class: dict[str, int]
    """Of a chip; where the step does not fit, what the state and the batch take."""
    flops_per_step: float
    """Model FLOPs of all chips together, by the model's own formula."""
    peak_flops: float
    """FLOP/s of all chips together."""
    collectives: Collectives | None
    estimate: Estimate | None
    """Of the time of a step; None where it does not fit."""
    verdict: str
    """The compiler's own words where the step does not fit."""
    compile_seconds: float

    @property
    def rows_per_chip(self) -> float:
        """Rows of a global batch by chips."""
        return self.rows / self.chips


def make_plan(settings: Settings, topology: Topology) -> Plan:
    """Compiles the train step of a run for a slice and looks at what came out.

    Raises:
      ConfigError: if the settings do not fit so many devices.
      UserError: if there is no compiler for TPUs here.
    """
    devices = topology.devices()
    processes = len({device.process_index for device in devices})
    if problems := settings.problems_on(len(devices), processes, devices[0].platform):
        raise ConfigError(problems, f"the config on {topology.name}")
    training = settings.training
    micro_rows = training.process_micro_rows(len(devices), processes) * processes
    rows = micro_rows * training.grad_accumulation_steps
    vocabulary = planned_vocabulary(settings)
    program = build_program(settings, vocabulary, devices)
    batch = abstract_batch(settings, program.mesh, rows)
    length = settings.windows.max_target_length
    flops = settings.flops_per_token(vocabulary.size) * rows * length
    peak = device_peak_flops(devices, training.compute_dtype)
    arguments = argument_bytes(program.abstract, batch)
    plan = Plan(
        topology=topology.name,
        chips=len(devices),
        mesh=dict(program.mesh.shape),
        rows=rows,
        length=length,
        accumulation=training.grad_accumulation_steps,
        parameters=sum(
            leaf.size for leaf in jax.tree.leaves(program.abstract.parameters)
        ),
        fits=False,
        hbm_bytes=topology.generation.hbm_gib * GIB,
        needed_bytes=None,
        bytes_by_class=arguments,
        flops_per_step=flops,
        peak_flops=peak,
        collectives=None,
        estimate=None,
        verdict="",
        compile_seconds=0.0,
    )
    LOGGER.info("compiling %d rows for %s (a minute or more)", rows, topology.name)
    started = time.monotonic()
    step = cast(jax.stages.Wrapped, program.train_step)
    lowered = step.lower(program.abstract, batch)
    try:
        compiled = lowered.compile()
    except jax.errors.JaxRuntimeError as error:
        words = str(error).splitlines()[0]
        if "RESOURCE_EXHAUSTED" not in words:
            raise
        return dataclasses.replace(
            plan,
            needed_bytes=needed_bytes(str(error)),
            verdict=words,
            compile_seconds=time.monotonic() - started,
        )
    by_class = compiled_bytes(arguments, compiled)
    text = compiled.as_text()
    assert text is not None  # Compilers that tell nothing have no such analysis either.
    collectives = read_collectives(text, len(devices))
    return dataclasses.replace(
        plan,
        fits=True,
        needed_bytes=sum(by_class.values()),
        bytes_by_class=by_class,
        collectives=collectives,
        estimate=estimate_step(
            topology.generation,
            peak_flops=peak / len(devices),
            flops=flops / len(devices),
            state_bytes=sum(arguments.values()) - arguments["batch"],
            temporary_bytes=by_class["activations and temporaries"],
            accumulation=plan.accumulation,
            sent_bytes=collectives.sent_bytes,
        ),
        compile_seconds=time.monotonic() - started,
    )


def largest_batch(settings: Settings, topology: Topology) -> tuple[int, list[Plan]]:
    """Searches the largest per_device_batch_size that fits.

    Returns:
      (rows a chip, the plans that were made on the way).
    """
    tried: list[Plan] = []

    def fits(rows: int) -> bool:
        changes: dict[str, Any] = {"per_device_batch_size": rows, "batch_size": None}
        changes["per_process_batch"] = None
        training = dataclasses.replace(settings.training, **changes)
        tried.append(
            make_plan(dataclasses.replace(settings, training=training), topology)
        )
        LOGGER.info("%d rows a chip: %s", rows, "fit" if tried[-1].fits else "too many")
        return tried[-1].fits

    accumulation = settings.training.grad_accumulation_steps
    rows = settings.training.global_batch_size(topology.num_chips)
    start = max(rows // topology.num_chips, accumulation)
    return largest_fitting(fits, start, accumulation), tried
