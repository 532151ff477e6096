"""The front end's files, served by the hub itself: they work before the build service is up, under any base URL."""

from __future__ import annotations

import gzip
import hashlib
from functools import lru_cache
from pathlib import Path

from tornado.web import StaticFileHandler

FOLDER = Path(__file__).parent / "static"
"""Where the package's own build puts what it made from ``ui/``."""

_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


class FrontEnd(StaticFileHandler):
    """Serves one folder: compressed, with ETag, kept for long when asked with ``?v=``; never a listing of it."""

    async def get(self, path: str, include_body: bool = True) -> None:
        """The file, compressed for whoever takes it so."""
        self.set_header("Vary", "Accept-Encoding")
        wanted = "gzip" in self.request.headers.get("Accept-Encoding", "") and "Range" not in self.request.headers
        if not wanted or Path(path).suffix not in _TYPES:
            await super().get(path, include_body)
            return
        self.path = self.parse_url_path(path)
        found = self.validate_absolute_path(self.root, self.get_absolute_path(self.root, self.path))
        if found is None:
            return
        self.absolute_path = found
        self.modified = self.get_modified_time()
        self.set_headers()
        self.set_header("Etag", f"{self.get_content_version(found)}-gzip".join('""'))
        if self.check_etag_header():
            self.set_status(304)
            return
        packed = compressed(found, Path(found).stat().st_mtime_ns)
        self.set_header("Content-Encoding", "gzip")
        self.set_header("Content-Length", len(packed))
        if include_body:
            self.write(packed)

    def set_extra_headers(self, path: str) -> None:
        """Do not let a browser guess."""
        self.set_header("X-Content-Type-Options", "nosniff")

    def get_content_type(self) -> str:
        """Scripts must be served as such, or browsers refuse them; machines' own tables differ."""
        return _TYPES.get(Path(self.absolute_path or "").suffix) or str(super().get_content_type())


@lru_cache(maxsize=64)
def compressed(path: str, _modified: int) -> bytes:
    """The file at `path`, compressed once."""
    return gzip.compress(Path(path).read_bytes(), mtime=0)


def version(folder: Path = FOLDER) -> str:
    """Short hash of the files in `folder`; empty when there are none."""
    digest = hashlib.sha256()
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    for path in files:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12] if files else ""
