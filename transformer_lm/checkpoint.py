"""Orbax checkpoints: parameters, the rest of the state, data position, settings.

One folder a step under `workdir/checkpoints`, each with these items:

- `parameters`, `average` and `training`: the state of the run (checkpoint_items.py);
- `data`: for each process the position of its data iterator (checkpoint_position.py);
- `settings`: the resolved settings and the version of this layout.

Orbax writes a step under a temporary name and renames it when it is whole; before that,
checksums of all files are written into it (checksums.py).
"""

from collections.abc import Mapping
from typing import Any

import jax
import orbax.checkpoint as ocp
from etils import epath

from transformer_lm import checkpoint_items
from transformer_lm.checkpoint_position import (
    DataPositionHandler,
    DataPositionRestore,
    DataPositionSave,
)
from transformer_lm.checksums import MARK, write_checksums
from transformer_lm.registry import UserError

FORMAT_VERSION = 1
HIGHER_IS_BETTER = ("accuracy", "precision", "recall")


class CheckpointWriteError(UserError):
    """A checkpoint that could not be written."""


def folder(workdir: str) -> epath.Path:
    """Where the checkpoints of a work folder lie."""
    return epath.Path(workdir) / "checkpoints"


class CheckpointStore:
    """The checkpoints of one work folder.

    Args:
      workdir: the work folder; created if missing.
      keep: how many of the newest stay.
      best_metric: the checkpoint that has it best stays besides; ranked among those
        saved at a step that was also evaluated.
      writes: False only reads: the folder must be there and is left as it is, whoever
        may be saving into it.
    """

    def __init__(
        self,
        workdir: str,
        *,
        keep: int = 1,
        best_metric: str = "loss",
        writes: bool = True,
    ) -> None:
        sign = 1.0 if best_metric.endswith(HIGHER_IS_BETTER) else -1.0
        policies = ocp.checkpoint_managers
        self._saving = 0
        self._manager = ocp.CheckpointManager(
            epath.Path(workdir).resolve() / "checkpoints",
            options=ocp.CheckpointManagerOptions(
                cleanup_tmp_directories=writes,
                create=writes,
                async_options=ocp.options.AsyncOptions(
                    post_finalization_callback=self._write_checksums
                )
                if writes
                else None,
                preservation_policy=policies.AnyPreservationPolicy(
                    [
                        policies.LatestN(keep),
                        policies.BestN(
                            get_metric_fn=lambda values: sign * values[best_metric],
                            n=1,
                            keep_checkpoints_without_metrics=False,
                        ),
                    ]
                ),
            ),
            item_handlers={
                "parameters": ocp.StandardCheckpointHandler(),
                "average": ocp.StandardCheckpointHandler(),
                "training": ocp.StandardCheckpointHandler(),
                "data": DataPositionHandler(),
                "settings": ocp.JsonCheckpointHandler(),
            },
        )

    def steps(self) -> list[int]:
        """Steps that have a whole checkpoint, in order."""
        return sorted(self._manager.all_steps())

    def folder(self, step: int) -> epath.Path:
        """Where the checkpoint of a step lies."""
        return self._manager.directory / str(step)

    def latest_step(self) -> int | None:
        """The newest step that has a whole checkpoint."""
        return self._manager.latest_step()

    def save(
        self,
        step: int,
        state: Any,
        position: bytes | None,
        settings: Mapping[str, Any],
        window: Mapping[str, Any],
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """Starts to save; the arrays are copied first, so training may go on.

        Args:
          step: updates done.
          state: a `TrainState`.
          position: of this process's data iterator after `step` batches; None: the
            data is to start anew.
          settings: flat resolved settings.
          window: training sums that are not logged yet, as JSON values.
          metrics: held-out metrics at this very step, if it was evaluated.

        Raises:
          CheckpointWriteError: if this or an earlier save could not be written.
        """
        self.wait()
        self._saving = step
        items: dict[str, ocp.args.CheckpointArgs] = {
            name: ocp.args.StandardSave(tree)
            for name, tree in checkpoint_items.split(state).items()
        }
        if position is not None:
            items["data"] = DataPositionSave(position)
        try:
            self._manager.save(
                step,
                args=ocp.args.Composite(
                    **items,
                    settings=ocp.args.JsonSave(
                        {
                            "format": FORMAT_VERSION,
                            MARK: "sha256",
                            "settings": dict(settings),
                            "window": dict(window),
                        }
                    ),
                ),
                metrics=None if metrics is None else dict(metrics),
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise self._write_error(step, error) from error

    def wait(self) -> None:
        """Returns when everything is written.

        Raises:
          CheckpointWriteError: if it could not be written.
        """
        try:
            self._manager.wait_until_finished()
        except (OSError, ValueError, RuntimeError) as error:
            raise self._write_error(None, error) from error

    def settings(self, step: int) -> dict[str, Any]:
        """Flat `settings` of the run that saved `step`, and its `window`."""
        args = ocp.args.Composite(settings=ocp.args.JsonRestore())
        saved = self._manager.restore(step, args=args)["settings"]
        if saved["format"] != FORMAT_VERSION:
            raise UserError(
                f"checkpoint {step} has layout version {saved['format']}; this program"
                f" reads version {FORMAT_VERSION}"
            )
        return saved

    def restore(
        self, step: int, abstract: Any, *, global_position: bool = False
    ) -> tuple[Any, bytes | None]:
        """Returns the state and this process's data position, None where it has none.

        Args:
          step: which checkpoint.
          abstract: a `TrainState` of shapes with shardings.
          global_position: all processes have the same position, however many they are.
        """
        wanted = checkpoint_items.split(abstract)
        self._check(step, wanted)
        args: dict[str, ocp.args.CheckpointArgs] = {
            name: ocp.args.StandardRestore(tree) for name, tree in wanted.items()
        }
        if "data" in self._manager.item_metadata(step).keys():  # noqa: SIM118
            args["data"] = DataPositionRestore(global_position)
        restored = self._manager.restore(step, args=ocp.args.Composite(**args))
        return checkpoint_items.join(abstract, restored), restored.get("data")

    def parameters(self, step: int, abstract: Any, *, average: bool) -> Any:
        """Returns the parameters alone, or their moving average.

        Args:
          step: which checkpoint.
          abstract: parameters as shapes with shardings.
          average: the run keeps a moving average; return that.
        """
        name = "average" if average else "parameters"
        self._check(step, {name: abstract})
        args = ocp.args.Composite(**{name: ocp.args.StandardRestore(abstract)})
        return self._manager.restore(step, args=args)[name]

    def shapes(self, step: int, item: str) -> dict[str, tuple[int, ...]]:
        """Returns the shape of each array of an item, by its path (`a/b/c`).

        Args:
          step: which checkpoint.
          item: "parameters" or "average".
        """
        saved = checkpoint_items.shapes(self._manager.item_metadata(step), item)
        return {name[1:].replace(".", "/"): shape for name, shape in saved.items()}

    def _check(self, step: int, wanted: Mapping[str, Any]) -> None:
        checkpoint_items.check_shapes(
            self._manager.item_metadata(step),
            wanted,
            place=f"checkpoint {step} in {self._manager.directory}",
        )

    def close(self) -> None:
        """Waits for what is being written, and lets go of the folder."""
        self.wait()
        self._manager.close()

    def _write_checksums(self) -> None:
        """Called by Orbax when all files of a step are written, before it is named."""
        if jax.process_index() != 0:
            return
        for path in self._manager.directory.iterdir():
            if path.name.partition(".")[0] == str(self._saving):
                write_checksums(path)

    def _write_error(self, step: int | None, error: Exception) -> UserError:
        place = f"checkpoint {step}" if step is not None else "the last checkpoint"
        whole = self.steps()
        return CheckpointWriteError(
            f"{place} could not be written to {self._manager.directory}: {error}\n"
            "Free space or mend the folder, then run the same command again; it goes"
            f" on from step {whole[-1] if whole else 0}."
        )
