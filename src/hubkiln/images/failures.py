"""What registries and the network say, as our errors: whose turn it is, and whether to try again."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EDQUOT, ENOSPC
from typing import TYPE_CHECKING, Protocol

import httpx

from hubkiln.egress import unanswered
from hubkiln.errors import AccessDenied, DiskFull, HubkilnError, NotFound, ServiceError, TooLarge, Unreachable
from hubkiln.images.documents import json_object
from hubkiln.images.retrying import Again, retry_after

if TYPE_CHECKING:
    from hubkiln.images.names import ImageName

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


class _Response(Protocol):
    @property
    def status(self) -> int: ...
    @property
    def body(self) -> bytes: ...
    @property
    def url(self) -> str: ...


def raise_if_passing(response: httpx.Response, host: str) -> None:
    """
    Raises:
        Again: the status says that the same request may succeed later.
    """
    status = response.status_code
    if status not in _PASSING:
        return
    after = retry_after(response.headers.get("Retry-After"))
    if status == 429:
        wait = f" It asks to wait {after:.0f} seconds." if after else ""
        hint = "Wait and try again, or log in to the registry for a larger allowance."
        raise Again(Unreachable(f"{host} gets too many requests from here.{wait}", hint=hint), after=after)
    raise Again(
        Unreachable(f"{host} has a problem of its own (status {status}).", hint="Try again later."), after=after
    )


def from_transport(error: httpx.TransportError, host: str) -> Exception:
    """What a failed connection means: mostly Again, but a bad certificate stays bad."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            hint = "If it is your own, name its certificate authority with the setting `registry_certificates`."
            return Unreachable(f"The certificate of {host} cannot be trusted: {cause.verify_message}.", hint=hint)
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        return Unreachable(f"{host} sends us to an address we cannot follow.")
    return Again(unanswered(host, error))


def refusal(answer: _Response, name: ImageName, doing: str) -> HubkilnError:
    """The error for a status that another attempt will not cure; `doing` is like ``pull the image``."""
    status, said = answer.status, _said(answer.body)
    if status in (401, 403):
        hint = f"Check the credentials: `podman login {name.host}` stores them where we look."
        return AccessDenied(f"{name.host} does not let us {doing} {name.path}.{said}", hint=hint)
    if status == 404:
        return NotFound(f"{name.host} has no {name.path} ({name.reference}).", hint="Check the name and the tag.")
    if status == 413:
        return TooLarge(
            f"{name.host} refuses to {doing} {name.path}: too large.", hint="Ask who runs it to raise its limit."
        )
    plain = status == 400 and answer.url.startswith("http://")
    hint = f"If it speaks TLS, list {name.host} in `tls_on_loopback`, or not in `plain_http`." if plain else ""
    return ServiceError(f"{name.host} refused to {doing} {name.path} (status {status}).{said}", hint=hint)


def lost_a_part(name: ImageName) -> Unreachable:
    """The error of a registry that refuses a manifest because a part that it had is gone; pushing again cures it."""
    return Unreachable(f"{name.host} has lost a part of {name.path} that was there.", hint="Try again.")


def _said(body: bytes) -> str:
    """The registry's own words, bounded."""
    try:
        first = (json_object(body) or {})["errors"][0]
        words = f"{first.get('code', '')} {first.get('message', '')}".strip()
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""
    return f" It says: {words[:200]}." if words and words.isprintable() else ""


@contextmanager
def disk(what: str) -> Iterator[None]:
    """Full disks are told apart from everything else that can go wrong with files."""
    try:
        yield
    except OSError as error:
        if error.errno in (ENOSPC, EDQUOT):
            raise DiskFull(f"No space left on the disk for {what}.", hint="Free some space, then try again.") from error
        raise
