"""A file from a web server: resumed after an interruption, checked before it counts."""

import hashlib
import logging
import time
from pathlib import Path
from typing import NamedTuple

import requests

from transformer_lm import __version__
from transformer_lm.bar import Bar
from transformer_lm.registry import UserError

ATTEMPTS = 5
"""Tries in a row that may bring nothing before a download is given up."""

WAIT_SECONDS = 2.0
"""Before the second try; each further wait is twice as long."""

_TIMEOUT = (30, 60)
"""Seconds for a connection, and between two pieces."""

_PIECE_BYTES = 1 << 16

# Wikimedia refuses requests that do not say who asks
# (https://meta.wikimedia.org/wiki/User-Agent_policy).
_HEADERS = {
    "User-Agent": f"transformer_lm/{__version__} (corpus builder)",
    "Accept-Encoding": "identity",
}

_PASSING = (408, 429, 500, 502, 503, 504)
"""Answers after which it is worth trying again."""

_FIRST_ERROR = 400
_PARTIAL = 206
_BEYOND_END = 416

_log = logging.getLogger(__name__)


class Checksum(NamedTuple):
    """What a source publishes of a file."""

    algorithm: str
    """As hashlib names it."""
    digest: str
    """Hexadecimal."""


class _BrokenOffError(Exception):
    """The connection ended early, or the server was not ready."""


def fetch(
    url: str,
    path: Path,
    checksum: Checksum | None,
    *,
    wait_seconds: float = WAIT_SECONDS,
) -> None:
    """Downloads a file, unless it is there already.

    It grows as `<name>.part` and gets its name when its size, and its checksum where
    there is one, are right. A `.part` of an earlier run is gone on with, if the file has
    not changed on the server.

    Args:
      url: http or https.
      path: where it goes.
      checksum: None where the source publishes none; then its size alone is checked.
      wait_seconds: before the second try.

    Raises:
      UserError: if it cannot be had, or is not what the source says.
    """
    if path.exists():
        _log.info("%s is there already", path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    failures = 0
    while True:
        before = _size(part)
        try:
            _go_on(url, part)
            break
        except (_BrokenOffError, requests.RequestException) as error:
            failures = 1 if _size(part) > before else failures + 1
            if failures >= ATTEMPTS:
                raise UserError(
                    f"{url} could not be downloaded ({error}); {part} keeps"
                    f" {_size(part)} bytes: give the command again to go on"
                ) from error
            wait = wait_seconds * 2 ** (failures - 1)
            _log.warning("%s: %s; trying again in %g s", url, error, wait)
            time.sleep(wait)
    if checksum is not None:
        _verify(part, url, checksum)
    part.replace(path)
    _mark_of(part).unlink(missing_ok=True)


def fetch_text(url: str) -> str:
    """Returns a small text, such as a list of checksums.

    Raises:
      UserError: if it cannot be had.
    """
    try:
        with requests.get(url, headers=_HEADERS, timeout=_TIMEOUT) as answer:
            _refuse_errors(url, answer)
            return answer.text
    except (_BrokenOffError, requests.RequestException) as error:
        raise UserError(
            f"{url} could not be read ({error}); try again later"
        ) from error


def _go_on(url: str, part: Path) -> None:
    """Gets the rest of a file, or all of it where the server cannot do less."""
    done = _size(part)
    mark = _mark_of(part)
    headers = dict(_HEADERS)
    if done and mark.exists():
        # Only if the file is still the same one; else the server sends all of it.
        headers |= {"Range": f"bytes={done}-", "If-Range": mark.read_text()}
    with requests.get(url, headers=headers, timeout=_TIMEOUT, stream=True) as answer:
        if answer.status_code == _BEYOND_END:
            part.unlink()
            raise _BrokenOffError(f"{part.name} is longer than the file; starting anew")
        _refuse_errors(url, answer)
        goes_on = answer.status_code == _PARTIAL
        if done and goes_on:
            _log.info("%s: going on after %d bytes", url, done)
        elif done:
            _log.info("%s: the server sends it from the start; starting anew", url)
        start = done if goes_on else 0
        validator = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
        if validator and not validator.startswith("W/"):
            mark.write_text(validator)
        else:
            mark.unlink(missing_ok=True)
        length = answer.headers.get("Content-Length")
        total = start + int(length) if length else None
        with (
            part.open("ab" if goes_on else "wb") as stream,
            Bar(part.stem, total, "B") as bar,
        ):
            bar.add(start)
            # Else what came last before the connection broke would be thrown away.
            answer.raw.enforce_content_length = False
            for piece in answer.iter_content(_PIECE_BYTES):
                stream.write(piece)
                bar.add(len(piece))
    if total is not None and _size(part) != total:
        raise _BrokenOffError(f"broke off after {_size(part)} of {total} bytes")


def _refuse_errors(url: str, answer: requests.Response) -> None:
    """Raises for an answer that is none."""
    status = f"{answer.status_code} {answer.reason}"
    if answer.status_code in _PASSING:
        raise _BrokenOffError(f"the server answers {status}")
    if answer.status_code >= _FIRST_ERROR:
        raise UserError(
            f"{url}: the server answers {status}; see at"
            f" {url.rpartition('/')[0]}/ what it has (old dumps are removed), or name"
            " another server with --mirror"
        )


def _verify(part: Path, url: str, checksum: Checksum) -> None:
    """Checks a downloaded file; removes it if it is not the right one."""
    with part.open("rb") as stream:
        digest = hashlib.file_digest(stream, checksum.algorithm).hexdigest()
    if digest != checksum.digest:
        part.unlink()
        raise UserError(
            f"{url} has the {checksum.algorithm} {digest}, but its source publishes"
            f" {checksum.digest}; the file was removed: give the command again, or name"
            " another server with --mirror"
        )


def _mark_of(part: Path) -> Path:
    """Holds what tells the version of the file on the server."""
    return part.with_name(part.name + ".version")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
