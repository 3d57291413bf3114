"""The sources that can be named on a command line, and where their files lie."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from transformer_lm.corpora.download.fetch import Checksum, fetch, fetch_text
from transformer_lm.registry import UserError, describe_unknown

_WIKIMEDIA = "https://dumps.wikimedia.org"
_STATMT = "https://data.statmt.org"


class RemoteFile(NamedTuple):
    """A file of a source."""

    url: str
    checksum: Checksum | None


@dataclass(frozen=True)
class PublicSource:
    """A source that is fetched by name."""

    server: str
    """Start of the addresses; --mirror takes its place."""
    is_dated: bool
    """Whether a date is part of its name."""
    files: Callable[[str, str], Iterator[RemoteFile]]
    """From server and date to the files."""


def _xml(server: str, date: str) -> Iterator[RemoteFile]:
    """All pages with their wikitext, with a published list of checksums."""
    folder = f"{server}/jawiki/{date}"
    name = f"jawiki-{date}-pages-articles.xml.bz2"
    url = f"{folder}/jawiki-{date}-sha1sums.txt"
    for line in fetch_text(url).splitlines():
        digest, _, file = line.partition(" ")
        if file.strip() == name:
            yield RemoteFile(f"{folder}/{name}", Checksum("sha1", digest))
            return
    raise UserError(f"{url} does not list {name}: that dump is not whole yet")


def _cirrussearch(server: str, date: str) -> Iterator[RemoteFile]:
    """The search index as one file, as it was published until 2025."""
    folder = f"{server}/other/cirrussearch/{date}"
    url = f"{folder}/jawiki-{date}-cirrussearch-content.json.gz"
    yield RemoteFile(url, checksum=None)


def _cirrus_index(server: str, date: str) -> Iterator[RemoteFile]:
    """The search index in numbered files, as it is published now."""
    folder = f"{server}/other/cirrus_search_index/{date}/index_name=jawiki_content"
    page = fetch_text(f"{folder}/")
    names = sorted(set(re.findall(rf"jawiki_content-{date}-\d+\.json\.bz2", page)))
    if not names or "_SUCCESS" not in page:
        raise UserError(
            f"{folder}/ lists {len(names)} files and"
            f" {'a' if '_SUCCESS' in page else 'no'} _SUCCESS: that dump is not whole"
        )
    for name in names:
        yield RemoteFile(f"{folder}/{name}", checksum=None)


def _cc100(server: str, date: str) -> Iterator[RemoteFile]:
    """Wenzek et al. 2020; the server publishes no checksums."""
    del date
    yield RemoteFile(f"{server}/cc-100/ja.txt.xz", checksum=None)


_SOURCES: Mapping[str, PublicSource] = {
    "jawiki-cirrussearch": PublicSource(_WIKIMEDIA, True, _cirrussearch),
    "jawiki-cirrus-index": PublicSource(_WIKIMEDIA, True, _cirrus_index),
    "jawiki-xml": PublicSource(_WIKIMEDIA, True, _xml),
    "cc100-ja": PublicSource(_STATMT, False, _cc100),
}

SOURCES = tuple(
    f"{name}:DATE" if source.is_dated else name for name, source in _SOURCES.items()
)
"""How the sources are named."""


def download_source(named: str, folder: str, mirror: str | None) -> str:
    """Downloads the files of a source that are not there yet.

    Args:
      named: one of `SOURCES`, with a date such as 20260101.
      folder: local; the files go there.
      mirror: address in place of the source's server.

    Returns:
      The files, as `--inputs` takes them.

    Raises:
      UserError: if the name is unknown or a file cannot be had.
    """
    name, colon, date = named.partition(":")
    if name not in _SOURCES:
        raise UserError(describe_unknown("source", name, list(SOURCES)))
    source = _SOURCES[name]
    if source.is_dated != bool(colon) or (colon and not re.fullmatch(r"\d{8}", date)):
        wanted = f"{name}:DATE, such as {name}:20260101" if source.is_dated else name
        raise UserError(f"--download {named} must be {wanted}")
    server = (mirror or source.server).rstrip("/")
    paths = []
    for file in source.files(server, date):
        path = Path(folder) / file.url.rpartition("/")[2]
        fetch(file.url, path, file.checksum)
        paths.append(str(path))
    return ",".join(paths)
