"""What ``hubkiln up`` says of the hub that runs is so, whatever an admin's configuration made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jupyterhub.app import JupyterHub
from traitlets.config import Config

from hubkiln.data_dir import DataDir
from hubkiln.up.embedded_config import configure
from hubkiln.up.lines import farewell, greeting, local
from hubkiln.up.running import Password, RunningHub, running_hub
from hubkiln.up.settings import HubSettings, UpSettings

OURS = "9w2k-h4tm-x7cd"


def told(config: Path | None = None, **more: Any) -> HubSettings:
    """What the hub is told that is to be configured."""
    given = {"data_dir": "/d", "bind_url": "http://127.0.0.1:8000/", "isolation": True, "networks": []} | more
    return HubSettings(
        **given,
        hub_port=1,
        proxy_api_port=2,
        service_port=3,
        service_token="t",
        password=OURS,
        config=str(config or ""),
        supervisor=1,
        running="/nowhere",
    )


def configured(tmp_path: Path, lines: str, **more: Any) -> tuple[RunningHub, Config]:
    """The hub that a configuration of these lines makes, as JupyterHub itself reads it; and what it read."""
    file = tmp_path / "config.py"
    file.write_text(lines)
    c = Config()
    configure(c, told(file, **more))
    app = JupyterHub(config=c)
    app.db = None  # which an authenticator is given, and does not use
    return running_hub(app, OURS), c


def said(hub: RunningHub, **given: Any) -> str:
    """What is told of `hub`."""
    return "\n".join(greeting(UpSettings(data=DataDir(Path("/d")), **given), told(), hub))


def test_the_hub_as_it_is_says_how_to_log_in(tmp_path: Path) -> None:
    """Where it is, a user name and the password; and that it is a new one."""
    lines = said(configured(tmp_path, "")[0])
    assert "http://127.0.0.1:8000/\n" in lines and "any other name is another user" in lines
    assert f"password:   {OURS}   (new at every start" in lines and "Servers are" not in lines and "TLS" not in lines


@pytest.mark.parametrize(
    "lines",
    [
        'c.JupyterHub.authenticator_class = "dummy"',
        "from jupyterhub.auth import PAMAuthenticator\nc.JupyterHub.authenticator_class = PAMAuthenticator",
        "c.SharedPasswordAuthenticator.user_password = None",
        'c.SharedPasswordAuthenticator.user_password = "an admin\'s own"',
        'c.JupyterHub.authenticator_class = "shared-password"\nc.PacedPassword.user_password = ""\n'
        'c.SharedPasswordAuthenticator.user_password = "an admin\'s own"',
    ],
)
def test_a_password_that_opens_nothing_is_not_told(tmp_path: Path, lines: str) -> None:
    """Nor is one that the configuration sets: whoever wrote it knows it."""
    hub, _ = configured(tmp_path, lines)
    shown = said(hub, password="given it was")
    assert OURS not in shown and "new at every start" not in shown and "admin's own" not in shown
    if hub.password is Password.NONE:
        assert "which your configuration names" in shown and "The password that was given opens nothing." in shown
        assert "any other name" not in shown
    else:
        assert "password:   the one of your configuration" in shown


def test_the_shared_password_is_told_also_where_jupyterhub_itself_asks_for_it(tmp_path: Path) -> None:
    """It is the same one."""
    hub, _ = configured(tmp_path, 'c.JupyterHub.authenticator_class = "shared-password"')
    assert OURS in said(hub)


def test_only_names_that_may_log_in_are_told(tmp_path: Path) -> None:
    """With one password for all of them; an admin's is another."""
    lines = 'c.Authenticator.allow_all = False\nc.Authenticator.allowed_users = {"grace", "ada", "boss"}\n'
    hub, _ = configured(tmp_path, lines + 'c.Authenticator.admin_users = {"boss"}')
    shown = said(hub)
    assert "user name:  ada, grace   (as your configuration allows)" in shown and "any other name" not in shown
    hub, _ = configured(tmp_path, "c.Authenticator.allow_all = False")
    assert "user name:  one   (as your configuration allows)" in said(hub)


