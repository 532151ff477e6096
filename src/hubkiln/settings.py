"""What an admin chose, as one frozen value: read once, given to the objects that need a part of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hubkiln.builds import LIMITS, BuildSettings, Quotas
from hubkiln.composer import (
    Repo2dockerSettings,
    StepSettings,
    conda_settings,
    default_python,
    repo2docker_settings,
    step_settings,
)
from hubkiln.data_dir import default_data_dir
from hubkiln.images import PushSettings, RegistrySettings, push_settings, registry_settings
from hubkiln.packages import CondaSettings, PackageSettings
from hubkiln.pods import PodSettings, pod_settings
from hubkiln.repositories import (
    RepositorySettings,
    check_keys,
    check_login_hosts,
    check_sources,
    read_app,
    read_tokens,
)
from hubkiln.sandbox import HostSettings, host_settings
from hubkiln.setting_values import Values, variables_of
from hubkiln.stores import CollectSettings
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
    pods: PodSettings
    repo2docker: Repo2dockerSettings
    registries: RegistrySettings
    push: PushSettings
    builds: BuildSettings
    web: WebSettings
    storage: CollectSettings
    sandbox: HostSettings
    data_dir: Path
    """Where everything is kept, unless a command says otherwise."""
    database: str = field(default="", repr=False)
    """Address of the PostgreSQL that several replicas share; empty for a file in the data folder."""
    service_log: str = "warnings"
    """What the service writes to its standard error: ``warnings``, ``text`` or ``json``."""

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
            packages=values.put_into(PackageSettings(), index_url="index_url", seconds="resolve_seconds"),
            conda=conda_settings(variables),
            python=default_python(variables),
            steps=step_settings(variables),
            pods=pod_settings(variables),
            repo2docker=repo2docker_settings(variables),
            registries=registry_settings(variables),
            push=push_settings(variables),
            builds=_builds(values),
            web=_web(values),
            database=values.get("database", ""),
            service_log=values.get("service_log", "warnings"),
            storage=storage_settings(variables),
            sandbox=host_settings(variables),
            data_dir=default_data_dir(variables),
        )


def _repositories(values: Values) -> RepositorySettings:
    found = values.put_into(
        RepositorySettings(),
        allowed_networks="allow_networks",
        max_bytes="largest_repository",
        max_files="repository_files",
        lfs_bytes="largest_lfs",
        seconds="fetch_seconds",
        github="github",
        gitlab="gitlab",
        gist="gist",
        ssh_key="ssh_key",
    )
    key, tokens, app = values.get("credential_key"), values.get("host_tokens"), values.get("github_app")
    found = replace(
        found,
        sources=check_sources(values.get("sources", ())),
        credential_keys=check_keys((*values.get("credential_keys", ()), *(key.read_text().split() if key else ()))),
        tokens=read_tokens(tokens) if tokens else {},
        github_app=read_app(app) if app else None,
    )
    return replace(found, login_hosts=check_login_hosts(values.get("login_hosts", ()), found))


def _builds(values: Values) -> BuildSettings:
    quotas = values.put_into(Quotas(), **{field: key for key, field in LIMITS.items()})
    return values.put_into(
        BuildSettings(quotas=quotas, own_process=values.get("build_process", "own") == "own"),
        at_once="builds_at_once",
        seconds="build_seconds",
        silence_seconds="build_silence",
        log_bytes="log_size",
        keep_logs_seconds="keep_logs",
        keep_logs_bytes="keep_logs_size",
    )


def _web(values: Values) -> WebSettings:
    secret, ours = values.get("webhook_secret"), values.get("notify_secret")
    tokens = values.get("status_tokens")
    return values.put_into(
        WebSettings(
            webhook_secret=secret.read_text().strip() if secret else "",
            notify_secret=ours.read_text().strip() if ours else "",
            status_tokens=read_tokens(tokens) if tokens else {},
        ),
        notify="notify",
        notify_hosts="notify_hosts",
        notify_networks="allow_networks",
        webhook_repositories="webhook_repositories",
        audit_log="audit_log",
        allow_origins="allow_origin",
        launch="launch",
        launch_seconds="launch_seconds",
        launch_attempts="launch_attempts",
        anonymous_limit="anonymous_limit",
        banned_networks="banned_networks",
        trusted_proxies="trusted_proxies",
        build_scope="build_scope",
        language="language",
        words="words",
        hold_seconds="hold_seconds",
        keepalive_seconds="keepalive_seconds",
        max_body_bytes="largest_request",
    )


def storage_settings(variables: Mapping[str, str]) -> CollectSettings:
    """
    What is collected, for the command too, which needs no other setting.

    Raises:
        BadSpec: one cannot be read.
    """
    return Values(variables).put_into(
        CollectSettings(),
        keep_seconds="gc_keep",
        keep_bytes="gc_keep_bytes",
        every_seconds="gc_every",
        pins="gc_pins",
    )
