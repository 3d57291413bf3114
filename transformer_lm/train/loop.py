"""The training loop: read it from top to bottom."""

import logging

import jax

from transformer_lm.checkpoint import CheckpointStore
from transformer_lm.config import ConfigError, Settings
from transformer_lm.data.feeding import run_tokenizer, train_batches
from transformer_lm.data.row_builders import row_builder
from transformer_lm.objectives.vocabulary import Vocabulary
from transformer_lm.parallel import to_global
from transformer_lm.progress import setup_logging
from transformer_lm.train.attention import check_attention
from transformer_lm.train.hold_out import HoldOut, Outcome
from transformer_lm.train.preemption import Preempted, PreemptionWatch
from transformer_lm.train.profile import StepProfiler
from transformer_lm.train.program import build_program
from transformer_lm.train.reporter import Reporter
from transformer_lm.train.restore import restore
from transformer_lm.train.saver import Saver
from transformer_lm.train.workdir import open_workdir, write_settings

LOGGER = logging.getLogger("transformer_lm")


def run(settings: Settings, workdir: str) -> Outcome:
    """Trains, or goes on with, the run of a work folder.

    Raises:
      ConfigError: if the settings do not fit this machine.
      Preempted: if the machine asked the run to end; its state is saved.
      UserError: for everything else that a user can mend.
    """
    # Check before any work.
    problems = settings.problems_on(
        jax.device_count(), jax.process_count(), jax.default_backend()
    )
    if problems:
        raise ConfigError(problems)
    path = open_workdir(workdir)
    setup_logging(workdir, enabled=jax.process_index() == 0)

    # Build the tokenizer, the network and the data.
    processes = {
        "process_index": jax.process_index(),
        "process_count": jax.process_count(),
    }
    training, total = settings.training, settings.training.num_train_steps
    tokenizer = run_tokenizer(
        settings.tokenizer, settings.source, workdir, settings.windows, **processes
    )
    program = build_program(
        settings,
        Vocabulary(tokenizer.vocab_size, tokenizer.mask_id, tokenizer.special_ids),
    )
    check_attention(settings, program.attention, program.mesh)
    rows = row_builder(settings.objective.rows, settings.windows, tokenizer)
    devices, process_count = jax.device_count(), jax.process_count()
    data = train_batches(
        settings.source,
        settings.windows,
        tokenizer,
        rows,
        process_rows=training.rows_of_processes(devices, process_count),
        accumulation=training.grad_accumulation_steps,
        seed=training.seed,
        process_index=jax.process_index(),
    )
    micro_rows = training.process_micro_rows(devices, process_count)
    hold_out = HoldOut(settings, tokenizer, program, rows)

    # Restore this work folder's newest checkpoint, or begin (restore.py has the order).
    store = CheckpointStore(
        workdir,
        keep=settings.checkpoints.keep_checkpoints,
        best_metric=settings.checkpoints.best_metric,
    )
    start = restore(settings, workdir, program, store)
    if start.position is not None:
        data.set_state(start.position)
    if jax.process_index() == 0:
        write_settings(path, settings)
    state, step = start.state, start.step
    reporter = Reporter(settings, workdir, tokenizer.vocab_size, step, start.window)
    saver = Saver(store, settings, step)
    profiler = StepProfiler(str(path / "profile"), step, training.profile_steps)
    watch = PreemptionWatch()
    outcome = Outcome({}, {})

    # Train: nothing in this loop waits for the devices but `sent`, which waits for the
    # step before the one just sent, and catch_up. The next batch is thus made and put on
    # the devices while a step runs.
    while step < total:
        batch = to_global(
            next(data), program.mesh, training.grad_accumulation_steps, micro_rows
        )
        with profiler.step(step), jax.transfer_guard("disallow"):
            state, metrics = program.train_step(state, batch)
        step += 1
        reporter.sent(step, metrics)
        signal = watch.requested(step)
        evaluates = step % settings.evaluation.eval_every_steps == 0 or step == total
        saves = saver.due(step) or step == total or signal is not None
        if not evaluates and not saves:
            continue
        reporter.catch_up()
        held_out = None
        if evaluates and signal is None:
            outcome = hold_out.look(state.evaluated)
            held_out = outcome.metrics
            reporter.evaluated(step, outcome.metrics, outcome.samples)
        if saves:
            saver.save(step, state, data.get_state(), reporter.window(), held_out)
        if signal is not None:
            saver.close()
            reporter.close()
            raise Preempted(
                f"{signal} received: saved step {step} of {total} in {workdir}."
                " The same command goes on from there."
            )
        reporter.restart_clock(step)

    # Finish.
    if start.step >= total:
        LOGGER.info("step %d of %d is done: nothing is left to train", step, total)
        outcome = hold_out.look(state.evaluated)
    saver.close()
    reporter.close()
    profiler.close()
    watch.close()
    for name, count in data.report().items():
        LOGGER.info("data: %s: %s", name, count)
    return outcome
