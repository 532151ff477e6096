"""Spawners of JupyterHub for servers on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkiln.faces import lazily

if TYPE_CHECKING:
    from hubkiln.spawners.default_image import DEFAULT as DEFAULT_IMAGE
    from hubkiln.spawners.default_image import DefaultImage
    from hubkiln.spawners.engines import engine_of
    from hubkiln.spawners.homes import home_of
    from hubkiln.spawners.lacking import one_uid
    from hubkiln.spawners.networks import limited
    from hubkiln.spawners.sandbox import SandboxSpawner
    from hubkiln.spawners.server_log import tail as log_tail

__all__ = ["DEFAULT_IMAGE", "DefaultImage", "SandboxSpawner", "engine_of", "home_of", "limited", "log_tail", "one_uid"]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)
