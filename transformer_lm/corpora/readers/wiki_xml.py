"""Wikipedia's pages-articles.xml: pages with their wikitext.

https://www.mediawiki.org/xml/export-0.11/ describes the format.
"""

from collections.abc import Iterator
from typing import NoReturn
from xml.parsers import expat

from etils import epath

from transformer_lm.corpora.decompression import open_decompressed
from transformer_lm.corpora.paths import COMPRESSIONS
from transformer_lm.corpora.readers.interface import Document, Reading
from transformer_lm.corpora.readers.wikitext import Wikitext
from transformer_lm.registry import UserError

_PIECE_BYTES = 1 << 18
_TEXT_CHARACTERS = 1 << 24
"""A longer page is skipped; MediaWiki itself allows 2 MiB."""


class WikiXml:
    """Articles alone are read; redirects and other namespaces are counted."""

    endings = tuple(".xml" + compression for compression in COMPRESSIONS)

    def __init__(self) -> None:
        self._wikitext = Wikitext()

    def read(self, path: epath.Path, reading: Reading) -> Iterator[Document]:
        """Yields the articles with their markup; see `Reader.read`."""
        pages = _Pages(path, reading)
        with open_decompressed(path, reading.on_read) as stream:
            while piece := stream.read(_PIECE_BYTES):
                yield from pages.feed(piece)
        yield from pages.feed(b"", final=True)

    def plain(self, text: str) -> str:
        """Returns what a reader of the page would see as running text."""
        return self._wikitext.plain(text)


class _Pages:
    """The pages met in the pieces of a dump; one page is in memory at a time."""

    def __init__(self, path: epath.Path, reading: Reading) -> None:
        self._path = path
        self._reading = reading
        self._open: list[str] = []
        self._page: dict[str, list[str]] = {}
        self._size = 0
        self._ready: list[Document] = []
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        # A dump declares nothing. Entities could swell without bound or name files.
        self._parser.StartDoctypeDeclHandler = self._refuse

    def feed(self, piece: bytes, *, final: bool = False) -> list[Document]:
        """Parses a piece; returns the articles that end in it."""
        try:
            self._parser.Parse(piece, final)
        except expat.ExpatError as error:
            raise UserError(
                f"{self._path} is cut short or is no XML ({error}); download it again"
            ) from error
        ready, self._ready = self._ready, []
        return ready

    def _refuse(self, *declaration: object) -> NoReturn:
        raise UserError(
            f"{self._path}:{self._parser.CurrentLineNumber}: a document type"
            f" declaration ({declaration[0]}) has no place in a dump of Wikipedia;"
            " download it from its source"
        )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        del attributes
        self._open.append(name)
        if name == "page":
            self._page = {}
            self._size = 0
        elif name == "redirect":
            self._page["redirect"] = []

    def _characters(self, text: str) -> None:
        # A page has its own id; so has its revision, and the revision's author.
        place = self._open[-2:]
        wanted = place[0] == "page" and place[-1] in ("title", "ns", "id")
        if wanted or place == ["revision", "text"]:
            self._size += len(text)
            if self._size <= _TEXT_CHARACTERS:
                self._page.setdefault(place[-1], []).append(text)

    def _end(self, name: str) -> None:
        self._open.pop()
        if name != "page":
            return
        values = {key: "".join(pieces) for key, pieces in self._page.items()}
        line = self._parser.CurrentLineNumber
        if values.get("ns") != "0":
            self._reading.skipped["pages of other namespaces"] += 1
        elif "redirect" in values:
            self._reading.skipped["redirects"] += 1
        elif self._size > _TEXT_CHARACTERS:
            kind = f"pages of more than {_TEXT_CHARACTERS} characters skipped"
            self._reading.faults.note(kind, str(self._path), line)
        elif "text" not in values or "id" not in values:
            kind = "pages without text or id skipped"
            self._reading.faults.note(kind, str(self._path), line)
        else:
            fields = {"title": values["title"]} if values.get("title") else {}
            self._ready.append(Document(values["id"], values["text"], fields))
        self._page = {}
