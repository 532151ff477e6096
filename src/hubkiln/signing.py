"""Short texts that we give away and know again: signed with the service's own secret, for one purpose, for a while."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs and checks; what was signed with another `secret` is nobody's."""

    secret: str = field(repr=False)
    now: Callable[[], float] = time.time

    def sign(self, purpose: str, value: str, seconds: float) -> str:
        """`value` as a text that :meth:`read` understands for so many `seconds`; it can be read by anybody."""
        body = _encoded(json.dumps([int(self.now() + seconds), value]).encode())
        return f"{body}.{self._mark(purpose, body)}"

    def read(self, purpose: str, text: str) -> str | None:
        """What was signed for `purpose`; None if it was not, or is too old."""
        body, _, mark = text.partition(".")
        if not text.isascii() or not hmac.compare_digest(mark, self._mark(purpose, body)):
            return None
        try:
            ends, value = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        except (ValueError, binascii.Error):
            return None
        return str(value) if ends >= self.now() else None

    def mark(self, purpose: str, value: str) -> str:
        """A text that only we can make of `value`, and that tells nothing of it."""
        return self._mark(purpose, value)

    def _mark(self, purpose: str, body: str) -> str:
        return _encoded(hmac.digest(self.secret.encode(), f"{purpose}\0{body}".encode(), hashlib.sha256))


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
