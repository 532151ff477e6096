"""Where JupyterHub wants its service, and a socket there. Imports next to nothing.

The hub asks whether the service is up at ever longer intervals. A socket that listens before the slow imports makes
its first question wait for the answer instead of being refused, which saves seconds of every start.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from hubkiln.errors import ServiceError


@dataclass(frozen=True, kw_only=True)
class HubEnvironment:
    """What JupyterHub tells a service that it starts."""

    host: str = "127.0.0.1"
    port: int = 8585
    prefix: str = "/services/binder/"
    service: str = "binder"
    api_url: str = "http://127.0.0.1:8081/hub/api"
    api_token: str = field(default="", repr=False)
    public_origin: str = ""
    """Scheme and host of the hub as people see it, where the hub knows."""

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> HubEnvironment:
        """
        From the ``JUPYTERHUB_…`` variables.

        Raises:
            ServiceError: there is no token, so this was not started by a hub.
        """
        token = environ.get("JUPYTERHUB_API_TOKEN", "")
        if not token:
            raise ServiceError(
                "The build service was not started by JupyterHub: JUPYTERHUB_API_TOKEN is not set.",
                hint="Run hubkiln up, or set the JUPYTERHUB_… variables of a service.",
            )
        url = urlsplit(environ.get("JUPYTERHUB_SERVICE_URL", ""))
        public = urlsplit(environ.get("JUPYTERHUB_PUBLIC_HUB_URL", ""))
        return cls(
            host=url.hostname or cls.host,
            port=url.port or cls.port,
            prefix=f"/{environ.get('JUPYTERHUB_SERVICE_PREFIX', cls.prefix).strip('/')}/".replace("//", "/"),
            service=environ.get("JUPYTERHUB_SERVICE_NAME") or cls.service,
            api_url=environ.get("JUPYTERHUB_API_URL") or cls.api_url,
            api_token=token,
            public_origin=f"{public.scheme}://{public.netloc}" if public.netloc else "",
        )


def listen(host: str, port: int) -> socket.socket:
    """
    A listening socket.

    Raises:
        ServiceError: somebody else listens there, or we may not.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise ServiceError(
            f"The build service cannot listen on {host}:{port}: {error.strerror}.",
            hint="Stop what listens there, or choose another port.",
        ) from error
