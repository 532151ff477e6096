"""What a newcomer who distrusts ``hubkiln up`` tries: overuse memory, look for secrets, kill it at bad moments."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from embedded import (
    PASSWORD,
    Up,
    built,
    ended,
    form,
    hub_process,
    in_terminal,
    left_over,
    service,
    settled,
    start,
    until,
)

from git_server import GitServer, make_repository
from hub_browser import Browser, logged_in
from hubkiln.spawners.engines import engine_of

pytestmark = [pytest.mark.hub, pytest.mark.sandbox, pytest.mark.network, pytest.mark.timeout(600)]

DEFAULT = {
    "profile": "server",
    "profile-option-server--resources": "cpu1-mem1",
    "profile-option-server--image": "default",
}


CLUSTER = """
from distributed import Client, LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        with Client(cluster) as client:
            print("sum is", client.submit(sum, client.map(lambda n: n * n, range(100))).result())
"""


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    """A git host on loopback."""
    with GitServer(tmp_path_factory.mktemp("git")) as server:
        make_repository(server.root / "small.git", {"a.ipynb": json.dumps({"cells": []})})
        make_repository(server.root / "large.git", {"data.bin": os.urandom(3_000_000)})
        files = {"requirements.txt": "jupyter-server-proxy\ndistributed\n", "cluster.py": CLUSTER}
        make_repository(server.root / "loopback.git", files)
        yield server


@pytest.fixture(scope="module")
def up(stacked: Path) -> Iterator[Up]:
    """A hub below /jupyter/, on stores that hold the Jupyter stack."""
    running = start(stacked, "--base-url", "/jupyter/")
    yield running
    if running.process.poll() is None:
        running.process.send_signal(signal.SIGINT)
        running.process.communicate(timeout=150)
    assert settled(stacked) == []


@pytest.fixture
async def ada(up: Up) -> AsyncIterator[Browser]:
    """A user, whose server is stopped at the end."""
    async with logged_in(up.hub, "ada", PASSWORD) as browser:
        browser.xsrf = (await browser.page())["xsrf"]
        yield browser
        await browser.stop()


async def test_a_server_cannot_use_more_memory_than_was_chosen(up: Up, ada: Browser) -> None:
    """One GiB was chosen; who asks for two is ended, and the server lives on."""
    capability = await engine_of(str(up.data)).probe()
    if not capability.memory_enforced:
        pytest.skip(capability.limits_reason)
    await ada.start(**DEFAULT)
    assert (await ada.progress())[-1].get("ready")
    said = await in_terminal(ada, "python3 -c \"held = bytearray(2 << 30); print('GOT' + 'IT')\"; echo code $?")
    assert "GOTIT" not in said and "code 137" in said
    assert "alive" in await in_terminal(ada, "echo al''ive")


async def test_no_secret_of_the_hub_is_seen_from_inside(up: Up, ada: Browser) -> None:
    """Environments and command lines of all processes, and files by their names: none holds what opens the hub."""
    await ada.start(**DEFAULT)
    assert (await ada.progress())[-1].get("ready")
    (up.data / "homes/eve").mkdir(exist_ok=True)
    (up.data / "homes/eve/diary.txt").write_text("Dear diary")
    names = "-name up.json -o -name cookie_secret -o -name '*.sqlite' -o -name diary.txt"
    looks = (
        "cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n'",
        f"find / \\( {names} \\) -not -path '/proc/*' 2>/dev/null",
        f"ls {up.data} {up.data}/homes/eve",
        "cat /proc/1/environ | tr '\\0' '\\n'",
    )
    said = await in_terminal(ada, "; ".join(looks))
    told = json.loads((up.data / "hub/up.json").read_text())
    cookie = (up.data / "hub/cookie_secret").read_text().strip()
    secrets = [told["service_token"], told["password"], cookie, *proxy_tokens(up)]
    assert len(secrets) >= 4 and "JUPYTERHUB_USER=ada" in said
    assert [secret for secret in secrets if secret in said.replace("\n", "")] == []
    assert "CONFIGPROXY_AUTH_TOKEN" not in said and "diary.txt" not in said.replace(names, "")
    assert said.count("No such file or directory") >= 2


def proxy_tokens(up: Up) -> list[str]:
    """The secret that the hub shares with its proxy, from the proxy's own environment."""
    pid = (up.data / "hub/proxy.pid").read_text().split()[0]
    return re.findall(r"CONFIGPROXY_AUTH_TOKEN=(\w+)", Path(f"/proc/{pid}/environ").read_text().replace("\0", "\n"))


