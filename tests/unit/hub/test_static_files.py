"""The front end's files as browsers get them, from a real server."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from tornado.httpclient import HTTPClientError
from tornado.testing import AsyncHTTPTestCase
from tornado.web import Application

from hubkiln.hub.static_files import FOLDER, FrontEnd, compressed

SCRIPT = "console.log('hubkiln');\n" * 200

MOST = 35_000
"""Bytes that a page waits for, as they are sent: under 40 KB, with room for more."""

IMPORTED = re.compile(r"""(?:from|import)\s*["']\./([\w.-]+\.js)["']""")


def first(name: str) -> set[Path]:
    """The scripts that a page waits for: what it names, and what those import before they run."""
    found, left = set[Path](), [FOLDER / name]
    while left:
        path = left.pop()
        if path not in found:
            found.add(path)
            left += [FOLDER / other for other in IMPORTED.findall(path.read_text())]
    return found


@pytest.mark.parametrize("page", ["spawn.js", "environments.js"])
@pytest.mark.skipif(not (FOLDER / "spawn.js").exists(), reason="the front end is not built")
def test_a_page_waits_for_little(page: str) -> None:
    """What shows a build comes once the page has time: whoever builds nothing does not wait for it."""
    scripts = first(page)
    assert len(scripts) > 1 and scripts < set(FOLDER.glob("*.js"))
    assert sum(len(compressed(str(path), 0)) for path in scripts) < MOST


class TestFiles(AsyncHTTPTestCase):
    """Of a folder with one script and one picture."""

    def get_app(self) -> Application:
        """Serves the folder as the plugin does."""
        import tempfile

        folder = self.enterContext(tempfile.TemporaryDirectory())  # type: ignore[attr-defined]
        (Path(folder) / "a.js").write_text(SCRIPT)
        (Path(folder) / "a.png").write_bytes(b"png")
        return Application([(r"/static/(.*)", FrontEnd, {"path": folder})])

    def test_scripts_come_compressed(self) -> None:
        """A tenth of the size, the same content, and not again for who has it."""
        got = self.fetch("/static/a.js", headers={"Accept-Encoding": "gzip, br"}, decompress_response=False)
        assert got.headers["Content-Encoding"] == "gzip" and gzip.decompress(got.body).decode() == SCRIPT
        assert int(got.headers["Content-Length"]) * 10 < len(SCRIPT)
        assert got.headers["Content-Type"] == "text/javascript; charset=utf-8"
        again = self.fetch("/static/a.js", headers={"Accept-Encoding": "gzip", "If-None-Match": got.headers["Etag"]})
        assert again.code == 304

    def test_who_does_not_take_it_so_gets_it_plain(self) -> None:
        """Caches tell the two apart; pictures stay as they are."""
        got = self.fetch("/static/a.js", decompress_response=False)
        assert "Content-Encoding" not in got.headers and got.body.decode() == SCRIPT
        assert got.headers["Vary"] == "Accept-Encoding"
        picture = self.fetch("/static/a.png", headers={"Accept-Encoding": "gzip"}, decompress_response=False)
        assert picture.body == b"png" and "Content-Encoding" not in picture.headers

    def test_nothing_else_is_served(self) -> None:
        """Neither what is above the folder nor what is not there."""
        for path in ("/static/../secret.js", "/static/%2e%2e/secret.js", "/static/b.js", "/static/"):
            try:
                code = self.fetch(path, headers={"Accept-Encoding": "gzip"}).code
            except HTTPClientError as error:
                code = error.code
            assert code in (403, 404), path
