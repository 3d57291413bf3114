"""Rules that take out what Wikipedia leaves in running text.

The set is that of cl-tohoku/bert-japanese, from which rinna and nknytk took theirs.
"""

import re
import unicodedata

_NUMBERS = re.compile(r"[\[［]\s*(?:(?:注釈?|脚注|出典|註|note|nb)\s*)?\d+\s*[\]］]")
_REQUESTS = re.compile(
    r"[\[［](?:要[^\[\]［］]{1,30}|リンク切れ|出典無効|信頼性要検証|独自研究\?|"
    r"[^\[\]［］]{1,10}[?？])[\]］]"
)
_BRACE = re.compile(r"([{}])")
_FOOTNOTES = re.compile(r"(?:^|\s)\^\s.*", re.DOTALL)


def citation_numbers(text: str, title: str) -> str:
    """Takes out `[1]`, `[注 2]`, `[注釈 3]`."""
    del title
    return _NUMBERS.sub("", text)


def citation_requests(text: str, title: str) -> str:
    """Takes out `[要出典]` and other `[要…]`, `[リンク切れ]`, and questions, `[誰?]`."""
    del title
    return _REQUESTS.sub("", text)


def templates(text: str, title: str) -> str:
    """Takes out `{{…}}`, nested ones from the inside; in time by the length alone."""
    del title
    if "{{" not in text:
        return text
    pieces = _BRACE.split(text)
    # What stays so far: texts in pieces, and between them the braces.
    texts, braces = [[pieces[0]]], []
    for brace, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        braces.append(brace)
        texts.append([piece])
        # `}}` with nothing between, then a text, then `{{` with nothing between.
        if braces[-4:] == ["{", "{", "}", "}"] and not any((*texts[-2], *texts[-4])):
            del braces[-4:], texts[-4:]
            texts[-1].append(piece)
    kept = ["".join(texts[0])]
    for brace, parts in zip(braces, texts[1:], strict=True):
        kept += [brace, *parts]
    return "".join(kept)


def footnotes(text: str, title: str) -> str:
    """Takes out ` ^ …` to the end of the text: there the footnotes begin."""
    del title
    return _FOOTNOTES.sub("", text)


def breadcrumbs(text: str, title: str) -> str:
    """Takes out a path at the start of the text, `日本 > 東京都 > 港区`, up to the title.

    Does nothing for a document without a title.
    """
    for name in (title, unicodedata.normalize("NFKC", title)):
        end = text.find(f" > {name}")
        if name and end > 0 and "\n" not in text[:end]:
            return text[end + len(f" > {name}") :]
    return text


def formula_lines(text: str, title: str) -> str:
    r"""Takes out lines with `\displaystyle`."""
    del title
    if r"\displaystyle" not in text:
        return text
    return "\n".join(line for line in text.split("\n") if r"\displaystyle" not in line)
