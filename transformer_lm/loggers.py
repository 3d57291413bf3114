"""Where figures and sample texts go beside the work folder's own files.

The only file that knows `clu` (and, through it, TensorFlow) and Weights & Biases: they
can be left one day without touching a training loop.
"""

import logging
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, Self

from etils import epath

from transformer_lm.data.graph import import_quietly
from transformer_lm.registry import UserError

if TYPE_CHECKING:
    from clu import metric_writers

WANDB_FILE = "wandb_run_id"
"""In a work folder: the id under which Weights & Biases knows the run."""

_LOGGER = logging.getLogger("transformer_lm")


class RunLogger(Protocol):
    """Takes what a run has to tell, a step at a time."""

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Takes figures; they may be nan or infinite."""
        ...

    def texts(self, step: int, values: Mapping[str, str]) -> None:
        """Takes sample texts."""
        ...

    def flush(self) -> None:
        """Makes safe what was taken so far."""
        ...

    def close(self) -> None:
        """Flushes and ends."""
        ...


class TensorBoardLogger:
    """TensorBoard events in a folder; texts are read as Markdown."""

    def __init__(self, writer: "metric_writers.SummaryWriter") -> None:
        self._writer = writer

    @classmethod
    def open(cls, folder: epath.Path) -> Self | None:
        """Opens a writer; TensorFlow is imported here and not before.

        Without it, training from prepared data goes on; a warning says what is missing.
        """
        try:
            import_quietly()
            from clu import metric_writers
        except ImportError as error:
            _LOGGER.warning(
                "no TensorBoard events are written: they need clu, tensorboard and"
                " tensorflow (%s); metrics.jsonl has the same figures."
                " tensorboard=False leaves this line out",
                error,
            )
            return None
        return cls(metric_writers.SummaryWriter(str(folder)))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes figures."""
        self._writer.write_scalars(step, values)

    def texts(self, step: int, values: Mapping[str, str]) -> None:
        """Writes sample texts."""
        self._writer.write_texts(step, values)

    def flush(self) -> None:
        """Writes what is held back."""
        self._writer.flush()

    def close(self) -> None:
        """Closes the files."""
        self._writer.close()


class WandbLogger:
    """A run of Weights & Biases, which goes on under its id after an interruption.

    Whether it is online, offline or disabled is wandb's own matter (`WANDB_MODE`).
    Figures of steps that it has already are passed over there: a resumed run makes them
    again, alike to the bit.

    Args:
        folder: work folder; keeps the run's id and, where it is local, wandb's files.
        project: name of the project.
        settings: of the run.

    Raises:
        UserError: if wandb does not start, for want of a login or a network.
    """

    def __init__(
        self, folder: epath.Path, project: str, settings: Mapping[str, object]
    ) -> None:
        import wandb
        from wandb.errors import Error

        file = folder / WANDB_FILE
        if not file.exists():
            file.write_text(secrets.token_hex(4))
        self._table = wandb.Table
        try:
            self._run = wandb.init(
                project=project,
                name=folder.name,
                id=file.read_text(),
                resume="allow",
                config=dict(settings),
                dir=None if "://" in str(folder) else str(folder),
            )
        except Error as error:
            raise UserError(
                f"wandb_project={project!r}: Weights & Biases does not start ({error})."
                " Give `wandb login` once, or set WANDB_MODE=offline in the environment,"
                " or leave wandb_project unset."
            ) from error

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Sends figures."""
        self._run.log(dict(values), step=step)

    def texts(self, step: int, values: Mapping[str, str]) -> None:
        """Sends sample texts as a table."""
        rows = [[name, text] for name, text in values.items()]
        self._run.log(
            {"samples": self._table(columns=["name", "text"], data=rows)}, step=step
        )

    def flush(self) -> None:
        """Does nothing: wandb sends by itself."""

    def close(self) -> None:
        """Waits until all is sent."""
        self._run.finish()
