"""Values of settings, read from text as flags have it."""

from typing import Any

from absl import flags

_PARSERS: dict[type, flags.ArgumentParser[Any]] = {
    bool: flags.BooleanParser(),
    int: flags.IntegerParser(),
    float: flags.FloatParser(),
    str: flags.ArgumentParser(),
}


def parse_value(kind: type, text: str) -> Any:  # Any: a value of `kind`.
    """Reads a value of one of the types that settings have.

    Raises:
      ValueError: if the text is none.
    """
    return _PARSERS[kind].parse(text)
