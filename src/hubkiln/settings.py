"""What an admin chose, as one frozen value: read once, given to the objects that need a part of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from hubkiln.builds import BuildSettings
from hubkiln.composer import (
    Repo2dockerSettings,
    StepSettings,
    conda_settings,
    default_python,
    repo2docker_settings,
    step_settings,
)
from hubkiln.images import RegistrySettings, registry_settings
from hubkiln.packages import CondaSettings, PackageSettings
from hubkiln.repositories import RepositorySettings
from hubkiln.setting_table import Values, variables_of
from hubkiln.web import WebSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be chosen, by the package that it is for."""

    repositories: RepositorySettings
    packages: PackageSettings
    conda: CondaSettings
    python: str
    """Minor version of an environment for which nobody asks for another."""
    steps: StepSettings
    repo2docker: Repo2dockerSettings
    registries: RegistrySettings
    builds: BuildSettings
    web: WebSettings

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ, given: Mapping[str, Any] | None = None) -> Settings:
        """
        From variables and, before them, from what is `given` by key; see :mod:`hubkiln.setting_table`.

        Raises:
            BadSpec: one cannot be read, or there is no such setting; the message names the key.
        """
        variables = dict(environ) | variables_of(given or {})
        values = Values(variables)
        return cls(
            repositories=_repositories(values),
            packages=PackageSettings(
                index_url=values.get("index_url"), seconds=values.get("resolve_seconds", PackageSettings().seconds)
            ),
            conda=conda_settings(variables),
            python=default_python(variables),
            steps=step_settings(variables),
            repo2docker=repo2docker_settings(variables),
            registries=registry_settings(variables),
            builds=_builds(values),
            web=_web(values),
        )


def _repositories(values: Values) -> RepositorySettings:
    usual = RepositorySettings()
    return replace(
        usual,
        allowed_networks=values.get("allow_networks", usual.allowed_networks),
        max_bytes=values.get("largest_repository", usual.max_bytes),
        max_files=values.get("repository_files", usual.max_files),
        seconds=values.get("fetch_seconds", usual.seconds),
        github=values.get("github", usual.github),
        gitlab=values.get("gitlab", usual.gitlab),
        gist=values.get("gist", usual.gist),
        ssh_key=values.get("ssh_key", usual.ssh_key),
    )


def _builds(values: Values) -> BuildSettings:
    usual = BuildSettings()
    return replace(
        usual,
        at_once=values.get("builds_at_once", usual.at_once),
        seconds=values.get("build_seconds", usual.seconds),
        log_bytes=values.get("log_size", usual.log_bytes),
    )


def _web(values: Values) -> WebSettings:
    usual = WebSettings()
    return replace(
        usual,
        allow_origin=values.get("allow_origin", usual.allow_origin),
        hold_seconds=values.get("hold_seconds", usual.hold_seconds),
        keepalive_seconds=values.get("keepalive_seconds", usual.keepalive_seconds),
        max_body_bytes=values.get("largest_request", usual.max_body_bytes),
    )
