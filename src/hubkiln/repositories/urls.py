"""Git addresses: which texts are one, their canonical form, and what must never be in one."""

from __future__ import annotations

import re
import string
from urllib.parse import unquote, urlsplit

from hubkiln.errors import BadSpec

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SCP = re.compile(r"(?P<user>[\w.-]+)@(?P<host>[\w.-]+|\[[0-9A-Fa-f:]+\]):(?P<path>[^:].*)")
_DEFAULT_PORTS = {"http": 80, "https": 443, "ssh": 22}
_HOST = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9.])?|[0-9a-f:.]+")

_PATH = re.compile(r"(/(?!\.\.?(/|$))[\x21-\x2e\x30-\x7e]*)+")
"""No part of it is ``.`` or ``..``."""
_ENCODED = re.compile(r"%([0-9A-Fa-f]{2})")
_PLAIN = frozenset(string.ascii_letters + string.digits + "-._~")


def is_url(text: str) -> bool:
    """Whether `text` is written as a git address, right or wrong."""
    return bool(_SCHEME.match(text) or _SCP.fullmatch(text) or re.match(r"[A-Za-z]\w*::", text))


def canonical(text: str) -> str:
    """
    `text` as one address per repository: ``scheme://[user@]host[:port]/path``.

    ``user@host:path`` becomes an ``ssh://`` address. The scheme and host are lower case; default ports, fragments,
    trailing slashes and dots are dropped, and nothing is encoded that need not be: what a rule says of a repository
    must not depend on how somebody writes it.

    Raises:
        BadSpec: not an address that can be fetched from, or one that holds credentials (which are not repeated).
    """
    if re.search(r"[\x00-\x20\x7f\\]", text) or len(text) > 2000:
        raise BadSpec(
            "That address holds spaces or control characters.", hint="Copy the address from the repository's web page."
        )
    if scp := _SCP.fullmatch(text):
        text = f"ssh://{scp['user']}@{scp['host']}/{scp['path'].lstrip('/')}"
    scheme = _check_scheme(text)
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").encode("idna").decode(), parts.port
    except (ValueError, UnicodeError) as error:
        raise BadSpec(
            "That is not a complete address.", hint="It looks like `https://host/path/repository.git`."
        ) from error
    _check_credentials(scheme, parts.username, parts.password, parts.query)
    host, path = host.rstrip("."), _ENCODED.sub(_plainly, parts.path).rstrip("/")
    if not _HOST.fullmatch(host) or path.startswith(("/-", "//")) or not _PATH.fullmatch(path):
        raise BadSpec(
            f"`{scheme}://{host}` does not name a repository.",
            hint="An address looks like `https://host/path/repository.git`.",
        )
    shown_host = f"[{host}]" if ":" in host else host
    user = f"{parts.username}@" if parts.username else ""
    shown_port = f":{port}" if port not in (None, _DEFAULT_PORTS[scheme]) else ""
    return f"{scheme}://{user}{shown_host}{shown_port}{path}"


def _plainly(encoded: re.Match[str]) -> str:
    character = chr(int(encoded[1], 16))
    return character if character in _PLAIN else encoded[0].upper()


def _check_scheme(text: str) -> str:
    match = _SCHEME.match(text)
    scheme = match[1].lower() if match else ""
    if scheme == "git":
        raise BadSpec(
            "`git://` addresses are not accepted: nothing proves who answers.",
            hint="Use the repository's `https://` address.",
        )
    if scheme == "file":
        raise BadSpec(
            "Folders of the server cannot be built from here.", hint="Give an address that starts with `https://`."
        )
    if scheme not in _DEFAULT_PORTS:
        raise BadSpec(
            "Only `https://`, `http://` and `ssh://` addresses can be fetched.",
            hint="Use the repository's `https://` address.",
        )
    return scheme


def _check_credentials(scheme: str, user: str | None, password: str | None, query: str) -> None:
    if password is not None or (user is not None and scheme != "ssh") or (user or "").startswith("-"):
        raise BadSpec(
            "The address holds a user name or password.",
            hint="Leave it out, and change that password; an admin can set a token for the host.",
        )
    if query:
        raise BadSpec(
            "The address holds a `?…` part, which git addresses do not have.", hint="Leave out everything from the `?`."
        )


def split(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a canonical address."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme]


def join(base: str, relative: str) -> str:
    """A submodule's address that may be relative to `base`, as git reads it: ``../x`` is a sibling."""
    if not relative.startswith(("./", "../")):
        return relative
    root, path = re.match(r"(\w+://[^/]+)(/.*)?", base).groups()  # type: ignore[union-attr]
    parts = [part for part in (path or "").split("/") if part]
    for part in relative.split("/"):
        if part == "..":
            if not parts:
                raise BadSpec(
                    f"The submodule address `{relative}` leads out of {root}.", hint="Correct it in .gitmodules."
                )
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return f"{root}/{'/'.join(parts)}"


def short_name(text: str, *, otherwise: str = "repository") -> str:
    """A name for folders and images from the last part of a path or address."""
    last = unquote(text).rstrip("/").rsplit("/", 1)[-1].removesuffix(".git").lower()
    return re.sub(r"[^a-z0-9._-]+", "-", last).strip("-._")[:60].rstrip("-._") or otherwise
