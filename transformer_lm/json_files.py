"""JSON out of files that others may have written: an object of the right shape, or words.

What `json` accepts and nothing here can use (nesting deeper than Python's stack, numbers
of thousands of digits, halves of surrogate pairs, which no file name and no log can hold)
is refused like a syntax error. Types are checked here and by no library: pydantic takes
the objects of plain dataclasses in its lax mode alone, where true is 1, unknown keys are
dropped and missing ones filled in; msgspec tells the first problem only; cattrs converts
what is refused here.
"""

import dataclasses
import functools
import json
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from etils import epath

from transformer_lm.registry import UserError

LARGEST_BYTES = 1 << 28
"""A longer file is not read (256 MiB); manifests of 100,000 shards have a quarter."""

_DEEPEST = 100
"""Objects and lists in one another; ours have 5."""

_Made = TypeVar("_Made")


def read_object(path: epath.PathLike, remedy: str) -> dict[str, Any]:  # Any: JSON.
    """Returns the object that a JSON file holds.

    Args:
      path: local or gs://.
      remedy: what to do about a damaged file, for the message.

    Raises:
      UserError: if the file is too long, no JSON, or holds no object; naming the line.
    """
    file = epath.Path(path)
    size = file.stat().length
    if size > LARGEST_BYTES:
        raise UserError(
            f"{file} has {size} bytes; a file of this kind has at most"
            f" {LARGEST_BYTES >> 20} MiB; {remedy}"
        )
    return parse_object(file.read_bytes(), str(file), remedy)


def parse_object(content: bytes, origin: str, remedy: str) -> dict[str, Any]:
    """Returns the object that JSON in UTF-8 holds.

    Args:
      content: the JSON.
      origin: where it comes from, for the message.
      remedy: what to do about it if it is damaged, for the message.

    Raises:
      UserError: if it is none, naming the line.
    """
    try:
        value = json.loads(content.decode())
        # Halves of surrogate pairs, which JSON can spell, are no text.
        json.dumps(value, ensure_ascii=False).encode()
        if _is_deeper(value, _DEEPEST):
            raise RecursionError
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{origin}:{_line_of(error, content)}: damaged ({_reason(error)}); {remedy}"
        ) from error
    if not isinstance(value, dict):
        raise UserError(
            f"{origin} holds {type(value).__name__} where a JSON object is needed;"
            f" {remedy}"
        )
    return value


def construct(
    kind: type[_Made], values: Any, origin: str, remedy: str
) -> _Made:  # Any: JSON.
    """Returns a dataclass made of a JSON object, whose types are checked all the way.

    Args:
      kind: the dataclass; its fields may be dataclasses, lists and dicts of others.
      values: for all its fields, and nothing else.
      origin: where they come from, for the message.
      remedy: what to do if they do not fit, for the message.

    Raises:
      UserError: with everything that does not fit.
    """
    if problems := _problems(kind, values, ""):
        shown = "; ".join(problems[:5])
        raise UserError(f"{origin} is damaged: {shown}; {remedy}")
    return _made(kind, values)


def _problems(hint: Any, value: Any, name: str) -> list[str]:
    """What keeps a JSON value from being of a type, a line each."""
    if hint is Any:
        return []
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(hint, types.UnionType) or origin is typing.Union:
        tried = [_problems(choice, value, name) for choice in arguments]
        return [] if [] in tried else tried[0]
    if dataclasses.is_dataclass(hint):
        return _field_problems(_fields(hint), value, name)
    if origin is typing.Literal:
        shown = f"{name} is {repr(value)[:40]} and none of {arguments}"
        return [] if value in arguments else [shown]
    plain = origin or hint
    is_kind = isinstance(value, plain) or (plain is float and isinstance(value, int))
    if hint is type(None):
        is_kind = value is None
    if not is_kind or (isinstance(value, bool) and plain is not bool):
        shown = repr(value)[:40]
        wanted = getattr(plain, "__name__", str(plain))
        return [f"{name or 'it'} is {shown} and no {wanted}"]
    parts: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        parts = [(f"{name}[{key!r}]", item) for key, item in value.items()]
    elif isinstance(value, list):
        parts = [(f"{name}[{place}]", item) for place, item in enumerate(value)]
    return [p for place, item in parts for p in _problems(arguments[-1], item, place)]


def _is_deeper(value: Any, levels: int) -> bool:  # Any: JSON.
    """Whether a value has more levels of objects and lists."""
    if not isinstance(value, dict | list):
        return False
    parts = value.values() if isinstance(value, dict) else value
    return not levels or any(_is_deeper(part, levels - 1) for part in parts)


@functools.cache
def _fields(kind: Any) -> dict[str, Any]:  # Any: a dataclass, and types.
    """The type of each field of a dataclass."""
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _field_problems(fields: Mapping[str, Any], value: Any, name: str) -> list[str]:
    """What keeps a JSON object from having just the fields of a dataclass."""
    if not isinstance(value, dict):
        return [f"{name or 'it'} is {repr(value)[:40]} and no object"]
    before = f"{name}." if name else ""
    problems = [f"{before}{key} is missing" for key in fields.keys() - value.keys()]
    problems += [f"{before}{key} is unknown" for key in value.keys() - fields.keys()]
    for key in fields.keys() & value.keys():
        problems += _problems(fields[key], value[key], f"{before}{key}")
    return sorted(problems)


def _made(hint: Any, value: Any) -> Any:
    """A checked JSON value as its type has it."""
    if dataclasses.is_dataclass(hint):
        fields = _fields(hint)
        return typing.cast(Any, hint)(
            **{key: _made(fields[key], item) for key, item in value.items()}
        )
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is dict:
        return {key: _made(arguments[1], item) for key, item in value.items()}
    if typing.get_origin(hint) is list:
        return [_made(arguments[0], item) for item in value]
    return value


def _line_of(error: Exception, content: bytes) -> int:
    """The line at which JSON breaks, as far as it is known."""
    if isinstance(error, json.JSONDecodeError):
        return error.lineno
    if isinstance(error, UnicodeDecodeError):
        return 1 + content.count(b"\n", 0, error.start)
    return 1


def _reason(error: Exception) -> str:
    """A few words on what is wrong."""
    if isinstance(error, json.JSONDecodeError):
        return error.msg
    if isinstance(error, UnicodeEncodeError):
        return "half a surrogate pair"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return str(error).splitlines()[0]
