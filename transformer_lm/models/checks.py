"""What the config classes of several families check about their fields."""

from collections.abc import Sequence


def size_problems(config: object, *names: str) -> list[str]:
    """Names the fields of `config` that are set and below 1."""
    return [
        f"{name}={getattr(config, name)} must be at least 1"
        for name in names
        if getattr(config, name) is not None and getattr(config, name) < 1
    ]


def rate_problems(config: object, *names: str) -> list[str]:
    """Names the fields of `config` that are no dropout rate."""
    return [
        f"{name}={getattr(config, name)} must lie in [0, 1)"
        for name in names
        if not 0 <= getattr(config, name) < 1
    ]


def choice_problems(config: object, **choices: Sequence[str]) -> list[str]:
    """Names the fields of `config` that are none of their choices."""
    return [
        f"{name}={getattr(config, name)!r} is unknown; choose from {', '.join(known)}"
        for name, known in choices.items()
        if getattr(config, name) not in known
    ]


def table_problems(rows: int | None, max_length: int, offset: int = 0) -> list[str]:
    """Says that a position table of `rows` is too short for the longest row.

    Args:
      rows: of the table; None: as many as needed.
      max_length: longest row in tokens.
      offset: rows of the table before the one of a document's first token.
    """
    if rows is None or rows >= max_length + offset:
        return []
    before = f" plus position_offset={offset}" if offset else ""
    return [
        f"max_position_embeddings={rows} is less than the longest row,"
        f" {max_length} tokens{before}"
    ]
