"""What to build: specs become revisions, revisions become files on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkiln.faces import lazily

if TYPE_CHECKING:
    from hubkiln.repositories.all import Repositories
    from hubkiln.repositories.interface import AnyRepositories, Provider, Recognised, RepositorySettings
    from hubkiln.repositories.keyring import Keyring, check_key, read_tokens
    from hubkiln.repositories.kind import Kind, Source
    from hubkiln.repositories.mistaken import Mistaken
    from hubkiln.repositories.readers import Readers
    from hubkiln.repositories.specs import (
        make_spec,
        parse_provider_path,
        parse_spec,
        provider_path,
        recognise,
    )
    from hubkiln.repositories.table import check_sources, described
    from hubkiln.repositories.urls import short_name

__all__ = [
    "AnyRepositories",
    "Keyring",
    "Kind",
    "Mistaken",
    "Provider",
    "Readers",
    "Recognised",
    "Repositories",
    "RepositorySettings",
    "Source",
    "check_key",
    "check_sources",
    "described",
    "make_spec",
    "parse_provider_path",
    "parse_spec",
    "provider_path",
    "read_tokens",
    "recognise",
    "short_name",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)
