"""The item `data` of a checkpoint: where in the data each process is."""

import dataclasses

import jax
import orbax.checkpoint as ocp
from etils import epath


class DataPositionHandler(ocp.CheckpointHandler):
    """Writes one file of bytes a process."""

    def save(self, directory: epath.Path, args: "DataPositionSave") -> None:
        """Writes this process's position."""
        self._file(directory).write_bytes(args.position)

    def restore(
        self, directory: epath.Path, args: "DataPositionRestore | None" = None
    ) -> bytes | None:
        """Reads this process's position, or the first one's where all are alike.

        None if it was saved by another number of processes, each with its own.
        """
        file = self._file(directory)
        if not file.exists() and args is not None and args.is_global:
            file = next(iter(directory.glob("process_0-of-*")), file)
        return file.read_bytes() if file.exists() else None

    def _file(self, directory: epath.Path) -> epath.Path:
        name = f"process_{jax.process_index()}-of-{jax.process_count()}"
        return directory / name


@ocp.args.register_with_handler(DataPositionHandler, for_save=True)
@dataclasses.dataclass
class DataPositionSave(ocp.args.CheckpointArgs):
    """Position of this process's data iterator."""

    position: bytes


@ocp.args.register_with_handler(DataPositionHandler, for_restore=True)
@dataclasses.dataclass
class DataPositionRestore(ocp.args.CheckpointArgs):
    """Asks for the position of this process."""

    is_global: bool = False
    """All processes have the same position, however many they are."""
