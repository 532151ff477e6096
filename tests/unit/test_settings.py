"""What an admin can choose: read once, in three ways alike, and every mistake named."""

from __future__ import annotations

import atexit
import dataclasses
import shutil
import tempfile
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from traitlets.config import Config

from hubkiln import forms
from hubkiln.errors import BadSpec
from hubkiln.forms import Form
from hubkiln.hub import setup
from hubkiln.images import PushTarget
from hubkiln.repositories import AppKey, LoginHost, Source
from hubkiln.setting_table import SETTINGS
from hubkiln.setting_values import check_variables, given_option, named, variables_of
from hubkiln.settings import Settings
from hubkiln.testing.github import app_key

FILES = Path(tempfile.mkdtemp())
atexit.register(shutil.rmtree, FILES)
KEY = "A" * 43 + "="
(FILES / "tokens").write_text("git.example.org t0ken\n")
(FILES / "key").write_text(KEY)
(FILES / "secret").write_text("between us\n")
APP = AppKey(id="Iv23liAbC", key=app_key().strip())
(FILES / "app").write_text(f"{APP.id}\n{APP.key}")
(FILES / "pod").write_text("nodeSelector: {for: steps}\n")

EXAMPLES: dict[str, tuple[str, Any]] = {
    "index_url": ("https://index.lan/simple", "https://index.lan/simple"),
    "resolve_seconds": ("5m", 300),
    "python": ("3.12", "3.12"),
    "conda_channels": ("conda-forge, lab", ("conda-forge", "lab")),
    "conda_host": ("https://conda.lan/", "https://conda.lan"),
    "allow_networks": ("10.0.0.0/8 fd00::/8", (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))),
    "largest_repository": ("1.5G", 3 * 1024**3 // 2),
    "repository_files": ("10", 10),
    "largest_lfs": ("512M", 512 * 1024**2),
    "fetch_seconds": ("1h", 3600),
    "github": ("https://github.lan", "https://github.lan"),
    "gitlab": ("https://gitlab.lan", "https://gitlab.lan"),
    "gist": ("https://gist.lan", "https://gist.lan"),
    "ssh_key": (__file__, Path(__file__)),
    "host_tokens": (str(FILES / "tokens"), {"git.example.org": "t0ken"}),
    "status_tokens": (str(FILES / "tokens"), {"git.example.org": "t0ken"}),
    "github_app": (str(FILES / "app"), APP),
    "credential_key": (str(FILES / "key"), KEY),
    "credential_keys": (KEY, KEY),
    "login_hosts": ("gitlab.com", LoginHost("gitlab.com", proof="gitlab_user")),
    "builds_at_once": ("7", 7),
    "build_process": ("service", False),
    "build_seconds": ("none", None),
    "build_silence": ("10m", 600),
    "log_size": ("1M", 1024**2),
    "allow_origin": ("https://Binder.example/ https://b.example", ("https://binder.example", "https://b.example")),
    "launch": ("Everybody", "everybody"),
    "launch_seconds": ("2m", 120),
    "launch_attempts": ("5", 5),
    "anonymous_limit": ("77", 77),
    "banned_networks": ("203.0.113.0/24", (ip_network("203.0.113.0/24"),)),
    "trusted_proxies": ("10.0.0.1", (ip_network("10.0.0.1"),)),
    "hold_seconds": ("5", 5),
    "keepalive_seconds": ("5", 5),
    "largest_request": ("1K", 1024),
    "data_dir": ("/srv/hubkiln", Path("/srv/hubkiln")),
    "sandbox_uid": ("7000", 7000),
    "user_uids": ("5000-5001", (5000, 5001)),
    "seccomp_allow": ("keyctl", "keyctl"),
    "steps_in": ("pods", True),
    "pods_namespace": ("steps", "steps"),
    "pods_address": ("hubkiln.jhub:8587", "hubkiln.jhub:8587"),
    "pods_port": ("9000", 9000),
    "pods_image": ("registry.lan/steps", "registry.lan/steps"),
    "pods_root": ("yes", True),
    "pods_template": (str(FILES / "pod"), {"nodeSelector": {"for": "steps"}}),
    "bwrap": (__file__, Path(__file__)),
    "host_programs": ("all", True),
    "database": ("postgresql://db.lan/hub", "postgresql://db.lan/hub"),
    "gc_every": ("1d", 86400),
    "gc_keep": ("0", 0),
    "gc_keep_bytes": ("200G", 200 * 1024**3),
    "gc_pins": ("hubkiln.local/a@sha256:0 b", ("hubkiln.local/a@sha256:0", "b")),
    "plain_http": ("registry.lan:5000", frozenset({"registry.lan:5000"})),
    "tls_on_loopback": ("127.0.0.1:5000", frozenset({"127.0.0.1:5000"})),
    "sources": ("forge=gitea:https://git.example.org/", Source("forge", "gitea", "https://git.example.org")),
    "registry_certificates": (__file__, Path(__file__)),
    "token_hosts": ("auth.example", frozenset({"auth.example"})),
    "largest_image": ("1T", 1024**4),
    "push": ("registry.lan/hub/{name}", PushTarget("registry.lan/hub/{name}", "registry.lan/hub/{name}")),
    "pull_from": ("registry.lan/nodes", "registry.lan/nodes"),
    "push_seconds": ("1h", 3600),
    "base_image": ("registry.lan/base:1", "registry.lan/base:1"),
    "keep_logs": ("2d", 2 * 86400),
    "keep_logs_size": ("5M", 5 * 1024**2),
    "user_builds": ("2", 2),
    "group_builds": ("3", 3),
    "repository_builds": ("4", 4),
    "provider_builds": ("5", 5),
    "all_builds": ("6", 6),
    "user_builds_daily": ("7", 7),
    "user_build_time_daily": ("8h", 8 * 3600),
    "user_launches_daily": ("9", 9),
    "user_stored": ("10G", 10 * 1024**3),
    "build_scope": ("custom:hubkiln:build", "custom:hubkiln:build"),
    "audit_log": ("/var/log/hubkiln/audit", "/var/log/hubkiln/audit"),
    "service_log": ("JSON", "json"),
    "webhook_secret": (str(FILES / "secret"), "between us"),
    "notify": ("https://a.example/x", ("https://a.example/x",)),
    "notify_hosts": ("*.example.org", ("*.example.org",)),
    "notify_secret": (str(FILES / "secret"), "between us"),
    "webhook_repositories": ("gh/org/*, gl/a/b", ("gh/org/*", "gl/a/b")),
    "engine": ("buildah", "buildah"),
    "engine_global_arguments": ("--root '/a b'", ("--root", "/a b")),
    "engine_build_arguments": ("--isolation chroot", ("--isolation", "chroot")),
    "build_args": ("'A=b c' D=e", (("A", "b c"), ("D", "e"))),
    "repo2docker_seconds": ("2h", 7200),
    "step_seconds": ("90s", 90),
    "step_memory": ("512 MiB", 512 * 1024**2),
    "step_disk": ("none", None),
    "step_processes": ("12", 12),
    "step_network": ("none", "nothing"),
    "language": ("de", "de"),
    "words": (str(FILES), FILES),
}


