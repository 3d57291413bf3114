"""The training loop: read it from top to bottom."""

import logging
from collections.abc import Callable

import jax
from etils import epath

from transformer_lm.checkpoint import CheckpointStore
from transformer_lm.config import ConfigError
from transformer_lm.progress import setup_logging
from transformer_lm.registry import UserError
from transformer_lm.run_settings import Settings
from transformer_lm.train.assembly import assemble, placed
from transformer_lm.train.attention import check_attention
from transformer_lm.train.hold_out import HoldOut, Outcome
from transformer_lm.train.lock import only_run
from transformer_lm.train.preemption import Preempted, PreemptionWatch
from transformer_lm.train.profile import StepProfiler
from transformer_lm.train.reporter import Reporter
from transformer_lm.train.restore import restore
from transformer_lm.train.saver import Saver
from transformer_lm.train.soundness import set_unsound_aside
from transformer_lm.train.workdir import open_workdir, write_settings

LOGGER = logging.getLogger("transformer_lm")


def run(settings: Settings, workdir: str, *, take_over: bool = False) -> Outcome:
    """Trains, or goes on with, the run of a work folder.

    Args:
      settings: of the run.
      workdir: where it writes; one run at a time.
      take_over: see `RunLock`.

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
    with only_run(path, take_over=take_over) as check_lock:
        set_unsound_aside(workdir)
        store = CheckpointStore(
            workdir,
            keep=settings.checkpoints.keep_checkpoints,
            best_metric=settings.checkpoints.best_metric,
        )
        try:
            return _train(settings, workdir, store, check_lock)
        except (UserError, OSError):
            store.wait()  # What is being saved is whole before the process ends.
            raise


def _train(
    settings: Settings,
    workdir: str,
    store: CheckpointStore,
    check_lock: Callable[[], None],
) -> Outcome:
    """Trains in a folder that is this run's alone."""
    training, total = settings.training, settings.training.num_train_steps
    tokenizer, program, rows, data = assemble(settings, workdir)
    check_attention(settings, program.attention, program.mesh)
    hold_out = HoldOut(settings, tokenizer, program, rows)

    # Restore this work folder's newest checkpoint, or begin (restore.py has the order).
    start = restore(settings, workdir, program, store)
    if start.position is not None:
        data.set_state(start.position)
    path = epath.Path(workdir)
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
        taken = next(data)
        batch = placed(taken, training, program.mesh)
        with profiler.step(step), jax.transfer_guard("disallow"):
            state, metrics = program.train_step(state, batch)
        step += 1
        reporter.sent(step, metrics, taken)
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
            reporter.evaluated(step, held_out, outcome.samples, data.report())
        if saves:
            check_lock()
            saver.save(
                step,
                state,
                data.get_state(),
                reporter.window(),
                held_out,
                is_last=step == total or signal is not None,
            )
        if signal is not None:
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
    store.close()
    reporter.close()
    profiler.close()
    watch.close()
    for name, count in data.report().items():
        LOGGER.info("data: %s: %s", name, count)
    return outcome
