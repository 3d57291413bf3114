"""Builds a corpus: sources → parts → selection → shards → manifest."""

import datetime
import hashlib
import importlib.metadata
import json
import logging
import platform
import shutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from etils import epath

import transformer_lm
from transformer_lm.bar import Bar
from transformer_lm.corpora.build.atomic import UNFINISHED, write_text
from transformer_lm.corpora.build.batches import Recipe
from transformer_lm.corpora.build.mixing import chosen_sizes, mixed
from transformer_lm.corpora.build.parts import Source, SourceParts, make_parts
from transformer_lm.corpora.build.selection import select
from transformer_lm.corpora.build.settings import (
    FORMAT_VERSION,
    SPLITS,
    BuildSettings,
)
from transformer_lm.corpora.build.shards import SHARD_NAME, write_shards
from transformer_lm.corpora.build.workers import Workers
from transformer_lm.corpora.cleaning.rules import parse_rules
from transformer_lm.corpora.readers import find_sources, format_of
from transformer_lm.corpora.readers.interface import Reading
from transformer_lm.json_files import read_object
from transformer_lm.registry import UserError

MANIFEST = "manifest.json"

_MARKER = f"corpus{UNFINISHED}"
"""Lies in a folder whose shards are not all there yet."""

_READ_BYTES = 1 << 20

_DECISIVE_PACKAGES = (
    *("mwparserfromhell", "pyarrow", "datasketch"),
    *("fugashi", "ipadic", "unidic-lite", "unidic"),
)
"""Their versions can change what a build writes."""


def build(settings: BuildSettings) -> dict[str, Any]:  # Any: JSON.
    """Builds a corpus, goes on with an interrupted build, or finds that all is done.

    Returns:
      The manifest.

    Raises:
      UserError: with all problems of the settings; if a source is damaged or empty; if
        the folder holds something else.
    """
    if problems := settings.problems():
        raise UserError("\n".join(["the corpus cannot be built:", *problems]))
    logger = logging.getLogger(__name__)
    folder = epath.Path(settings.output)
    manifest = _read_manifest(folder)
    sources = list(_sources(settings))
    digest = settings.digest([source.sha256 for source in sources])
    if manifest.get("digest") == digest:
        logger.info("%s is whole already; nothing to do", folder)
        return manifest
    _clear(folder, manifest, overwrite=settings.overwrite)
    scratch = Path(settings.scratch_folder())
    with Workers(settings.processes) as workers:
        content = _make(settings, sources, scratch, workers)
    manifest = {
        "format_version": FORMAT_VERSION,
        "digest": digest,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": _versions(),
        "rules": [str(rule) for rule in parse_rules(settings.rules)],
        "split": dict(zip(SPLITS, settings.split, strict=True)),
        "mix": settings.mix,
        **content,
    }
    write_text(folder / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1))
    (folder / _MARKER).unlink()
    shutil.rmtree(scratch)
    for name, split in manifest["splits"].items():
        if not split["documents"] and settings.split[SPLITS.index(name)]:
            logger.warning("the split %s has no document: the corpus is small", name)
    return manifest


def _make(
    settings: BuildSettings, sources: list[Source], scratch: Path, workers: Workers
) -> dict[str, Any]:  # Any: JSON.
    """Reads, selects and writes; returns what the manifest says of it."""
    found = _read_all(settings, sources, scratch, workers)
    corpora = [
        [
            part
            for source, parts in zip(sources, found, strict=True)
            if source.corpus == corpus
            for part in parts.parts
        ]
        for corpus in range(len(settings.inputs))
    ]
    selection = select(settings, corpora)
    sizes = chosen_sizes(corpora, selection)
    splits = write_shards(
        epath.Path(settings.output),
        mixed(corpora, selection, sizes),
        [sum(column) for column in zip(*sizes, strict=True)],
        settings.shard_characters,
        workers,
    )
    return {
        "sources": [
            {"corpus": settings.corpus_names()[source.corpus], **parts.report}
            for source, parts in zip(sources, found, strict=True)
        ],
        **selection.report,
        "splits": splits,
    }


def _sources(settings: BuildSettings) -> Iterator[Source]:
    """The source files with their checksums."""
    files = [
        (corpus, path)
        for corpus, patterns in enumerate(settings.inputs)
        for path in find_sources(patterns)
    ]
    with Bar("checksums", sum(path.stat().length for _, path in files), "B") as bar:
        for corpus, path in files:
            sha256 = hashlib.sha256()
            with path.open("rb") as opened:
                stream = cast(BinaryIO, opened)
                while piece := stream.read(_READ_BYTES):
                    sha256.update(piece)
                    bar.add(len(piece))
            yield Source(corpus, path, sha256.hexdigest(), path.stat().length)


def _read_manifest(folder: epath.Path) -> dict[str, Any]:  # Any: JSON.
    path = folder / MANIFEST
    if not path.exists():
        return {}
    return read_object(path, "remove it, or give another --output")


def _clear(
    folder: epath.Path,
    manifest: dict[str, Any],  # Any: JSON.
    *,
    overwrite: bool,
) -> None:
    """Makes the folder ready: what another build left goes, what is foreign does not."""
    if manifest and not overwrite:
        raise UserError(
            f"{folder} holds a corpus of other sources or settings, made"
            f" {manifest.get('created', 'at an unknown time')}; give another --output, or"
            " --overwrite to replace it"
        )
    folder.mkdir(parents=True, exist_ok=True)
    shards = [path for path in folder.iterdir() if SHARD_NAME.fullmatch(path.name)]
    marker = folder / _MARKER
    if shards and not manifest and not marker.exists():
        raise UserError(
            f"{folder} holds {shards[0].name} and no {MANIFEST}: no build made it; give"
            " another --output"
        )
    marker.write_text("This folder is being written; its shards are not all there.\n")
    if manifest:
        (folder / MANIFEST).unlink()
    unfinished = [path for path in folder.iterdir() if path.name.endswith(UNFINISHED)]
    for path in shards + unfinished:
        if path.name != _MARKER:
            path.unlink()


def _read_all(
    settings: BuildSettings, sources: list[Source], scratch: Path, workers: Workers
) -> list[SourceParts]:
    """Cleans every source file into parts."""
    skip_ids: frozenset[str] = frozenset()
    if settings.skip_ids:
        skip_ids = frozenset(epath.Path(settings.skip_ids).read_text().split())
    found = []
    several = len(settings.inputs) > 1
    near = settings.deduplicate == "near"
    with Bar("reading", sum(source.bytes for source in sources), "B") as bar:
        for number, source in enumerate(sources):
            recipe = Recipe(
                format=format_of(source.path),
                rules=settings.rules,
                id_prefix=f"{settings.corpus_names()[source.corpus]}/"
                if several
                else "",
                shingle_characters=settings.shingle_characters if near else None,
            )
            reading = Reading(
                settings.text_field,
                settings.id_field,
                settings.invalid_utf8,
                on_read=bar.add,
            )
            place = scratch / f"{number:05d}"
            found.append(make_parts(source, recipe, reading, skip_ids, place, workers))
    return found


def _versions() -> dict[str, str]:
    """Versions of what decides the result."""
    versions = {
        "transformer_lm": transformer_lm.__version__,
        "python": platform.python_version(),
        "unicode": unicodedata.unidata_version,
    }
    for package in _DECISIVE_PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
