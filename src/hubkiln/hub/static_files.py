"""The front end's files, served by the hub itself: they work before the build service is up, under any base URL."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tornado.web import StaticFileHandler

FOLDER = Path(__file__).parent / "static"
"""Where the package's own build puts what it made from ``ui/``."""

_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


class FrontEnd(StaticFileHandler):
    """Serves one folder: with ETag, kept for long when asked with ``?v=``, never a listing of the folder."""

    def set_extra_headers(self, path: str) -> None:
        """Do not let a browser guess."""
        self.set_header("X-Content-Type-Options", "nosniff")

    def get_content_type(self) -> str:
        """Scripts must be served as such, or browsers refuse them; machines' own tables differ."""
        return _TYPES.get(Path(self.absolute_path or "").suffix) or str(super().get_content_type())


def version(folder: Path = FOLDER) -> str:
    """Short hash of the files in `folder`; empty when there are none."""
    digest = hashlib.sha256()
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    for path in files:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12] if files else ""
