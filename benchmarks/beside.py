"""The spawn page beside jupyterhub-fancy-profiles' and tljh-repo2docker's, each in a real hub of its own.

``python benchmarks/beside.py``, with a built front end and Playwright. Each is installed from the package index into a
virtual environment of its own, with one release of JupyterHub, and its page is opened in one Chromium in turn, by
somebody who is logged in: the hub's own scripts and styles are in the browser's cache, those of the page are not. The
hub's page with KubeSpawner's own form, which has no script, says what of the time is the hub's.

tljh-repo2docker has no form of its own: its page is the one where a server is started, of its service and without the
hub's scripts.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

from any_hub import any_hub  # noqa: E402
from journey import machine  # noqa: E402
from page import AFTER_HTML, CATEGORIES, ROUNDS, chromium, marks, of_main_thread, rounds  # noqa: E402
from playwright.sync_api import Browser, BrowserContext, Page  # noqa: E402

from hubkiln.packages.tools import uv  # noqa: E402
from hubkiln.processes import free_port  # noqa: E402

HUB = ("jupyterhub>=6.1,<7", "jupyterhub-kubespawner")
"""Of every environment that a hub runs from."""

SERVICE = ("tljh-repo2docker==3.0.21", "jupyterhub<6", "greenlet")
"""Of the one that tljh-repo2docker's service runs from, which takes no newer JupyterHub."""

KUBECONFIG = """
{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}], clusters:
[{name: a, cluster: {server: "http://127.0.0.1:9"}}], users: [{name: a, user: {token: x}}]}
"""

USUAL = """
import json, os, sys
os.environ["KUBECONFIG"] = os.environ["TEST_FOLDER"] + "/kubeconfig"
c = get_config()
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.admin_users = {"ada"}
c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
image = {
    "display_name": "Image",
    "choices": {
        name: {"display_name": name.title(), "kubespawner_override": {"image": f"quay.io/jupyter/{name}-notebook"}}
        for name in ("scipy", "r", "julia", "datascience")
    },
    "unlisted_choice": {
        "enabled": True,
        "display_name": "Custom image",
        "validation_regex": "^.+:.+$",
        "validation_message": "Write name:tag.",
        "kubespawner_override": {"image": "{value}"},
    },
    "dynamic_image_building": {"enabled": True},
}
resources = {
    "display_name": "Resources",
    "choices": {
        f"mem_{n}": {"display_name": f"{n} GB, up to 3.5 CPUs", "kubespawner_override": {"mem_limit": f"{n}G"}}
        for n in (2, 5, 10, 20)
    },
}
c.KubeSpawner.profile_list = [
    {
        "slug": slug,
        "display_name": slug.upper(),
        "description": f"For use with {slug}",
        "profile_options": {"image": image, "resources": resources},
    }
    for slug in ("cpu", "gpu")
]
"""

OURS = """
from hubkiln.hub import setup
setup(c, push="registry.example/x", environment={"HUBKILN_DATA_DIR": os.environ["TEST_FOLDER"] + "/data"})
"""

FANCY = """
from jupyterhub_fancy_profiles import setup_ui
setup_ui(c)
"""

TLJH = """
place = f"http://127.0.0.1:{os.environ['TEST_PORT']}/services"
port = os.environ["TEST_TLJH_PORT"]
c.JupyterHub.services = [
    {
        "name": "tljh",
        "url": f"http://127.0.0.1:{port}",
        "command": [
            os.environ["TEST_TLJH"], "-m", "tljh_repo2docker", "--ip", "127.0.0.1", "--port", port,
            f"--TljhRepo2Docker.binderhub_url={place}/binder",
            f"--TljhRepo2Docker.db_url=sqlite:///{os.environ['TEST_FOLDER']}/tljh.sqlite",
        ],
        "environment": {"PATH": os.path.dirname(os.environ["TEST_TLJH"]) + ":" + os.environ["PATH"]},
        "timeout": 120,
        "cwd": os.environ["TEST_FOLDER"],
        "oauth_no_confirm": True,
    }
]
c.JupyterHub.load_roles = [
    {"name": "tljh", "services": ["tljh"], "scopes": ["read:users", "admin:servers", "read:roles:users"]},
    {"name": "user", "scopes": ["self", "access:services"]},
]
"""

LATER = 2000
"""Milliseconds after the first control, in which the rest comes."""

ROWS = {
    "sent": "scripts and styles of its own, KB over the wire",
    "compressed": "the same, where a proxy compresses what the hub does not",
    "before": "of what is sent, before the first control",
    "requests": "requests beside the page's HTML",
    "usable": "HTML to the first control, ms",
    "processor": "main thread's processor time until then, ms",
}


@dataclass(frozen=True)
class Kind:
    """One of the pages that are compared."""

    name: str
    packages: tuple[str, ...]
    config: str
    path: str
    control: str
    """What finds its first control, as CSS has it."""
    own: str
    """What stands in the addresses of its scripts and styles, and in none of the hub's."""


KINDS = (
    Kind("ours", (str(ROOT),), OURS, "/hub/spawn", "#hubkiln button", "/hub/hubkiln/"),
    Kind(
        "jupyterhub-fancy-profiles 0.7.0", ("jupyterhub-fancy-profiles==0.7.0",), FANCY, "/hub/spawn",
        "#form button, #form input", "/hub/fancy-profiles/",
    ),
    Kind(
        "tljh-repo2docker 3.0.21", (), TLJH, "/services/tljh/servers",
        "#servers-root button", "/service_static/",
    ),
    Kind("KubeSpawner's own form", (), "", "/hub/spawn", "#spawn_form input", "/nothing/"),
)  # fmt: skip


