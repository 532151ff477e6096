"""Who sent a webhook: the ways in which forges prove that they know the secret. Pure functions.

GitHub and Gitea sign the body; GitLab signs the body with a time where the secret is a signing token (Standard
Webhooks), and else sends the secret itself. Every comparison takes the same time, whatever was sent.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from contextlib import suppress

from hubkiln.errors import Refused

FRESH_SECONDS = 300
"""How far a signed time may be from ours; what was recorded is of no use later."""

BODY_SIGNED = ("x-hub-signature-256", "x-gitea-signature", "x-forgejo-signature")
"""Headers with the hexadecimal HMAC-SHA256 of the body, after ``sha256=`` or bare."""


def check_sender(headers: Mapping[str, str], body: bytes, secret: str, now: float) -> None:
    """
    See that who sent `body` knows `secret`; `headers` by lower-case name.

    Raises:
        Refused: they do not, or it was signed too long ago.
    """
    if any(_same(headers[name].removeprefix("sha256="), _hex(body, secret)) for name in BODY_SIGNED if name in headers):
        return
    if "webhook-signature" in headers:
        return _check_standard(headers, body, secret, now)
    if "x-gitlab-token" in headers and _same(headers["x-gitlab-token"], secret):
        return
    raise Refused("The webhook's signature is not right.", hint="Give the forge the same secret as this service.")


def signed(body: bytes, secret: str, id: str, now: float) -> dict[str, str]:
    """The headers of a webhook of our own, by the Standard Webhooks."""
    at = str(int(now))
    return {"webhook-id": id, "webhook-timestamp": at, "webhook-signature": _standard(body, secret, id, at)}


def _check_standard(headers: Mapping[str, str], body: bytes, secret: str, now: float) -> None:
    id, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    right = _standard(body, secret, id, at)
    if not any(_same(given, right) for given in headers["webhook-signature"].split()):
        raise Refused("The webhook's signature is not right.", hint="Give the forge the same secret as this service.")
    if not at.isdecimal() or abs(int(at) - now) > FRESH_SECONDS:
        raise Refused("The webhook was signed too long ago.", hint="See whether both clocks are right.")


def _standard(body: bytes, secret: str, id: str, at: str) -> str:
    key = secret.encode()
    if secret.startswith("whsec_"):
        with suppress(binascii.Error):
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    return f"v1,{base64.b64encode(hmac.digest(key, f'{id}.{at}.'.encode() + body, hashlib.sha256)).decode()}"


def _hex(body: bytes, secret: str) -> str:
    return hmac.digest(secret.encode(), body, hashlib.sha256).hex()


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), right.encode())
