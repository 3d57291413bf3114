"""The training loop: read it from top to bottom."""

import logging
from collections.abc import Callable

import jax
from etils import epath

from transformer_lm.checkpoint import CheckpointStore
from transformer_lm.config import ConfigError
from transformer_lm.log import setup_logging
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
from transformer_lm.train.state import TrainState
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

    def look(step: int, state: TrainState) -> Outcome | None:
        """Evaluates, samples and tells; None if a signal cuts it short."""
        seen = hold_out.look(state.evaluated, watch.requested)
        if seen is not None:
            reporter.evaluated(step, seen.metrics, seen.samples, data.report())
        return seen

    def ended(step: int, signal: str | None) -> Preempted:
        reporter.close()
        if not settings.checkpoints.save_checkpoints:
            return Preempted(
                f"{signal} received: ended at step {step} of {total}; with"
                " save_checkpoints=False nothing is kept."
            )
        return Preempted(
            f"{signal} received: saved step {step} of {total} in {workdir}."
            " The same command goes on from there."
        )

    outcome = Outcome({}, {})
    if start.lacks_evaluation:
        LOGGER.info("the evaluation of step %d was cut short, and is made now", step)
        outcome = look(step, state)
    elif step >= total:
        LOGGER.info("step %d of %d is done: nothing is left to train", step, total)
        outcome = hold_out.look(state.evaluated, watch.requested)
    if outcome is None:
        raise ended(step, watch.requested())

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
        evaluates = step % settings.evaluation.eval_every_steps == 0 or step == total
        saves = saver.due(step) or step == total
        if not (evaluates or saves or watch.requested()):
            continue
        reporter.catch_up()
        seen = look(step, state) if evaluates else None
        signal = watch.requested()
        if saves or signal is not None:
            check_lock()
            saver.save(
                step,
                state,
                data.get_state(),
                reporter.window(lacks_evaluation=evaluates and seen is None),
                None if seen is None else seen.metrics,
                is_last=step == total or signal is not None,
            )
        if signal is not None:
            raise ended(step, signal)
        outcome = seen or outcome
        reporter.restart_clock(step)

    # Finish.
    store.close()
    reporter.close()
    profiler.close()
    watch.close()
    for name, count in data.report().items():
        LOGGER.info("data: %s: %s", name, count)
    return outcome
