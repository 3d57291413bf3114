"""Rules that drop what is too short or too long."""

from dataclasses import dataclass

from transformer_lm.registry import UserError


@dataclass(frozen=True)
class Range:
    """Lengths in characters, both ends included; no upper end: infinite."""

    least: int
    most: int | None

    @classmethod
    def parse(cls, rule: str, text: str | None) -> "Range":
        """Reads `10-200`, `10-` or `-200`.

        Raises:
          UserError: if `text` is none of these.
        """
        least, dash, most = (text or "").partition("-")
        numbers = [part for part in (least, most) if part]
        sound = dash and numbers and all(part.isdecimal() for part in numbers)
        parsed = cls(int(least or 0), int(most) if most else None) if sound else None
        if parsed is None or (parsed.most is not None and parsed.most < parsed.least):
            raise UserError(
                f"the rule {rule}={text or ''} needs lengths in characters, such as"
                f" {rule}=10-200, {rule}=10- or {rule}=-200"
            )
        return parsed

    def holds(self, text: str) -> bool:
        """Returns whether a text's length is in the range."""
        return self.least <= len(text) and (self.most is None or len(text) <= self.most)


@dataclass(frozen=True)
class LineLength:
    """Takes out lines whose length is not in the range."""

    lengths: Range

    def __call__(self, text: str, title: str) -> str:
        """Returns the lines that stay."""
        del title
        return "\n".join(line for line in text.split("\n") if self.lengths.holds(line))


@dataclass(frozen=True)
class DocumentLength:
    """Drops documents whose length is not in the range."""

    lengths: Range

    def __call__(self, text: str, title: str) -> str | None:
        """Returns the text, or None to drop it."""
        del title
        return text if self.lengths.holds(text) else None
