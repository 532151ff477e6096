"""Certificate authorities are read when a registry speaks TLS, and not before."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubkiln.images.interface import RegistrySettings
from hubkiln.images.names import parse_name
from hubkiln.images.registry import RegistryClient
from hubkiln.testing.registry import InMemoryRegistry


async def test_a_registry_without_tls_needs_no_authorities(tmp_path: Path) -> None:
    """Reading them takes longer than asking."""
    settings = RegistrySettings(certificates=tmp_path / "not there")
    with InMemoryRegistry() as registry:
        async with RegistryClient(settings) as client:
            assert await client.find(parse_name(f"{registry.host}/name:tag")) is None


async def test_a_registry_with_tls_needs_them(tmp_path: Path) -> None:
    """The admin's own file among them, from the first request on."""
    with InMemoryRegistry() as registry:
        settings = RegistrySettings(certificates=tmp_path / "not there", tls_on_loopback=frozenset({registry.host}))
        async with RegistryClient(settings) as client:
            with pytest.raises(FileNotFoundError):
                await client.find(parse_name(f"{registry.host}/name:tag"))
