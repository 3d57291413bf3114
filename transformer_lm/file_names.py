"""Names that a file gives of other files, kept inside their folder."""

from pathlib import Path

from etils import epath

from transformer_lm.registry import UserError


def is_plain(name: str) -> bool:
    """Returns whether a name is that of a file in the folder at hand.

    >>> [is_plain(name) for name in ("a-b.npy", "../a", "/etc/a", "a/b", "..", "")]
    [True, False, False, False, False, False]
    """
    return (
        name not in ("", ".", "..")
        and not set(name) & set("/\\:")
        and name.isprintable()
        and len(name.encode()) < 256
    )


def inside(
    folder: epath.PathLike, name: str, origin: epath.PathLike, *, deep: bool = False
) -> epath.Path:
    """Returns the file of a folder that some other file names.

    Args:
      folder: where it has to lie.
      name: as `origin` has it.
      origin: the file that names it, for the message.
      deep: it may lie in a folder of that folder.

    Raises:
      UserError: if it is no plain file name, so that it may lead out of the folder.
    """
    if not all(map(is_plain, name.split("/") if deep else [name])):
        raise UserError(
            f"{origin} names {name[:80]!r}: files that it names must lie beside it and"
            " have plain names; do not use a folder that leads elsewhere"
        )
    return epath.Path(folder) / name


def refuse_links_out(folder: Path, file: Path) -> None:
    """Refuses a file that is a link to somewhere else.

    Raises:
      UserError: if it leads out of the folder.
    """
    if file.is_symlink() and file.resolve().parent != folder.resolve():
        raise UserError(
            f"{file} is a link to {file.resolve()}, which lies outside of {folder};"
            " copy the file itself there"
        )