def leaves(value: Any) -> list[Any]:
    """Every value anywhere in the tree."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [value, *(leaf for field in dataclasses.fields(value) for leaf in leaves(getattr(value, field.name)))]
    inner = list(value) if isinstance(value, tuple | frozenset) else []
    return [value, *(leaf for item in inner for leaf in leaves(item))]


@pytest.mark.parametrize("name", [setting.name for setting in SETTINGS])
def test_every_setting_reaches_the_tree(name: str) -> None:
    """A variable, and the same key given otherwise, change the one tree alike, and nothing else does."""
    text, meant = EXAMPLES[name]
    by_variable = Settings.read({named(name).variable: text})
    assert by_variable == Settings.read({}, {name: text}) == Settings.read({named(name).variable: "x"}, {name: text})
    assert by_variable != Settings.read({})
    found = leaves(by_variable)
    assert any(leaf == meant or str(leaf) == meant for leaf in found), meant


@pytest.mark.parametrize("text", ["forge", "forge=ftp:https://h", "forge=gitea:ftp://h", "git=gitea:https://h"])
def test_a_source_of_no_known_kind_is_refused(text: str) -> None:
    """A misspelt kind or address stops the start; what is something else's name cannot be taken."""
    with pytest.raises(BadSpec):
        Settings.read({"HUBKILN_SOURCES": text})


