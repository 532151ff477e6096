"""The build service from Python: order a build, follow it, read its log, start a server in it.

::

    from hubkiln.client import Client

    with Client("https://hub.example.org/services/binder/", token) as service:
        build = service.build("org/repo", ref="main")
        for event in service.follow(build.id):
            print(event.text, end="")
        print(service.wait(build.id).image)

:class:`AsyncClient` has the same methods for ``async with`` and ``await``. What the service refuses is raised as an
error of :mod:`hubkiln.errors`, with its message, hint, code and status.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkiln.faces import lazily

if TYPE_CHECKING:
    from hubkiln.client.answers import Build, Environment, Event, Server
    from hubkiln.client.asynchronous import AsyncClient
    from hubkiln.client.calls import Order
    from hubkiln.client.synchronous import Client

__all__ = [
    "AsyncClient",
    "Build",
    "Client",
    "Environment",
    "Event",
    "Order",
    "Server",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)