@contextmanager
def hub(kind: Kind, folder: Path) -> Iterator[str]:
    """A hub with that page, from an environment of its own in `folder`."""
    folder.mkdir()
    (folder / "kubeconfig").write_text(KUBECONFIG)
    (folder / "config.py").write_text(USUAL + kind.config)
    python = installed(folder / "venv", *HUB, *kind.packages)
    variables = {"TEST_SERVICE": "1"} if kind.config is OURS else {}
    if kind.config is TLJH:
        service = installed(folder / "service", *SERVICE)
        variables = {"TEST_TLJH": str(service), "TEST_TLJH_PORT": str(free_port())}
        tables = (
            f"from tljh_repo2docker.dbutil import upgrade_if_needed as u; u('sqlite+aiosqlite:///{folder}/tljh.sqlite')"
        )
        path = f"{service.parent}:{os.environ['PATH']}"
        subprocess.run([service, "-c", tables], check=True, cwd=folder, env=os.environ | {"PATH": path})
    with any_hub(folder, python, str(folder / "config.py"), "", **variables) as base:
        yield base


def installed(folder: Path, *packages: str) -> Path:
    """The Python of a new virtual environment with those packages."""
    python = folder / "bin" / "python"
    for arguments in (
        ["venv", "-q", "-p", sys.executable, folder],
        ["pip", "install", "-q", "--python", python, *packages],
    ):
        subprocess.run([uv(), *arguments], check=True)
    return python


@contextmanager
def logged_in(browser: Browser, base: str) -> Iterator[tuple[BrowserContext, Page]]:
    """A tab of somebody whose browser has seen the hub, and nothing of what is compared."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(f"{base}/hub/login?next=/hub/token")
    page.fill("input[name=username]", "ada")
    page.fill("input[name=password]", "x")
    page.click("input[type=submit]")
    page.wait_for_url("**/hub/token")
    yield context, page
    context.close()


def visited(browser: Browser, base: str, kind: Kind) -> dict[str, float]:
    """One visit to that page, until what it loads later is there as well."""
    answers: dict[str, dict[str, Any]] = {}
    ends: dict[str, dict[str, Any]] = {}
    with logged_in(browser, base) as (context, page):
        context.request.get(f"{base}{kind.path}")  # what a service asks of the hub at first is no part of its page
        page.add_init_script(marks(kind.control))
        page.goto("about:blank")
        network = context.new_cdp_session(page)
        network.on("Network.responseReceived", lambda told: answers.update({told["requestId"]: told}))
        network.on("Network.loadingFinished", lambda told: ends.update({told["requestId"]: told}))
        network.send("Network.enable")
        browser.start_tracing(page=page, categories=CATEGORIES)
        page.goto(f"{base}{kind.path}")
        page.locator(kind.control).first.wait_for(state="attached")
        page.wait_for_timeout(LATER)
        usable = page.evaluate(AFTER_HTML)
        events = json.loads(browser.stop_tracing())["traceEvents"]
        own = {
            name: told["response"]["url"]
            for name, told in answers.items()
            if told["type"] in ("Script", "Stylesheet") and kind.own in told["response"]["url"] and name in ends
        }
        compressed = [len(gzip.compress(context.request.get(url).body())) for url in own.values()]
    (mark,) = [one["ts"] / 1e6 for one in events if one["name"] == "usable"]
    asked = [told for told in answers.values() if told["type"] != "Document" and not told["response"]["fromDiskCache"]]
    return {
        "sent": sum(ends[name]["encodedDataLength"] for name in own) / 1000,
        "compressed": sum(compressed) / 1000,
        "before": sum(ends[name]["encodedDataLength"] for name in own if ends[name]["timestamp"] <= mark) / 1000,
        "requests": len(asked),
        "usable": usable,
        "processor": of_main_thread(events)["processor"],
    }


def main() -> None:
    """Each page in turn, thrice, as a table in Markdown."""
    with tempfile.TemporaryDirectory(prefix="hubkiln-beside-") as folder, ExitStack() as stack:
        hubs = [stack.enter_context(hub(kind, Path(folder) / str(place))) for place, kind in enumerate(KINDS)]
        browser = stack.enter_context(chromium())
        load = os.getloadavg()[0]
        visits: dict[str, list[dict[str, float]]] = {kind.name: [] for kind in KINDS}
        for _ in range(ROUNDS):
            for base, kind in zip(hubs, KINDS, strict=True):
                visits[kind.name].append(visited(browser, base, kind))
        print("## Beside others\n")
        print(f"{machine()}, load {load:.1f} before and {os.getloadavg()[0]:.1f} after; {ROUNDS} rounds in turn.")
        print("Medians, how many times ours they are (×), and each round.\n")
    print(f"| | {' | '.join(visits)} |\n|---|{'---|' * len(visits)}")
    for key, row in ROWS.items():
        found = [[visit[key] for visit in each] for each in visits.values()]
        least = median(found[0])
        print(f"| {row} | {' | '.join(f'{median(one) / least:.1f}×: {rounds(one)}' for one in found)} |")


if __name__ == "__main__":
    main()
