"""What to build: specs become revisions, revisions become files on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkiln.faces import lazily

if TYPE_CHECKING:
    from hubkiln.repositories.all import Repositories
    from hubkiln.repositories.commit_status import CommitState, CommitStatus, CommitStatuses
    from hubkiln.repositories.github_app import GitHubApp, read_app
    from hubkiln.repositories.interface import AnyRepositories, Provider, Recognised, Refs, RepositorySettings
    from hubkiln.repositories.keyring import Keyring
    from hubkiln.repositories.kind import Kind, Source
    from hubkiln.repositories.login_tokens import check_login_hosts, first_of, tokens_in
    from hubkiln.repositories.mistaken import Mistaken
    from hubkiln.repositories.packages_beside import with_packages
    from hubkiln.repositories.readers import Readers
    from hubkiln.repositories.specs import (
        make_spec,
        parse_provider_path,
        parse_spec,
        provider_path,
        recognise,
    )
    from hubkiln.repositories.table import check_sources, described, sources
    from hubkiln.repositories.tokens import AppKey, Lent, LoginHost, Tokens, check_keys, read_tokens
    from hubkiln.repositories.urls import short_name

__all__ = [
    "AnyRepositories",
    "AppKey",
    "CommitState",
    "CommitStatus",
    "CommitStatuses",
    "GitHubApp",
    "Keyring",
    "Kind",
    "Lent",
    "LoginHost",
    "Mistaken",
    "Provider",
    "Readers",
    "Recognised",
    "Refs",
    "Repositories",
    "RepositorySettings",
    "Source",
    "Tokens",
    "check_keys",
    "check_login_hosts",
    "check_sources",
    "described",
    "first_of",
    "make_spec",
    "parse_provider_path",
    "parse_spec",
    "provider_path",
    "read_app",
    "read_tokens",
    "recognise",
    "short_name",
    "sources",
    "tokens_in",
    "with_packages",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)
