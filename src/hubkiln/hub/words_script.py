"""The front end's words of one language, as scripts that are loaded before and behind its own."""

from __future__ import annotations

import gzip

from tornado.web import HTTPError, RequestHandler

from hubkiln.languages import SCRIPTS, Languages

PATH = rf"words/([A-Za-z0-9-]+)/({'|'.join(SCRIPTS)})\.js"
"""Below where the hub serves what is ours: a language and one of its scripts."""


class WordsScript(RequestHandler):
    """Serves words of one language to the front end; they are no secret, and are kept by their version."""

    def initialize(self, languages: Languages) -> None:
        """`languages` are those there are."""
        self._languages = languages

    def get(self, tag: str, name: str) -> None:
        """The script called `name`, compressed for whoever takes it so."""
        language = self._languages.known.get(tag)
        if language is None or name not in language.scripts:
            raise HTTPError(404)
        self.set_header("Content-Type", "text/javascript; charset=utf-8")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Vary", "Accept-Encoding")
        if self.get_query_argument("v", "") == language.version:
            self.set_header("Cache-Control", "public, max-age=31536000, immutable")
        if "gzip" in self.request.headers.get("Accept-Encoding", ""):
            self.set_header("Content-Encoding", "gzip")
            self.finish(gzip.compress(language.scripts[name], mtime=0))
        else:
            self.finish(language.scripts[name])
