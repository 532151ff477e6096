"""Our errors as JupyterHub shows them: the same sentence on the page, in the REST answer and in the log."""

from __future__ import annotations

from jupyterhub.spawner import SpawnException

from hubkiln.errors import HubkilnError


class Refusal(SpawnException):  # type: ignore[misc]
    """An attempt to start a server that is refused for a reason the user can understand."""

    def __init__(self, error: HubkilnError) -> None:
        super().__init__(str(error), reason=error.code, status_code=error.status)
        self.jupyterhub_message = str(error)

    def __str__(self) -> str:
        return str(self.jupyterhub_message)