async def test_a_server_may_do_in_the_hub_only_what_is_its_own(up: Up, ada: Browser) -> None:
    """With its own token a server sees no other user, and the machine's own loopback it does not even reach."""
    async with logged_in(up.hub, "grace", PASSWORD) as grace:
        assert (await grace.page())["xsrf"]
    await ada.start(**DEFAULT)
    assert (await ada.progress())[-1].get("ready")
    told = json.loads((up.data / "hub/up.json").read_text())
    asked = (
        '-H "Authorization: token $JUPYTERHUB_API_TOKEN" $JUPYTERHUB_API_URL/users/grace',
        '-H "Authorization: token $JUPYTERHUB_API_TOKEN" $JUPYTERHUB_API_URL/users',
        f"http://127.0.0.1:{told['proxy_api_port']}/api/routes",
        f"http://127.0.0.1:{told['service_port']}/jupyter/services/binder/api/builds",
    )
    script = "; ".join(f"curl -s -o /dev/null -w 'got %{{http_code}} ' {words}" for words in asked)
    answers = re.findall(r"got (\d+) ", await in_terminal(ada, script))
    assert answers == ["404", "403", "000", "000"], answers


@pytest.mark.slow
async def test_dask_and_a_proxied_page_work_on_the_loopback_inside(up: Up, ada: Browser, hosted: GitServer) -> None:
    """As PyPI has them: workers in processes of their own, and jupyter-server-proxy before a server that listens."""
    image = (await built(ada, hosted.url("loopback.git")))["image"]
    await ada.start(**form(image))
    assert (await ada.progress())[-1].get("ready")
    assert "sum is 328350" in await in_terminal(ada, "python3 /srv/repo/cluster.py || python3 ~/cluster.py")
    serve = "mkdir /tmp/shown && echo sho''wn > /tmp/shown/page.txt && cd /tmp/shown"
    listening = "until curl -sf http://127.0.0.1:8765/page.txt; do sleep 0.1; done"
    command = f"{serve}; setsid python3 -m http.server 8765 --bind 127.0.0.1 >log 2>&1 & {listening}"
    await in_terminal(ada, command)
    answer = await ada.client.get(f"{ada.hub}/user/{ada.name}/proxy/8765/page.txt")
    assert (answer.status_code, answer.text) == (200, "shown\n")


async def test_ctrl_c_in_mid_build_is_told_and_retried(stacked: Path, up: Up, hosted: GitServer) -> None:
    """The stop leaves no process; the next start knows users, homes and environments, and retries with one call."""
    async with logged_in(up.hub, "ada", PASSWORD) as ada:
        image = (await built(ada, hosted.url("small.git")))["image"]
        await ada.start(**form(image, "a.ipynb"))
        assert (await ada.progress())[-1].get("ready")
        hosted.drip = 0.5
        async with service(ada) as client:
            id = (await client.post("builds", json={"spec": hosted.url("large.git")})).json()["id"]
            await until(lambda: any("large.git" in line for line in hosted.requests))
    up.process.send_signal(signal.SIGINT)
    said, _ = up.process.communicate(timeout=150)
    assert up.process.returncode == 0 and "Traceback" not in said and settled(stacked) == []
    hosted.drip = 0.0
    again = start(stacked)
    try:
        async with logged_in(again.hub, "ada", PASSWORD) as ada:
            assert (await ada.page())["chosen"]
            async with service(ada) as client:
                assert (await ended(client, id))["phase"] == "ready"
                saved = (await client.get("environments")).json()["environments"]
                assert image in [environment["image"] for environment in saved]
            await ada.start(**form(image))
            assert (await ada.progress())[-1].get("ready") and (stacked / "homes/ada/small/a.ipynb").is_file()
        os.kill(hub_process(stacked), signal.SIGKILL)  # as the kernel does when memory runs out
        said, _ = again.process.communicate(timeout=150)
        assert again.process.returncode == 1 and "ended by itself" in said and "Traceback" not in said
        await until(lambda: not left_over(stacked))
    finally:
        again.process.kill()
        again.process.communicate()
