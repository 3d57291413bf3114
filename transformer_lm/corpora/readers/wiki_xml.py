"""Wikipedia's pages-articles.xml: pages with their wikitext.

https://www.mediawiki.org/xml/export-0.11/ describes the format.
"""

from collections.abc import Iterator
from typing import NoReturn
from xml.parsers import expat

from etils import epath

from transformer_lm.corpora.decompression import open_decompressed
from transformer_lm.corpora.paths import COMPRESSIONS
from transformer_lm.corpora.readers import markup_cost
from transformer_lm.corpora.readers.interface import Document, Reading
from transformer_lm.corpora.readers.wikitext import Wikitext
from transformer_lm.registry import UserError

_PIECE_BYTES = 1 << 18
_TEXT_CHARACTERS = 1 << 21
"""A longer page is skipped; MediaWiki itself allows 2 MiB
(https://www.mediawiki.org/wiki/Manual:$wgMaxArticleSize)."""

_TOKEN_BYTES = 1 << 24
"""A tag, a comment or a name that is longer is no dump's: the parser would keep it."""

_DEPTH = 100
_NAMES = 1000
"""Elements inside one another, and names of elements and attributes, at most: the parser
keeps them all. A dump has 5 and some 40."""


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
        self._names: set[str] = set()
        self._fed = 0
        # Whatever encoding a file declares: Python has some that the parser has not.
        self._parser = expat.ParserCreate("UTF-8")
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
        self._fed += len(piece)
        if self._fed - self._parser.CurrentByteIndex > _TOKEN_BYTES:
            raise self._no_dump(f"a tag or a comment of more than {_TOKEN_BYTES} bytes")
        ready, self._ready = self._ready, []
        return ready

    def _refuse(self, *declaration: object) -> NoReturn:
        raise self._no_dump(f"a document type declaration ({declaration[0]})")

    def _no_dump(self, found: str) -> UserError:
        return UserError(
            f"{self._path}:{self._parser.CurrentLineNumber}: {found} has no place in a"
            " dump of Wikipedia; download it from its source"
        )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._open.append(name)
        self._names.add(name)
        self._names.update(attributes)
        if len(self._open) > _DEPTH or len(self._names) > _NAMES:
            raise self._no_dump(
                f"an element at depth {len(self._open)}, after {len(self._names)}"
                " different names,"
            )
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
        elif markup_cost.cost(values["text"]) > markup_cost.LARGEST:
            kind = "pages skipped whose markup does not close"
            self._reading.faults.note(kind, str(self._path), line)
        else:
            fields = {"title": values["title"]} if values.get("title") else {}
            self._ready.append(Document(values["id"], values["text"], fields))
        self._page = {}
