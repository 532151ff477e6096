"""Images that somebody typed on the spawn page: pulled, looked into, handed to the spawner, and told of on the way."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import Self

from hubkiln.data_dir import DataDir
from hubkiln.images import registry_clients, registry_settings
from hubkiln.local_images import LocalImage, Pulled, Runs, ServerChecks, in_use
from hubkiln.sandbox import SandboxEngine
from hubkiln.setting_values import Values
from hubkiln.spawners import engine_of
from hubkiln.stores import lease
from hubkiln.values import Say

_CHECK_SECONDS = 60
"""Longest ``--version`` in a new image: its files come from disk for the first time."""


class TypedImages:
    """What ``SandboxSpawner.pull`` is set to; registries inside this network only where `networks` has them."""

    def __init__(self, data_dir: str, networks: Sequence[str] = ()) -> None:
        self._data_dir, self._networks = data_dir, tuple(networks)

    def __deepcopy__(self, memo: object) -> Self:
        """Itself: traitlets copies configured values for each spawner, and two users may want the same image."""
        return self

    async def __call__(self, reference: str, say: Say) -> LocalImage:
        """
        The image of `reference`, ready to be started by a hub.

        Raises:
            HubkilnError: see :meth:`Pulled.pull` and :meth:`ServerChecks.ready`.
        """
        with in_use(self._data), lease(self._data.root, f"a start of {reference}"):
            local, image = await self._pulled.pull(reference, say, Tenths(say))
            return await self._checks.ready(local, image, say)

    @cached_property
    def _data(self) -> DataDir:
        return DataDir(Path(self._data_dir))

    @cached_property
    def _engine(self) -> SandboxEngine:
        engine = engine_of(self._data_dir)
        assert isinstance(engine, SandboxEngine)
        return engine

    @cached_property
    def _pulled(self) -> Pulled:
        values = Values(os.environ)
        networks = [*(ip_network(text, strict=False) for text in self._networks), *values.get("allow_networks", ())]
        return Pulled(self._data, self._engine, registry_clients(networks, registry_settings(os.environ)))

    @cached_property
    def _checks(self) -> ServerChecks:
        return ServerChecks(self._data, Runs(self._data.rooms, self._engine, seconds=_CHECK_SECONDS))


class Tenths:
    """Progress in bytes as a few lines: one for every tenth."""

    def __init__(self, say: Say) -> None:
        self._say, self._said = say, 0

    def __call__(self, done: int, total: int) -> None:
        """`done` of `total` bytes are here."""
        tenth = done * 10 // total if total else 10
        if tenth > self._said:
            self._said = tenth
            self._say(f"Fetched {done / 1e6:.0f} of {total / 1e6:.0f} MB\n")