def test_an_admins_name_is_not_suggested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Theirs is another password."""
    monkeypatch.setenv("LOGNAME", "boss")
    assert "user name:  boss" in said(configured(tmp_path, "")[0])
    shown = said(configured(tmp_path, 'c.Authenticator.admin_users = {"boss"}')[0])
    assert "user name:  jovyan" in shown


@pytest.mark.parametrize(
    ("lines", "address", "opened"),
    [
        ("c.JupyterHub.port = 9000", "http://127.0.0.1:9000/", True),  # JupyterHub then listens at every address
        ('c.JupyterHub.bind_url = "http://:9000/lab/"', "http://127.0.0.1:9000/lab/", True),
        ('c.JupyterHub.bind_url = "http://127.0.0.1:9000/lab"', "http://127.0.0.1:9000/lab/", False),
        (
            'c.JupyterHub.bind_url = "http://0.0.0.0:9000"\nc.JupyterHub.ssl_cert = "c"',
            "https://127.0.0.1:9000/",
            False,
        ),
        ('c.JupyterHub.public_url = "https://hub.example.org/"', "https://hub.example.org/", False),
    ],
)
def test_the_address_is_where_the_hub_listens(tmp_path: Path, lines: str, address: str, opened: bool) -> None:
    """With a warning where others reach it unencrypted, and none where they do not."""
    shown = said(configured(tmp_path, lines)[0])
    assert f"running at  {address}\n" in shown and ("unencrypted" in shown) == opened


@pytest.mark.parametrize(
    ("lines", "path"),
    [
        ("", "/"),
        ('c.JupyterHub.base_url = "/lab"', "/lab/"),
        ('c.JupyterHub.bind_url = "http://127.0.0.1:1/a/b"', "/a/b/"),
    ],
)
def test_servers_ask_the_service_below_the_hubs_own_path(tmp_path: Path, lines: str, path: str) -> None:
    """Also where the configuration names it; and where it names the service's own address, there."""
    assert configured(tmp_path, lines)[1].SandboxSpawner.service_url == f"http://127.0.0.1:3{path}services/binder/"
    own = 'c.SandboxSpawner.service_url = "http://builds.internal/"'
    assert configured(tmp_path, own)[1].SandboxSpawner.service_url == "http://builds.internal/"


@pytest.mark.parametrize(
    ("lines", "allowed"),
    [
        ("", True),
        ('c.JupyterHub.ip = "localhost"', True),
        ("c.JupyterHub.port = 9000", False),
        ('c.JupyterHub.bind_url = "http://0.0.0.0:8000/"', False),
        ('c.JupyterHub.public_url = "https://hub.example.org/"', False),
    ],
)
def test_repositories_of_loopback_are_for_a_hub_that_listens_there_alone(
    tmp_path: Path, lines: str, allowed: bool
) -> None:
    """Also where it is the configuration that opens the hub to others; networks that were named stay."""
    _, c = configured(tmp_path, lines, networks=["10.0.0.0/8"])
    command = " ".join(c.JupyterHub.services.to_dict()["extend"][0]["command"])
    assert "--allow-network=10.0.0.0/8" in command and ("--allow-network=127.0.0.0/8" in command) == allowed


def test_another_spawner_is_named(tmp_path: Path) -> None:
    """Of its servers nothing is said that is so of ours alone."""
    hub, _ = configured(tmp_path, 'c.JupyterHub.spawner_class = "simple"', isolation=False)
    shown = said(hub, isolation=False)
    assert "Servers are those of jupyterhub.spawner.SimpleLocalProcessSpawner" in shown
    assert "Without isolation" not in shown and "a home of its own" not in shown
    assert farewell(hub) == "Stopping servers, build service and hub …"
    hub, _ = configured(tmp_path, 'c.JupyterHub.spawner_class = "simple"\nc.JupyterHub.cleanup_servers = False')
    assert farewell(hub) == "Stopping build service and hub …"


def test_isolation_is_what_the_configuration_says_last(tmp_path: Path) -> None:
    """Whoever switches it off there is told as with the option."""
    assert "Without isolation" in said(configured(tmp_path, "", isolation=False)[0])
    assert "Without isolation" in said(configured(tmp_path, "c.SandboxSpawner.isolation = False")[0])
    assert "Without isolation" not in said(
        configured(tmp_path, "c.SandboxSpawner.isolation = True", isolation=False)[0]
    )


def test_what_a_hub_is_is_read_as_it_was_written(tmp_path: Path) -> None:
    """By the process that started it."""
    hub = RunningHub(bind_url="http://h/", users=("ada",), password=Password.ANOTHER)
    hub.write(tmp_path / "running.json")
    assert RunningHub.read(tmp_path / "running.json") == hub


@pytest.mark.parametrize(
    ("url", "opened"),
    [
        ("http://0.0.0.0:1/a/", "http://127.0.0.1:1/a/"),
        ("http://[::]:1/", "http://[::1]:1/"),
        ("https://:443/", "https://127.0.0.1:443/"),
        ("https:///", "https://127.0.0.1/"),
        ("http://hub.example.org:8000/", "http://hub.example.org:8000/"),
    ],
)
def test_an_address_of_all_is_opened_at_loopback(url: str, opened: str) -> None:
    """No browser opens an address that means all of a machine's."""
    assert local(url) == opened
