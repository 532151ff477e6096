"""Every setting of an admin: its key, how it is written, what it means. The settings page is made from this table.

A key is written in three ways that mean the same: the variable ``HUBKILN_STEP_MEMORY``, the option
``hubkiln --set step_memory=8G …``, and ``c.Hubkiln.step_memory = "8G"`` in a ``jupyterhub_config.py``. What the values
are read by is :mod:`hubkiln.setting_values`, what they become :mod:`hubkiln.settings`; what is not an admin's to choose
is in no table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hubkiln import forms
from hubkiln.forms import Form
from hubkiln.setting_service import BUILDS, COUNT, SIZE, STORAGE, TIME, Row

PREFIX = "HUBKILN_"

INTERNAL = (
    *("UP", "PASSWORD", "TRACEBACK", "OPEN", "URL", "TOKEN", "REPOSITORY", "SUBDIR", "BUILD", "TICKET"),
    "STEP_TOKEN",
)
"""Variables with our prefix that are no settings: what our own programs tell each other, a password, a token."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One row."""

    name: str
    form: Form[Any]
    about: str
    """What it holds, for the page."""

    default: str = ""
    """As an admin would write it; empty where nothing is."""

    section: str = "places"

    @property
    def variable(self) -> str:
        """``HUBKILN_…``."""
        return PREFIX + self.name.upper()


def _rows(section: str, *rows: Row) -> tuple[Setting, ...]:
    return tuple(Setting(name, form, about, default, section) for name, form, about, default in rows)


