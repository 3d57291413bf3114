"""Puts the code that transformers lacks beside a model that needs it.

transformers finds such code by its relative imports and wants it in one flat folder. The
files of `hf_custom_model/` hold what transformers asks for; the networks that they import
are the training's own, copied from `transformer_lm/models/`.
"""

import re
from pathlib import Path

from etils import epath

from transformer_lm.registry import UserError
from transformer_lm.shipped import PACKAGE, shipped_folder

WRAPPERS = shipped_folder("hf_custom_model")

RELATIVE_IMPORT = re.compile(r"^\s*from \.(\w+) import", re.MULTILINE)


def write_remote_code(name: str, folder: epath.PathLike) -> list[str]:
    """Copies what is in `hf_custom_model/NAME` and whatever that imports.

    Returns:
      The names of the files, in order.

    Raises:
      UserError: if the installation lacks a file, or two have one name.
    """
    sources = {path.name: path for path in sorted((WRAPPERS / name).glob("*.py"))}
    if not sources:
        raise UserError(
            f"{WRAPPERS / name} holds no code, so that no model of this kind can be"
            " exported; install transformer_lm anew, or run it in its repository"
        )
    own = dict(sources)
    for path in own.values():
        for module in relatives(path, {path.stem}):
            file = f"{module}.py"
            sources.setdefault(file, PACKAGE / "models" / file)
    folder = epath.Path(folder)
    for file, path in sources.items():
        text = path.read_text()
        if file in own:
            text += _direct_imports(path)
        (folder / file).write_text(text)
    return sorted(sources)


def relatives(path: Path, seen: set[str]) -> list[str]:
    """Returns the modules that a file imports by `from .x import`, and theirs, in order.

    Args:
      path: of the file.
      seen: modules that are left out; what is found is added.
    """
    found = []
    for module in RELATIVE_IMPORT.findall(path.read_text()):
        if module not in seen:
            seen.add(module)
            found.append(module)
            found += relatives(_source(path.parent, module), seen)
    return found


def _source(folder: Path, module: str) -> Path:
    """Finds a module beside the file that imports it, else among the networks."""
    places = [place / f"{module}.py" for place in (folder, PACKAGE / "models")]
    for place in places:
        if place.exists():
            return place
    raise UserError(
        f"{module}.py is imported, but neither {places[0]} nor {places[1]} is"
    )


def _direct_imports(path: Path) -> str:
    """Imports for all that a file needs through others.

    transformers 4.57 copies, from a folder on disk, only what the file itself imports.
    """
    named = set(RELATIVE_IMPORT.findall(path.read_text()))
    missing = [name for name in relatives(path, {path.stem}) if name not in named]
    if not missing:
        return ""
    lines = [f"from .{name} import __name__ as _{name}  # noqa" for name in missing]
    reason = "# transformers 4.57 copies only the files that are imported here."
    return "\n".join(["", reason, *lines, ""])
