"""Downloads from a server on this machine that behaves well and badly."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from transformer_lm.corpora.download.fetch import ATTEMPTS, Checksum, fetch
from transformer_lm.corpora.download.sources import download_source
from transformer_lm.registry import UserError

CONTENT = bytes(range(256)) * 20_000


class Handler(BaseHTTPRequestHandler):
    """Serves `server.files`, as `server.behaviour` says."""

    def do_GET(self):
        server = self.server
        server.requests.append((self.path, dict(self.headers)))
        content = server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        if server.behaviour.get("unavailable", 0):
            server.behaviour["unavailable"] -= 1
            self.send_error(503)
            return
        start = 0
        wanted = self.headers.get("Range")
        fresh = self.headers.get("If-Range") == server.version
        if wanted and fresh and not server.behaviour.get("no_range"):
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("ETag", server.version)
        self.end_headers()
        end = len(content)
        if server.behaviour.get("breaks", 0):
            server.behaviour["breaks"] -= 1
            end = start + server.behaviour["after"]
            server.behaviour["unavailable"] = server.behaviour.pop(
                "then_unavailable", 0
            )
        self.wfile.write(content[start:end])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.files = {"/ja.txt.xz": CONTENT}
    server.behaviour = {}
    server.version = '"v1"'
    server.requests = []
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def get(server, path, checksum=None):
    fetch(f"{server.url}/ja.txt.xz", path, checksum, wait_seconds=0)


def test_a_file_arrives_whole_and_only_once(server, tmp_path):
    path = tmp_path / "new" / "ja.txt.xz"
    get(server, path, Checksum("sha1", hashlib.sha1(CONTENT).hexdigest()))
    get(server, path)
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]
    assert len(server.requests) == 1
    assert "transformer_lm" in server.requests[0][1]["User-Agent"]


def test_a_broken_connection_is_gone_on_with(server, tmp_path):
    server.behaviour |= {"breaks": 7, "after": 600_000}
    path = tmp_path / "ja.txt.xz"
    get(server, path)
    assert path.read_bytes() == CONTENT
    ranges = [headers["Range"] for _, headers in server.requests if "Range" in headers]
    assert len(ranges) == 7
    assert ranges[0] == "bytes=600000-"
    assert list(tmp_path.iterdir()) == [path]


def test_a_server_that_goes_away_is_given_up_and_a_later_run_goes_on(server, tmp_path):
    server.behaviour |= {"breaks": 1, "after": 600_000, "then_unavailable": 99}
    path = tmp_path / "ja.txt.xz"
    with pytest.raises(UserError, match=r"503.*keeps 600000 bytes: give the command"):
        get(server, path)
    assert len(server.requests) == ATTEMPTS
    assert not path.exists()
    server.behaviour.clear()
    get(server, path)
    assert path.read_bytes() == CONTENT
    assert server.requests[-1][1]["Range"] == "bytes=600000-"


def test_a_file_that_changed_meanwhile_is_taken_from_the_start(server, tmp_path):
    path = tmp_path / "ja.txt.xz"
    (tmp_path / "ja.txt.xz.part").write_bytes(b"old" * 1000)
    (tmp_path / "ja.txt.xz.part.version").write_text('"v0"')
    get(server, path)
    assert server.requests[0][1]["If-Range"] == '"v0"'
    assert path.read_bytes() == CONTENT


def test_a_server_without_ranges_sends_it_all_again(server, tmp_path):
    server.behaviour |= {"breaks": 1, "after": 600_000, "no_range": True}
    path = tmp_path / "ja.txt.xz"
    get(server, path)
    assert path.read_bytes() == CONTENT
    assert len(server.requests) == 2


def test_a_part_that_is_too_long_is_thrown_away(server, tmp_path):
    path = tmp_path / "ja.txt.xz"
    (tmp_path / "ja.txt.xz.part").write_bytes(CONTENT + b"x")
    (tmp_path / "ja.txt.xz.part.version").write_text(server.version)
    get(server, path)
    assert path.read_bytes() == CONTENT


def test_a_wrong_checksum_removes_the_file(server, tmp_path):
    path = tmp_path / "ja.txt.xz"
    with pytest.raises(UserError, match=r"has the md5 .* publishes 0000; the file was"):
        get(server, path, Checksum("md5", "0000"))
    assert not any(tmp_path.glob("*.xz"))
    assert not any(tmp_path.glob("*.part"))


def test_a_file_that_is_not_there_is_told_at_once(server, tmp_path):
    server.files.clear()
    with pytest.raises(UserError, match=r"answers 404 .*see at http.*--mirror"):
        get(server, tmp_path / "ja.txt.xz")
    assert len(server.requests) == 1


def test_the_dump_of_pages_is_checked_against_the_published_list(server, tmp_path):
    folder, name = "/jawiki/20260101", "jawiki-20260101-pages-articles.xml.bz2"
    digest = hashlib.sha1(CONTENT).hexdigest()
    server.files = {
        f"{folder}/{name}": CONTENT,
        f"{folder}/jawiki-20260101-sha1sums.txt": (
            f"{'0' * 40}  jawiki-20260101-pages-articles-multistream.xml.bz2\n"
            f"{digest}  {name}\n"
        ).encode(),
    }
    files = download_source("jawiki-xml:20260101", str(tmp_path), f"{server.url}/")
    assert files == str(tmp_path / name)
    assert (tmp_path / name).read_bytes() == CONTENT
    server.files[f"{folder}/{name}"] = CONTENT[:-1] + b"x"
    (tmp_path / name).unlink()
    with pytest.raises(UserError, match=f"publishes {digest}"):
        download_source("jawiki-xml:20260101", str(tmp_path), server.url)
    server.files[f"{folder}/jawiki-20260101-sha1sums.txt"] = b""
    with pytest.raises(UserError, match="does not list jawiki-20260101-pages-articles"):
        download_source("jawiki-xml:20260101", str(tmp_path), server.url)


def test_the_search_index_has_numbered_files(server, tmp_path):
    folder = "/other/cirrus_search_index/20260101/index_name=jawiki_content"
    names = [f"jawiki_content-20260101-0000{i}.json.bz2" for i in range(2)]
    listing = "".join(f'<a href="{name}">{name}</a>' for name in names)
    server.files = {f"{folder}/{name}": name.encode() for name in names}
    server.files[f"{folder}/"] = listing.encode()
    with pytest.raises(UserError, match="2 files and no _SUCCESS"):
        download_source("jawiki-cirrus-index:20260101", str(tmp_path), server.url)
    server.files[f"{folder}/"] += b'<a href="_SUCCESS">_SUCCESS</a>'
    files = download_source("jawiki-cirrus-index:20260101", str(tmp_path), server.url)
    assert files == ",".join(str(tmp_path / name) for name in names)


@pytest.mark.parametrize(
    ("source", "path"),
    [
        (
            "jawiki-cirrussearch:20240101",
            "/other/cirrussearch/20240101/jawiki-20240101-cirrussearch-content.json.gz",
        ),
        ("cc100-ja", "/cc-100/ja.txt.xz"),
    ],
)
def test_other_sources_lie_where_they_are_published(server, tmp_path, source, path):
    server.files = {path: CONTENT}
    name = path.rpartition("/")[2]
    assert download_source(source, str(tmp_path), server.url) == str(tmp_path / name)
    assert (tmp_path / name).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("jawiki", "unknown source 'jawiki'"),
        ("jawiki-xml", "must be jawiki-xml:DATE, such as jawiki-xml:20260101"),
        ("jawiki-xml:2026-01-01", "must be jawiki-xml:DATE"),
        ("cc100-ja:20260101", "must be cc100-ja"),
    ],
)
def test_a_source_that_is_none_is_refused(tmp_path, source, message):
    with pytest.raises(UserError, match=message):
        download_source(source, str(tmp_path), None)
