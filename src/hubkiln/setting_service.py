"""Settings of the build service and its storage: rows of :mod:`hubkiln.setting_table`, key, form, meaning, default."""

from __future__ import annotations

from typing import Any

from hubkiln import forms
from hubkiln.forms import Form

TIME, SIZE, COUNT = (form.or_none() for form in (forms.DURATION, forms.SIZE, forms.COUNT))

Row = tuple[str, Form[Any], str, str]

BUILDS: tuple[Row, ...] = (
    (
        "database",
        forms.TEXT,
        "`postgresql://…` of the database that [several replicas](../how-to/several-replicas.md) share; else a "
        "file in the data folder. Also `--database` of `serve`",
        "",
    ),
    ("builds_at_once", forms.COUNT, "builds that run at the same time; also `--at-once` of `serve`", "2"),
    (
        "build_process",
        forms.one_of("own", "service"),
        "[whose process](../decisions/processes.md) builds; with `steps_in = pods` the service's",
        "own",
    ),
    ("build_seconds", TIME, "longest build, waiting not counted, or `none`", "1h"),
    ("build_silence", TIME, "how long a build may print nothing before it counts as hanging, or `none`", "30m"),
    ("user_builds", COUNT, "builds of one user at once; more wait ([quotas](../how-to/quotas.md))", "none"),
    ("group_builds", COUNT, "builds of the users of one of the hub's groups at once", "none"),
    ("repository_builds", COUNT, "builds of one repository at once", "none"),
    ("provider_builds", COUNT, "builds from one provider, such as `gh`, at once", "none"),
    ("all_builds", COUNT, "builds of all replicas at once", "none"),
    ("user_builds_daily", COUNT, "builds that one user may ask for in 24 hours; more are refused", "none"),
    ("user_build_time_daily", TIME, "time that one user's builds may take in 24 hours", "none"),
    (
        "user_launches_daily",
        COUNT,
        "servers that one user may start in what was built here, in 24 hours; more are refused",
        "none",
    ),
    (
        "user_stored",
        SIZE,
        "what one user's saved environments may take, each counted whole; with more, nothing new is built for them",
        "none",
    ),
    (
        "build_scope",
        forms.TEXT,
        "a scope of the hub's that whoever builds must have, such as `custom:hubkiln:build`; else all may who use "
        "the service",
        "",
    ),
    ("keep_logs", TIME, "how long logs of ended builds are kept, or `none` for ever", "90d"),
    ("keep_logs_size", SIZE, "how much of them is kept in all, the newest first, or `none`", "10G"),
    ("log_size", forms.SIZE, "longest log of a build; what comes after is dropped, and the log says so", "16M"),
    (
        "allow_origin",
        forms.ORIGINS,
        "other sites whose pages may read BinderHub's stream of events, or `*`",
        "",
    ),
    ("hold_seconds", forms.DURATION, "how long that stream stays open after `ready`", "60"),
    ("keepalive_seconds", forms.DURATION, "silence after which a stream sends a comment", "15"),
    ("largest_request", forms.SIZE, "largest request to the build service", "64K"),
    (
        "launch",
        forms.one_of("no", "users", "everybody"),
        "for whom [BinderHub's links](../how-to/from-binderhub.md) start servers: nobody, users of the hub, or "
        "temporary users for whoever comes",
        "no",
    ),
    ("launch_seconds", forms.DURATION, "longest start of a server by a link, each attempt", "10m"),
    ("launch_attempts", forms.COUNT, "how often such a start is tried", "3"),
    ("anonymous_limit", forms.COUNT, "builds that one address may ask for in an hour without a login", "10"),
    (
        "webhook_secret",
        forms.FILE,
        "file with the secret that [forges' webhooks](../how-to/webhooks.md) are signed with; without it none is heard",
        "",
    ),
    (
        "webhook_repositories",
        forms.WORDS,
        "whose pushes are then built: `gh/org/*` for default branches, `gh/org/repo@release-*` for others",
        "",
    ),
    (
        "status_tokens",
        forms.FILE,
        "file with tokens for hosts, a line each as in `host_tokens`, with which commits that a webhook told of get "
        "[a status](../how-to/webhooks.md#a-status-beside-the-commit) there; none is used for anything else",
        "",
    ),
    (
        "notify",
        forms.ADDRESSES,
        "addresses that are [told of every build's end](../how-to/webhooks.md#tell-others-of-builds)",
        "",
    ),
    ("notify_secret", forms.FILE, "file with the secret that what they are told is signed with", ""),
    (
        "notify_hosts",
        forms.WORDS,
        "hosts, `*.example.org` too, whose addresses an order of a build may name to be told; without it none",
        "",
    ),
    (
        "audit_log",
        forms.TEXT,
        "file to which [who changed what, and what was launched](../how-to/observe.md) is appended, a line of JSON "
        "each",
        "",
    ),
    (
        "service_log",
        forms.one_of("warnings", "text", "json"),
        "what the service writes to its standard error: warnings alone, each request and build too (no answered "
        "probe), or the same as lines of JSON",
        "warnings",
    ),
    ("banned_networks", forms.NETWORKS, "networks whose requests for builds are refused", ""),
    (
        "trusted_proxies",
        forms.NETWORKS,
        "proxies before the service, whose `X-Forwarded-For` is believed",
        "127.0.0.0/8 ::1",
    ),
)

STORAGE: tuple[Row, ...] = (
    (
        "gc_every",
        TIME,
        "how often the service [frees space](../how-to/free-disk-space.md), or `none`",
        "none",
    ),
    ("gc_keep", forms.FOR, "how long what was used stays; also `--keep-days` of `gc`", "30d"),
    (
        "gc_keep_bytes",
        SIZE,
        "what may stay: beyond it, what was used longest ago goes too, or `none`; also `--keep-bytes` of `gc`",
        "none",
    ),
    (
        "gc_pins",
        forms.WORDS,
        "local images that always stay, `hubkiln.local/…@sha256:…`: those that your profiles list",
        "",
    ),
)