SETTINGS: tuple[Setting, ...] = (
    *_rows(
        "places",
        ("data_dir", forms.TEXT, "the folder of stores and state", ""),
        ("index_url", forms.TEXT, "the Python package index; else `UV_DEFAULT_INDEX`, else the public one", ""),
        ("resolve_seconds", forms.DURATION, "longest time to resolve packages", "10m"),
        (
            "python",
            forms.TEXT,
            "the Python that an environment gets where the repository asks for none and its packages allow it: `3.10` "
            "to `3.14`. Not the machine's own, so that every machine gives the same",
            "3.11",
        ),
        (
            "conda_channels",
            forms.WORDS,
            "[conda channels](conda.md) that recipes may use; with it, all others are refused",
            "",
        ),
        (
            "conda_host",
            forms.ADDRESS_OR_FOLDER,
            "where [channels](conda.md)' names are looked up, for a mirror; also a folder, as `file:///…`",
            "",
        ),
    ),
    *_rows(
        "repositories",
        (
            "allow_networks",
            forms.NETWORKS,
            "private networks that repositories and images may come from; also `--allow-network` of `up` and `serve`",
            "",
        ),
        ("largest_repository", forms.SIZE, "largest fetch, on disk; also `--largest-repository` of `serve`", "4G"),
        ("repository_files", forms.COUNT, "most files in one repository, submodules included", "500000"),
        (
            "largest_lfs",
            forms.SIZE,
            "most that is fetched for one checkout of files kept in [Git LFS](repositories.md#what-a-checkout-is); "
            "beyond it all of them stay pointers",
            "1G",
        ),
        ("fetch_seconds", forms.DURATION, "longest fetch", "10m"),
        ("github", forms.ADDRESS, "where `gh/…` lives: a GitHub Enterprise", "https://github.com"),
        ("gitlab", forms.ADDRESS, "where `gl/…` lives: a GitLab of your own", "https://gitlab.com"),
        ("gist", forms.ADDRESS, "where `gist/…` lives", "https://gist.github.com"),
        (
            "sources",
            forms.SOURCES,
            "further [places where repositories live](repositories.md#sources-of-your-own), each `name=kind:address`: "
            "`forge=gitea:https://git.example.org`",
            "",
        ),
        (
            "host_tokens",
            forms.FILE,
            "file with tokens for hosts, a line each: `git.example.org TOKEN`, or with a port that is not https's "
            "`git.example.org:8443 TOKEN`; whoever may build can then read "
            "[what they can](../how-to/private-repositories.md)",
            "",
        ),
        (
            "github_app",
            forms.FILE,
            "file with the client ID of [a GitHub App](../how-to/private-repositories.md#a-github-app) on its first "
            "line and the app's private key below it; whoever may build can then read what the app is installed in",
            "",
        ),
        (
            "credential_key",
            forms.FILE,
            "file with the key that [tokens of users](../how-to/private-repositories.md) are encrypted with, and after "
            "it earlier ones, a line each; without it nobody can store any",
            "",
        ),
        (
            "credential_keys",
            forms.WORDS,
            "such keys themselves, for a variable that comes from a secret; the first of all encrypts",
            "",
        ),
        (
            "login_hosts",
            forms.WORDS,
            "hosts at which users of the hub log in, so that [each one's login](../how-to/private-repositories.md) "
            "opens their private repositories: `github.com`, or `git.example.org=access_token`",
            "",
        ),
        ("ssh_key", forms.FILE, "private key offered to SSH hosts by the service", ""),
    ),
    *_rows("builds", *BUILDS),
    *_rows(
        "page",
        (
            "language",
            forms.TEXT,
            "[the language](../how-to/theme-and-translate.md) of the pages, as a tag (`de`); else each browser's own, "
            "as far as there are words for it",
            "",
        ),
        (
            "words",
            forms.FOLDER,
            "a folder with [languages and sentences](../how-to/theme-and-translate.md) of your own",
            "",
        ),
    ),
    *_rows("storage", *STORAGE),
    *_rows(
        "registries",
        ("plain_http", forms.HOSTS, "registries without TLS, besides this machine's own", ""),
        ("tls_on_loopback", forms.HOSTS, "registries on this machine that speak TLS nevertheless", ""),
        ("registry_certificates", forms.FILE, "PEM file of further certificate authorities to trust", ""),
        (
            "token_hosts",
            forms.HOSTS,
            "hosts to which a registry's login may be sent for a token although they are not of its domain",
            "",
        ),
        ("largest_image", forms.SIZE, "largest image to pull", "30G"),
        (
            "push",
            forms.TEXT,
            "the repository that [the build service pushes to](../how-to/push-target.md), or with `{name}` in it one "
            "for each of those that are built; without it, images stay on the machine that builds",
            "",
        ),
        ("pull_from", forms.TEXT, "the repository of `push` as servers see it, where that is another name", ""),
        ("push_seconds", forms.DURATION, "how long a push is tried again when the registry fails", "5m"),
        (
            "base_image",
            forms.TEXT,
            "the image that images pushed by the service stand on; else the one of `hubkiln base build`",
            "",
        ),
    ),
    *_rows(
        "repo2docker",
        (
            "engine",
            forms.TEXT,
            "[the engine](../how-to/repo2docker-fallback.md) for repo2docker, or its path",
            "",
        ),
        ("engine_global_arguments", forms.QUOTED, "what goes before its `build`", ""),
        ("engine_build_arguments", forms.QUOTED, "what goes after its `build`", ""),
        ("build_args", forms.QUOTED, "`ARG`s of every Dockerfile: `NAME=value …`; part of the environment's key", ""),
        ("repo2docker_seconds", TIME, "longest build by repo2docker, or `none`", "1h"),
    ),
    *_rows(
        "steps",
        ("step_seconds", TIME, "longest time, or `none`", "30m"),
        ("step_memory", SIZE, "most memory, or `none`", "4G"),
        ("step_disk", SIZE, "most that is written, or `none`", "10G"),
        ("step_processes", COUNT, "most processes at once, or `none`", "4096"),
        ("step_network", forms.TEXT, "what may be reached; see below", "public packages"),
    ),
    *_rows(
        "pods",
        (
            "steps_in",
            forms.one_of("sandbox", "pods"),
            "where the service runs steps and checks: in sandboxes of its own machine, or as "
            "[pods of a Kubernetes cluster](../how-to/kubernetes.md#steps-as-pods)",
            "sandbox",
        ),
        ("pods_namespace", forms.TEXT, "the namespace of those pods; else the service's own", ""),
        ("pods_address", forms.TEXT, "`host:port` at which they find this service, to bring what they changed", ""),
        ("pods_port", forms.COUNT, "the port at which it listens for that", "8587"),
        (
            "pods_image",
            forms.TEXT,
            "the repository for the throw-away images that they run; else one beside those of `push`",
            "",
        ),
        (
            "pods_root",
            forms.one_of("no", "yes"),
            "whether such a pod may be root, as `apt.txt` needs: only in a namespace that admits it",
            "no",
        ),
        (
            "pods_template",
            forms.FILE,
            "file with a part of their `spec`, YAML or JSON: `nodeSelector`, `tolerations`, `imagePullSecrets`, "
            "`resources`, …",
            "",
        ),
    ),
    *_rows(
        "sandbox",
        (
            "sandbox_uid",
            forms.COUNT,
            "when Hubkiln is root: the uid of builds and stores ([sandboxes](../explanation/sandbox.md))",
            "64100",
        ),
        (
            "user_uids",
            forms.TEXT,
            "when Hubkiln is root: the uids of users, `first-last`; can be made longer, its beginning must stay",
            "1900065536-1900131071",
        ),
        (
            "seccomp_allow",
            forms.TEXT,
            "system calls that work in sandboxes besides [the usual ones](#system-calls)",
            "",
        ),
        (
            "host_programs",
            forms.one_of("base", "all"),
            "which of the machine's own programs environments see that stand on no base image: those that base images "
            "have (`base`), so that an image that is pushed does the same, or `all`",
            "base",
        ),
        ("bwrap", forms.FILE, "the bubblewrap to use instead of the one from PyPI or the system's", ""),
    ),
)


def table(section: str) -> str:
    """The rows of `section`, for the page."""
    lines = ["| Key | Holds | Default |", "|---|---|---|"]
    for setting in SETTINGS:
        if setting.section == section:
            default = f"`{setting.default}`" if setting.default else ""
            lines.append(f"| `{setting.name}` | {setting.about} | {default} |")
    return "\n".join(lines)


def renewed(page: str) -> str:
    """`page` with the table of each section between its two marks."""
    for section in dict.fromkeys(setting.section for setting in SETTINGS):
        begin, end = f"<!-- settings: {section} -->", "<!-- end -->"
        before, found, rest = page.partition(begin)
        if found:
            page = f"{before}{begin}\n{table(section)}\n{end}{rest.partition(end)[2]}"
    return page


if __name__ == "__main__":
    import sys
    from pathlib import Path

    path = Path(sys.argv[1])
    path.write_text(renewed(path.read_text()))
