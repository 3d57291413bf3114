"""Pages of one file, read offline: their style, tables and pictures."""

import base64
import datetime
import html
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.6 system-ui, "Hiragino Sans", "Noto Sans JP", "Noto Sans CJK JP",
       "Yu Gothic", Meiryo, sans-serif; color: #202124; background: #f6f7f9;
       max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; }
p { margin: .2rem 0; color: #5f6368; }
.figures { display: flex; flex-wrap: wrap; gap: .7rem; margin-top: 1.2rem; }
.figures div { background: #fff; border: 1px solid #e0e3e7; border-radius: .5rem;
               padding: .5rem .9rem; min-width: 8rem; }
.figures b { display: block; font-size: 1.3rem; font-variant-numeric: tabular-nums; }
img { width: 100%; height: auto; border: 1px solid #e0e3e7; border-radius: .5rem; }
table { border-collapse: collapse; width: 100%; background: #fff; }
th, td { text-align: left; padding: .25rem .7rem; border: 1px solid #e0e3e7;
         overflow-wrap: anywhere; vertical-align: top; }
thead th { background: #eef0f3; }
tbody th { font-weight: normal; }
thead th, .number { overflow-wrap: normal; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
details { background: #fff; border: 1px solid #e0e3e7; border-radius: .5rem;
          padding: .4rem .9rem; margin: .4rem 0; }
summary { cursor: pointer; }
pre { font: inherit; white-space: pre-wrap; overflow-wrap: anywhere;
      margin: .2rem 0 1rem; }
"""


def now() -> str:
    """This moment, for people."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: bool) -> str:
    """Builds a table; its first column names the row, `numbers` sets others right."""
    kind = ' class="number"' if numbers else ""
    first, *others = (html.escape(text) for text in head)
    lines = [f'<th scope="col">{first}</th>']
    lines += [f'<th scope="col"{kind}>{text}</th>' for text in others]
    body = []
    for row in rows:
        name, *cells = (html.escape(text) for text in row)
        cells = [f"<td{kind}>{text}</td>" for text in cells]
        body.append(f'<tr><th scope="row">{name}</th>{"".join(cells)}</tr>\n')
    return (
        f"<table>\n<thead><tr>{''.join(lines)}</tr></thead>\n"
        f"<tbody>\n{''.join(body)}</tbody>\n</table>\n"
    )


def picture(png: bytes, description: str) -> str:
    """An image that lies in the page itself."""
    data = base64.b64encode(png).decode()
    return (
        f'<img alt="{html.escape(description)}" src="data:image/png;base64,{data}">\n'
    )


def flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Writes nested settings as `part.key`."""
    flat: dict[str, str] = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value)
            flat[f"{prefix}{name}"] = text
    return flat


def page(title: str, body: str) -> str:
    """Builds a whole page; `body` is HTML, `title` plain text."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
{body}</body>
</html>
"""
