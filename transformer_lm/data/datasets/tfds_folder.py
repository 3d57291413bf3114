"""Where a prepared TFDS data set lies; nothing is ever downloaded from here."""

import os
import re
from typing import Any

from etils import epath

from transformer_lm.data.graph import import_tensorflow
from transformer_lm.registry import UserError

_DEFAULT_FOLDER = "~/tensorflow_datasets"


def open_builder(tfds_name: str, aliases: tuple[str, ...], data_dir: str | None) -> Any:
    """Returns the TFDS builder of a prepared data set.

    Args:
      tfds_name: name, with configuration and version where it has them, as
        `tfds.builder` takes it.
      aliases: folders, below `data_dir`, in which the data set may also lie.
      data_dir: folder of prepared data sets, or the data set's own version folder;
        None: that of TFDS (TFDS_DATA_DIR, else ~/tensorflow_datasets).

    Raises:
      UserError: if it has not been prepared there.
    """
    import_tensorflow()
    import tensorflow_datasets as tfds

    given = data_dir or os.environ.get("TFDS_DATA_DIR") or _DEFAULT_FOLDER
    root = epath.Path(given).expanduser()
    name = tfds_name.replace(":", "/")  # my_dataset/config:1.0.0
    for place in (name, *aliases):
        version = _newest_version(root / place)
        if version is not None:
            return tfds.builder_from_directory(version)
    if (root / "dataset_info.json").exists():
        builder = tfds.builder_from_directory(root)
        if builder.name in {place.partition("/")[0] for place in (name, *aliases)}:
            return builder
    origin = f"data_dir={data_dir!r}" if data_dir else "data_dir is not set"
    raise UserError(
        f"{tfds_name} is not prepared in {root} ({origin}; looked for"
        f" {root / name}/<version>/dataset_info.json); set data_dir to the folder that"
        ' holds it, or prepare it there: python -c "import tensorflow_datasets as tfds;'
        f" tfds.builder('{tfds_name}', data_dir='{root}').download_and_prepare()\""
    )


def _newest_version(folder: epath.Path) -> epath.Path | None:
    """The folder itself if it is a version's, else its newest version, if any."""
    if (folder / "dataset_info.json").exists():
        return folder
    if not folder.is_dir():
        return None
    versions = [
        path
        for path in folder.iterdir()
        if re.fullmatch(r"\d+\.\d+\.\d+", path.name)
        and (path / "dataset_info.json").exists()
    ]
    if not versions:
        return None
    return max(versions, key=lambda path: [int(part) for part in path.name.split(".")])
