"""Where the programs that this package starts are, and the environment they get."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from hubkiln.errors import EngineMissing

INDEX_VARIABLES = (
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
)
"""The admin's own uv variables that say where packages come from; used where settings name no index."""

PUBLIC = "https://pypi.org/simple"

CONNECTION_VARIABLES = (
    "UV_INSECURE_HOST",
    "UV_NATIVE_TLS",
    "UV_SYSTEM_CERTS",
    "UV_HTTP_TIMEOUT",
    "UV_HTTP_RETRIES",
)
"""The admin's own uv variables that say how to connect; always used."""


def uv() -> Path:
    """
    The uv that was installed with us, else the one on ``PATH``.

    Raises:
        EngineMissing: there is none.
    """
    try:
        from uv import find_uv_bin

        return Path(find_uv_bin())
    except (ImportError, FileNotFoundError):
        if found := shutil.which("uv"):
            return Path(found)
    raise EngineMissing("uv, which resolves packages, is not installed.", hint="Install Hubkiln again with pip or uv.")


def index_variables(index_url: str | None) -> dict[str, str]:
    """Variables that make uv ask `index_url` and no other, or what the admin's environment says."""
    names = CONNECTION_VARIABLES if index_url is not None else (*INDEX_VARIABLES, *CONNECTION_VARIABLES)
    chosen = {"UV_DEFAULT_INDEX": index_url} if index_url is not None else {}
    return chosen | {name: os.environ[name] for name in names if name in os.environ}


def index_address(configured: str | None) -> str:
    """The index to ask: the admin's setting, uv's own variables, else the public one."""
    found = configured or os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL") or PUBLIC
    name, equals, address = found.partition("=")  # uv lets an index have a name
    return address if equals and "://" not in name else found
