"""Several processes of one run: how they meet, and what they do together."""

from collections.abc import Callable

import jax
import numpy as np
from jax.experimental import multihost_utils

from transformer_lm.registry import UserError


def start_distributed(
    coordinator: str | None, num_processes: int | None, process_id: int | None
) -> None:
    """Joins the processes of a multi-host run; does nothing for a single one.

    Args:
      coordinator: `host:port` of process 0, or "auto" to ask the cluster (Cloud TPU,
        SLURM, Kubernetes, Open MPI); None for a single process.
      num_processes: how many processes there are; None with "auto".
      process_id: the number of this one; None with "auto".

    Raises:
      UserError: if the arguments do not belong together, or there is no such cluster.
    """
    given = [
        f"--{name}={value}"
        for name, value in (
            ("num_processes", num_processes),
            ("process_id", process_id),
        )
        if value is not None
    ]
    if coordinator is None and not given:
        return
    if coordinator is None:
        raise UserError(
            f"{' '.join(given)} without --coordinator: name process 0, as"
            " --coordinator=HOST:PORT"
        )
    if coordinator == "auto" and given:
        raise UserError(
            f"--coordinator=auto asks the cluster for {' and '.join(given)}; leave them"
            " out, or give --coordinator=HOST:PORT"
        )
    if coordinator != "auto" and (num_processes is None or process_id is None):
        raise UserError(
            f"--coordinator={coordinator} needs --num_processes and --process_id besides"
            f" (given: {' '.join(given) or 'none'}); --coordinator=auto asks the cluster"
        )
    if num_processes is not None and process_id not in range(num_processes):
        raise UserError(
            f"--process_id={process_id} must lie in 0 to {num_processes - 1}"
        )
    # Only CPU devices look at this, and they cannot work together without it.
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    if coordinator != "auto":
        jax.distributed.initialize(coordinator, num_processes, process_id)
        return
    try:
        jax.distributed.initialize()
    except ValueError as error:
        raise UserError(
            f"--coordinator=auto: no cluster was found ({error}). JAX knows Cloud TPU,"
            " SLURM (srun), Kubernetes (Indexed Job, package kubernetes) and Open MPI 4"
            " (mpirun); elsewhere give --coordinator=HOST:PORT --num_processes=N"
            " --process_id=I"
        ) from error


def any_process(flag: bool) -> bool:
    """Whether `flag` is true on any process; every process must call this."""
    if jax.process_count() == 1:
        return flag
    return bool(multihost_utils.process_allgather(np.asarray(flag)).any())


def first_process_does(action: Callable[[], object]) -> None:
    """Has process 0 do something that the others wait for; every process calls this.

    Raises:
      UserError, OSError: of the action; the others raise too, so that none waits.
    """
    failure: UserError | OSError | None = None
    if jax.process_index() == 0:
        try:
            action()
        except (UserError, OSError) as error:
            failure = error
    if any_process(failure is not None):
        raise failure or UserError("process 0 stopped; its message says why")
