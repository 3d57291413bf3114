"""Writes docs/licences.md from what is installed: `make licences`."""

import importlib.metadata
import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "licences.md"
EXTRAS = ("corpora", "ja")
_HEAD = """\
# Licences of dependencies

What a training host installs: `requirements.txt`, the extras `corpora` and `ja`, and all
that these ask for on Linux and Python 3.11. Written by `make licences` from the metadata of
the installed packages ("not said": it has no licence in it); a test compares it with them.
Versions are in the lock files.

| package | licence |
|---|---|
"""
_FROM_PYTHON = {"setuptools"}
"""An environment begins with the version that came with Python."""
_CLASSIFIER = "License :: OSI Approved :: "
_LONGEST = 60


def licences() -> dict[str, str]:
    """Returns the licence of each package that the project needs to run."""
    wanted = [
        line.split("#")[0].strip()
        for line in (ROOT / "requirements.txt").read_text().splitlines()
    ]
    waiting = [Requirement(line) for line in wanted if line]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    waiting += [
        Requirement(text)
        for extra in EXTRAS
        for text in project["optional-dependencies"][extra]
    ]
    found: dict[str, str] = {}
    seen = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if (name, *sorted(requirement.extras)) in seen or name in _FROM_PYTHON:
            continue
        seen.add((name, *sorted(requirement.extras)))
        package = importlib.metadata.distribution(name)
        found[name] = licence_of(package)
        for text in package.requires or []:
            needed = Requirement(text)
            environments = [{"extra": extra} for extra in (*requirement.extras, "")]
            if needed.marker is None or any(map(needed.marker.evaluate, environments)):
                waiting.append(needed)
    return dict(sorted(found.items()))


def licence_of(package: importlib.metadata.Distribution) -> str:
    """Returns what a package says of its licence: an expression, classifiers, or words."""
    metadata = package.metadata
    if metadata.get("License-Expression"):
        return metadata["License-Expression"]
    classified = [
        text.removeprefix(_CLASSIFIER)
        for text in metadata.get_all("Classifier") or []
        if text.startswith(_CLASSIFIER)
    ]
    if classified:
        return ", ".join(classified)
    said = (metadata.get("License") or "").strip().splitlines()
    if said and said[0].strip():
        return re.sub(r"\s+", " ", said[0])[:_LONGEST]
    return "not said"


def page() -> str:
    """Returns the page."""
    return _HEAD + "".join(
        f"| {name} | {said} |\n" for name, said in licences().items()
    )


if __name__ == "__main__":
    PAGE.write_text(page())
