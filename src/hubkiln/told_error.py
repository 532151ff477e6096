"""Our errors as JupyterHub shows them: the same sentence on the page, in the REST answer and in the log."""

from __future__ import annotations

from typing import Any

from jupyterhub import spawner
from tornado.web import HTTPError

from hubkiln.errors import HubkilnError


class _Before6(HTTPError):
    """What JupyterHub 5 shows instead of its successor's ``SpawnException``."""

    def __init__(self, message: str, *, reason: str, status_code: int) -> None:
        super().__init__(status_code, "%s", message)


_Shown: Any = getattr(spawner, "SpawnException", _Before6)


class ToldError(_Shown):  # type: ignore[misc]
    """An error of ours on its way through JupyterHub, whichever version it is."""

    def __init__(self, error: HubkilnError) -> None:
        super().__init__(error.for_users, reason=error.code, status_code=error.status)
        self.jupyterhub_message = error.for_users

    def __str__(self) -> str:
        return str(self.jupyterhub_message)
