"""What the hub asks the build service: is this image known, and may this user start it?

Runs inside JupyterHub's process, so the client is Tornado's.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from hubkiln.errors import LimitReached, Refused, ServiceError, UserError


class ServiceSilent(ServiceError):
    """The build service does not answer."""

    code = "service_silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageAnswer:
    """What the build service says of an image."""

    known: bool
    """True if it was built here."""

    visible: bool
    """True if this user may start it."""

    image: str = ""
    """The reference to start; empty means the one that was asked for."""

    refusal: UserError | None = None
    """Why this user may not start it now, where it is not simply somebody else's."""


class Images(Protocol):
    """Knows built images."""

    async def ask(self, image: str, user: str, groups: Sequence[str] = ()) -> ImageAnswer:
        """
        Whether `image` was built here and `user`, who is in `groups`, may start it; counts as a start.

        Raises:
            ServiceError: it cannot tell now.
        """


@dataclass(frozen=True, slots=True)
class BuildService:
    """The build service over HTTP."""

    url: str
    """With its prefix and a trailing slash: ``http://127.0.0.1:9000/services/binder/``."""

    token: str = field(repr=False)
    """The service's own Hub token: it proves that the hub is asking."""

    seconds: float = 10

    start: str = field(default_factory=lambda: secrets.token_hex(8))
    """One start of a server, however many names of its image are asked for."""

    async def ask(self, image: str, user: str, groups: Sequence[str] = ()) -> ImageAnswer:
        """See :class:`Images`."""
        told = [("ref", image), ("user", user), ("starting", "1"), ("start", self.start)]
        query = urlencode([*told, *(("group", group) for group in groups)])
        request = HTTPRequest(
            f"{self.url}api/images?{query}",
            headers={"Authorization": f"token {self.token}"},
            request_timeout=self.seconds,
        )
        try:
            response = await AsyncHTTPClient().fetch(request)
            answer = json.loads(response.body)
            return ImageAnswer(
                known=bool(answer["known"]),
                visible=bool(answer["visible"]),
                image=str(answer.get("image") or ""),
                refusal=_refusal(answer.get("refused")),
            )
        except (HTTPClientError, OSError, ValueError, KeyError, TypeError) as error:
            raise ServiceSilent(
                "Whether this image may be used cannot be checked, because the build service does not answer.",
                hint="Try again in a minute; an admin finds the reason in the hub's log.",
            ) from error


def _refusal(told: Any) -> UserError | None:
    if not told:
        return None
    kind = LimitReached if told["code"] == LimitReached.code else Refused
    return kind(str(told["message"]), hint=str(told.get("hint") or ""))
