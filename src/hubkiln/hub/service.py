"""What the hub asks the build service: is this image known, and may this user start it?

Runs inside JupyterHub's process, so the client is Tornado's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlencode

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from hubkiln.errors import ServiceError


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


class Images(Protocol):
    """Knows built images."""

    async def ask(self, image: str, user: str) -> ImageAnswer:
        """
        Whether `image` was built here and `user` may start it; counts as a use of it.

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

    async def ask(self, image: str, user: str) -> ImageAnswer:
        """See :class:`Images`."""
        request = HTTPRequest(
            f"{self.url}api/images?{urlencode({'ref': image, 'user': user, 'starting': 1})}",
            headers={"Authorization": f"token {self.token}"},
            request_timeout=self.seconds,
        )
        try:
            response = await AsyncHTTPClient().fetch(request)
            answer = json.loads(response.body)
            return ImageAnswer(
                known=bool(answer["known"]), visible=bool(answer["visible"]), image=str(answer.get("image") or "")
            )
        except (HTTPClientError, OSError, ValueError, KeyError, TypeError) as error:
            raise ServiceSilent(
                "Whether this image may be used cannot be checked, because the build service does not answer.",
                hint="Try again in a minute; an admin finds the reason in the hub's log.",
            ) from error