def test_the_defaults_on_the_page_are_those_of_the_code() -> None:
    """Writing every default out changes nothing."""
    written = {setting.name: setting.default for setting in SETTINGS if setting.default}
    assert Settings.read({}, written) == Settings.read({})


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    """As shells and clusters leave them."""
    assert Settings.read({setting.variable: " " for setting in SETTINGS}) == Settings.read({})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("step_memory", "4X"),
        ("step_memory", "0"),
        ("step_seconds", "-1"),
        ("step_seconds", "ten"),
        ("builds_at_once", "2.5"),
        ("builds_at_once", "٢"),
        ("allow_networks", "10.0.0.0/8 somewhere"),
        ("github", "github.lan"),
        ("allow_origin", "https://a/b"),
        ("plain_http", "http://registry.lan"),
        ("ssh_key", "/no/such/file"),
        ("engine_build_arguments", "'open"),
        ("engine", "lxc"),
        ("python", "2.7"),
        ("sandbox_uid", "0"),
        ("sandbox_uid", "-1"),
        ("sandbox_uid", "root"),
        ("sandbox_uid", "1900000000"),
        ("sandbox_uid", "1e3"),
        ("seccomp_allow", "ptarce"),
        ("bwrap", "/no/such/bwrap"),
        ("step_network", "not a host!"),
    ],
)
def test_what_cannot_be_read_is_named(name: str, text: str) -> None:
    """With its key, so that the admin finds it, and how to write it."""
    with pytest.raises(BadSpec, match=rf"(?i)HUBKILN_{name}") as caught:
        Settings.read({named(name).variable: text})
    assert caught.value.hint


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("step_memroy", "step_memory"),
        ("build_at_once", "builds_at_once"),
        ("STEP-DISKS", "step_disk"),
        ("tls_on_loopbak", "tls_on_loopback"),
    ],
)
def test_a_key_that_is_not_there_comes_with_the_nearest(typed: str, meant: str) -> None:
    """In a configuration and as an option."""
    with pytest.raises(BadSpec, match="There is no setting") as caught:
        variables_of({typed: 1})
    assert caught.value.hint == f"Did you mean {meant}?"


def test_a_misspelt_variable_is_found_and_a_strangers_let_be() -> None:
    """A cluster sets variables for a service that is called hubkiln."""
    check_variables(["HUBKILN_STEP_MEMORY", "HUBKILN_UP", "PATH"])
    check_variables(["HUBKILN_SERVICE_HOST", "HUBKILN_PORT_8585_TCP_ADDR", "HUBKILN_PORT", "HUBKILN_TEST_DATA"])
    with pytest.raises(BadSpec, match="HUBKILN_STEP_MEMROY") as caught:
        check_variables(["HUBKILN_STEP_MEMROY"])
    assert caught.value.hint == "Did you mean HUBKILN_STEP_MEMORY?"


def test_pythons_own_values_are_written_as_an_admin_would() -> None:
    """Numbers, lists, mappings, None."""
    assert variables_of(
        {"step_disk": None, "builds_at_once": 3, "plain_http": ["a:1", "b:2"], "build_args": {"A": "b c"}}
    ) == {
        "HUBKILN_STEP_DISK": "none",
        "HUBKILN_BUILDS_AT_ONCE": "3",
        "HUBKILN_PLAIN_HTTP": "a:1 b:2",
        "HUBKILN_BUILD_ARGS": "'A=b c'",
    }
    assert given_option(["step-memory=8G", "build_args=A=b"]) == {"step-memory": "8G", "build_args": "A=b"}
    with pytest.raises(BadSpec, match="sets nothing"):
        given_option(["step_memory"])


def test_a_hubs_configuration_reaches_the_service_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ``c.Hubkiln`` says wins over the hub's own variables, and a mistake stops the start."""
    monkeypatch.setenv("HUBKILN_STEP_MEMORY", "1G")
    monkeypatch.setenv("HUBKILN_STEP_DISK", "2G")
    c = Config()
    c.Hubkiln.step_memory = "8G"
    setup(c)
    environment = c.JupyterHub.services.to_dict()["extend"][0]["environment"] if "services" in c.JupyterHub else {}
    assert (environment["HUBKILN_STEP_MEMORY"], environment["HUBKILN_STEP_DISK"]) == ("8G", "2G")
    c = Config()
    c.Hubkiln.step_memroy = "8G"
    with pytest.raises(BadSpec, match="There is no setting 'step_memroy'"):
        setup(c)


@pytest.mark.parametrize(
    ("form", "text", "value"),
    [
        (forms.SIZE, "1k", 1024),
        (forms.SIZE, " 2 GiB ", 2 * 1024**3),
        (forms.SIZE, "3MB", 3 * 1024**2),
        (forms.DURATION, "1.5h", 5400),
        (forms.DURATION, "2d", 172800),
        (forms.COUNT.or_none(), "NONE", None),
        (forms.NETWORKS, "10.1.2.3/8", (ip_network("10.0.0.0/8"),)),
        (forms.HOSTS, "[::1]:5000, A.lan", frozenset({"[::1]:5000", "a.lan"})),
        (forms.ADDRESS, "http://x:1/y/", "http://x:1/y"),
        (forms.ORIGINS, "*", ("*",)),
        (forms.one_of("yes", "no"), "Yes", "yes"),
        (forms.QUOTED, "a 'b c'", ("a", "b c")),
    ],
)
def test_each_form_is_read(form: Form[Any], text: str, value: Any) -> None:
    """As people write it."""
    assert form.read("key", text) == value
