"""What ``hubkiln up`` is told, offers and passes on."""

import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hubkiln.data_dir import DataDir
from hubkiln.errors import BadSpec, Conflict
from hubkiln.hub.choices import choose
from hubkiln.hub.profiles import normalise
from hubkiln.processes import free_ports
from hubkiln.up.left_servers import end_left_servers, sandboxes
from hubkiln.up.node import node_proxy
from hubkiln.up.profiles import GIB, default_profiles, sizes
from hubkiln.up.settings import HubSettings, UpSettings, new_password, path_of
from hubkiln.up.single_instance import only_one
from hubkiln.up.supervisor import check_port


def test_settings_are_read_as_they_were_written_and_nobody_else_can(tmp_path: Path) -> None:
    """The file with the password is the owner's alone."""
    settings = HubSettings(
        data_dir="/d",
        bind_url="http://127.0.0.1:1/",
        hub_port=1,
        proxy_api_port=2,
        service_port=3,
        service_token="t",
        password="p",
        isolation=True,
        config="",
        networks=["10.0.0.0/8"],
        supervisor=1,
        running="/r",
    )
    path = tmp_path / "up.json"
    settings.write(path)
    assert HubSettings.read(path) == settings and stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "wrong", [{"password": "short"}, {"config": Path("/nowhere")}, {"base_url": "/a b/"}, {"base_url": "/a/?x"}]
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, wrong: dict[str, object]) -> None:
    """Before anything is started."""
    with pytest.raises(BadSpec):
        UpSettings(data=DataDir(tmp_path), **wrong).checked()  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "path"), [("", "/"), ("/", "/"), ("a", "/a/"), ("/a/b", "/a/b/"), ("/a/", "/a/")])
def test_a_base_url_has_slashes_at_both_ends(tmp_path: Path, text: str, path: str) -> None:
    """However it was written."""
    assert path_of(text) == path
    UpSettings(data=DataDir(tmp_path), base_url=text).checked()


def test_passwords_are_new_each_time_and_long_enough() -> None:
    """JupyterHub wants eight characters."""
    assert len({new_password() for _ in range(50)}) == 50 and len(new_password()) >= 12


def test_only_sizes_that_fit_are_offered() -> None:
    """Choices are cut to the machine, the second smallest is the default, a tiny machine offers itself."""
    found = sizes(4, 8 * GIB)
    assert [choice["display_name"] for choice in found.values()] == ["1 CPU, 1 GB", "2 CPUs, 4 GB", "4 CPUs, 8 GB"]
    assert found["cpu2-mem4"]["default"] and found["cpu2-mem4"]["kubespawner_override"]["mem_limit"] == 4 * GIB
    [only] = sizes(1, GIB // 2).values()
    assert only["kubespawner_override"]["mem_limit"] in (GIB, GIB // 2)


def test_the_default_choice_needs_no_input() -> None:
    """Somebody who only presses the button gets the default environment."""
    chosen = choose({}, normalise(default_profiles(cpus=2, memory_bytes=4 * GIB)))
    assert {"image": "hubkiln:default"} in chosen.overrides


def test_a_folder_is_locked_once(tmp_path: Path) -> None:
    """The second one is told who holds it; afterwards it is free again."""
    with only_one(tmp_path), pytest.raises(Conflict, match=r"already running .* as process \d+"), only_one(tmp_path):
        pass
    with only_one(tmp_path):
        pass


def test_a_port_in_use_is_found_before_anything_starts() -> None:
    """With the option that helps."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(Conflict, match="Cannot listen"):
        check_port("127.0.0.1", taken.getsockname()[1])
    assert len(set(free_ports(5))) == 5


def test_a_free_port_is_free_at_every_address() -> None:
    """Whoever listens at all of them would be refused otherwise."""
    (port,) = free_ports(1)
    assert free_ports(1, [port]) == [port]
    with socket.create_server(("127.0.0.9", port)):
        assert free_ports(1, [port]) != [port]


def test_a_free_port_is_none_that_the_kernel_gives_to_somebody_else() -> None:
    """Between being chosen and being listened at, connections of other programs cannot get it."""
    lowest, highest = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    if lowest <= 20_000 and highest >= 30_000:
        pytest.skip("the kernel gives all ports here")
    assert not [port for port in free_ports(20) if lowest <= port <= highest]


def test_the_python_script_of_that_name_is_not_nodes_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Node's proxy is used only if it is a Node script and there is a Node."""
    monkeypatch.setenv("PATH", str(tmp_path))
    script = tmp_path / "configurable-http-proxy"
    (tmp_path / "node").write_text("")
    for path in (script, tmp_path / "node"):
        path.touch()
        path.chmod(0o755)
    script.write_text("#!/usr/bin/python3\n")
    assert node_proxy() is None
    script.write_text("#!/usr/bin/env node\n")
    assert node_proxy() == [str(tmp_path / "node"), str(script)]


def test_a_tied_program_ends_with_its_parent() -> None:
    """When the parent is killed, the kernel ends the program; its pipe closes."""
    lines = (
        "import os, subprocess, sys",
        "from hubkiln.up.tied import tied",
        "child = subprocess.Popen(tied(['cat'], os.getpid()), stdin=subprocess.PIPE)",
        "print(child.pid, flush=True)",
        "sys.stdin.read()",
    )
    inner = "\n".join(lines)
    parent = subprocess.Popen([sys.executable, "-c", inner], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdin and parent.stdout
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.read()  # ends when the child, which holds the other end, has ended
    assert not Path(f"/proc/{child}/cmdline").exists() or not Path(f"/proc/{child}/cmdline").read_bytes()
    parent.stdin.close()
    parent.stdout.close()


def test_a_tied_program_does_not_start_without_its_parent() -> None:
    """A parent that has gone already is noticed."""
    done = subprocess.run([sys.executable, "-m", "hubkiln.up.tied", "1", "echo", "no"], capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == ""


async def test_a_folder_without_a_hub_has_no_left_servers(tmp_path: Path) -> None:
    """No database, or one that is none, means nothing to end."""
    data = DataDir(tmp_path).make()
    assert await end_left_servers(data) == 0
    (data.hub / "jupyterhub.sqlite").write_text("no database")
    assert sandboxes(data.hub / "jupyterhub.sqlite") == []
