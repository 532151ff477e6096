"""A user with a spawner as JupyterHub makes them, with its own tables in memory, and no hub."""

from __future__ import annotations

from typing import Any

from jupyterhub import orm
from jupyterhub.objects import Hub
from jupyterhub.user import User
from traitlets.config import Config


class Users:
    """The users of a hub below ``/base/`` whose spawners are `spawner_class`, with `config`."""

    def __init__(self, spawner_class: type, config: dict[str, dict[str, Any]] | None = None) -> None:
        self.db = orm.new_session_factory("sqlite:///:memory:")()
        self._settings = {
            "spawner_class": spawner_class,
            "config": Config(config or {}),
            "base_url": "/base/",
            "hub": Hub(ip="127.0.0.1", port=1, base_url="/base/hub/"),
        }

    def spawner(self, name: str = "ada") -> Any:
        """The spawner of that user's server, anew: what it remembers is what the hub's tables have."""
        found = self.db.query(orm.User).filter_by(name=name).first()
        if found is None:
            found = orm.User(name=name)
            self.db.add(found)
            self.db.commit()
        return User(found, self._settings).spawners[""]

    def close(self) -> None:
        """Close the tables."""
        self.db.close()
        self.db.get_bind().dispose()
