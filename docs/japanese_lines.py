"""Joins the lines of Japanese paragraphs, which a browser would join by a blank."""

import re
from typing import Any

CODE = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)
BETWEEN_WIDE = re.compile(r"(?<=[^\x00-\x7f])\n *(?=[^\x00-\x7f\s])")


def on_page_markdown(markdown: str, **page: Any) -> str:  # Any: mkdocs's own objects.
    """Called by mkdocs for each page; code keeps its lines."""
    del page
    parts = CODE.split(markdown)
    parts[::2] = [BETWEEN_WIDE.sub("", text) for text in parts[::2]]
    return "".join(parts)
