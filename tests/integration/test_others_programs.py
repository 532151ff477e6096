"""
Programs of others, as they are, against a real hub and our service; where somebody asks for it, because they must be
fetched first.

``$HUBKILN_TEST_BINDERHUB`` is a checkout of BinderHub, whose own test functions and example are run.
``$HUBKILN_TEST_OTHERS=1`` lets jupyterhub-fancy-profiles, tljh-repo2docker and thebe-core be installed from the package
indexes.
"""

from __future__ import annotations

import ast
import asyncio
import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_string
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from any_hub import any_hub

from hub_browser import logged_in
from hubkiln.packages.tools import uv as uv_program
from hubkiln.processes import free_ports

BINDERHUB = Path(os.environ.get("HUBKILN_TEST_BINDERHUB", "/nowhere"))
SERVICE = "/services/binder"
IMAGE = "reg.example/x/repo:1"
"""Of every build on the crowded hub: a name that its spawner can pull."""

pytestmark = [pytest.mark.hub, pytest.mark.network, pytest.mark.slow]
of_binderhub = pytest.mark.skipif(not BINDERHUB.is_dir(), reason="$HUBKILN_TEST_BINDERHUB is no checkout of BinderHub")
of_others = pytest.mark.skipif("HUBKILN_TEST_OTHERS" not in os.environ, reason="$HUBKILN_TEST_OTHERS is not set")


@pytest.fixture(scope="module")
def open_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A hub where whoever comes may launch."""
    with any_hub(tmp_path_factory.mktemp("open"), TEST_LAUNCH="everybody") as base:
        yield base


def functions_of(path: Path, wanted: set[str], globals: dict[str, Any]) -> dict[str, Any]:
    """
    Those functions and classes of a file, unchanged, without what the file imports: BinderHub's tests of builds load
    clients of Kubernetes and Docker that the ones we run do not use. Names that `globals` lack are missing when used.
    """
    tree = ast.parse(path.read_text())
    found = [node for node in tree.body if getattr(node, "name", None) in wanted]
    assert {node.name for node in found} == wanted, "BinderHub's tests have other names now"  # type: ignore[attr-defined]
    for node in found:
        node.decorator_list = []  # type: ignore[attr-defined]
    exec(compile(ast.Module(found, []), str(path), "exec"), globals)
    return globals


def theirs(*names: str) -> dict[str, Callable[..., Any]]:
    """BinderHub's own test functions."""
    import concurrent.futures

    requests = pytest.importorskip("requests")
    url_concat = pytest.importorskip("tornado.httputil").url_concat
    tests = BINDERHUB / "binderhub" / "tests"
    pool = concurrent.futures.ThreadPoolExecutor
    utils = functions_of(
        tests / "utils.py", {"_AsyncRequests"}, {"asyncio": asyncio, "requests": requests, "ThreadPoolExecutor": pool}
    )
    given = {"json": json, "sys": sys, "url_concat": url_concat, "async_requests": utils["_AsyncRequests"]()}
    return functions_of(tests / "test_build.py", set(names), given)


@of_binderhub
@pytest.mark.parametrize("ref", ["HEAD", "596b52f10efb0c9befc0c4ae850cc5175297d71c", "master"])
async def test_15_binderhubs_own_test_of_a_launch(open_hub: str, ref: str) -> None:
    """``test_build``: events, launching told by the spawner, a server at the address with the token, its shutdown."""
    config = SimpleNamespace(getoption=lambda name: "")
    slug = f"gh/binderhub-ci-repos/cached-minimal-dockerfile/{ref}"
    app = SimpleNamespace(url=f"{open_hub}{SERVICE}")
    await theirs("test_build")["test_build"](app, None, None, None, slug, config)


@of_binderhub
async def test_15_binderhubs_own_tests_of_refusal_building_alone_and_failure(open_hub: str) -> None:
    """``test_build_check_accept``, ``test_build_only`` and ``test_build_fail``."""
    app = SimpleNamespace(url=f"{open_hub}{SERVICE}")
    their = theirs("test_build_check_accept", "test_build_only", "test_build_fail")
    await their["test_build_check_accept"](app)
    await their["test_build_only"](app, "True", None)
    await their["test_build_fail"](app, None, None, None)


@of_binderhub
def test_settings_that_the_guide_translates_are_binderhubs() -> None:
    """Each ``Class.trait`` of its first columns is one that BinderHub's source has."""
    guide = Path(__file__).parents[2] / "docs" / "how-to" / "from-binderhub.md"
    rows = [line.split("|")[1] for line in guide.read_text().splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([A-Z]\w+)\.(\w+)`", row)}
    assert len(named) > 20
    classes = {
        node.name: node
        for path in (BINDERHUB / "binderhub").glob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef)
    }

    def has(name: str, trait: str) -> bool:
        node = classes[name]
        targets = [target for one in node.body if isinstance(one, ast.Assign) for target in one.targets]
        bases = [base.id for base in node.bases if isinstance(base, ast.Name) and base.id in classes]
        return trait in map(ast.unparse, targets) or any(has(base, trait) for base in bases)

    assert [name for name in sorted(named) if not has(*name)] == []


@of_binderhub
@pytest.mark.parametrize("only", [True, False])
async def test_15_binderhubs_own_example(open_hub: str, only: bool) -> None:
    """``binder-api.py``: builds alone, or builds, launches and opens the file in a browser."""
    pytest.importorskip("requests")
    more = ["--build-only"] if only else ["--filepath", "a.ipynb"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(BINDERHUB / "examples" / "binder-api.py"), "org/example", "--binder",
        f"{open_hub}{SERVICE}", *more, env=os.environ | {"BROWSER": "true"}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(200):
        said, _ = await process.communicate()
    assert process.returncode == 0
    assert (f"Opening {open_hub}/user/requirements-" in said.decode()) is not only
    assert b"[ready] " in said and b"[failed]" not in said


@pytest.fixture(scope="module")
def crowded_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A hub with jupyterhub-fancy-profiles' page, tljh-repo2docker and our service."""
    folder = tmp_path_factory.mktemp("crowded")
    uv = uv_program()
    python = folder / "tljh" / "bin" / "python"
    tables = (
        f"from tljh_repo2docker.dbutil import upgrade_if_needed as u; u('sqlite+aiosqlite:///{folder}/tljh.sqlite')"
    )
    for command in (
        [uv, "venv", "-q", "-p", sys.executable, str(folder / "tljh")],
        [uv, "pip", "install", "-q", "--python", str(python), "tljh-repo2docker==3.0.21", "jupyterhub<6", "greenlet"],
        [uv, "pip", "install", "-q", "--no-deps", "--target", str(folder / "f"), "jupyterhub-fancy-profiles==0.7.0"],
        [python, "-c", tables],  # takes long, and the hub would not wait
    ):
        path = f"{python.parent}:{os.environ['PATH']}"
        subprocess.run(command, check=True, timeout=300, env=os.environ | {"PATH": path})
    tljh, server = free_ports(2)
    variables = {
        "TEST_TLJH": str(python),
        "TEST_TLJH_PORT": str(tljh),
        "TEST_SERVER_PORT": str(server),
        "TEST_IMAGE": IMAGE,
    }
    with any_hub(
        folder, config="others_config.py", prefix="", TEST_FANCY=str(folder / "f"), TEST_SERVICE="1", **variables
    ) as base:
        yield base


@of_others
async def test_14_tljh_repo2docker_builds_with_us(crowded_hub: str) -> None:
    """In its BinderHub mode with the provider ``git``: an environment ends built, with the image's name from us."""
    async with logged_in(crowded_hub, "boss") as boss:
        wanted = {"expires_in": 600, "scopes": ["access:services!service=tljh"]}
        boss.xsrf = (
            (await boss.client.get(f"{crowded_hub}/hub/home")).text.partition('xsrf_token: "')[2].partition('"')[0]
        )
        token = (await boss.api("POST", "users/boss/tokens", json=wanted)).json()["token"]
        me = {"Authorization": f"token {token}"}
        place = f"{crowded_hub}/services/tljh/api/environments"
        order = {"repo": "https://host/r.git", "ref": "HEAD", "name": "r", "memory": "", "cpu": "", "provider": "git"}
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            answer = await client.post(place, json=order, headers=me)
            assert answer.status_code == 200, answer.text
            async with asyncio.timeout(200):
                while True:  # it has no stream
                    (found,) = (await client.get(place, headers=me)).json()["images"]
                    if found["status"] != "building":
                        break
                    await asyncio.sleep(0.2)
        assert (found["status"], found["image_name"]) == ("built", IMAGE), found


async def started(page: Any, button: str = "Start") -> tuple[dict[str, str], dict[str, Any]]:
    """Press the button: the form that is posted, and what the server says that then is there."""
    async with page.expect_request(lambda asked: asked.method == "POST" and "/hub/spawn" in asked.url) as posted:
        await page.get_by_role("button", name=button, exact=True).click()
    kind, body = (await posted.value).headers["content-type"], (await posted.value).post_data
    parts = [part for part in message_from_string(f"Content-Type: {kind}\n\n{body}").walk() if not part.is_multipart()]
    form = {
        str(part.get_param("name", header="content-disposition")): str(part.get_payload()).strip() for part in parts
    }
    await page.wait_for_url("**/user/ada/**", timeout=90_000)
    return form, json.loads(await page.locator("body").inner_text())


async def stopped(page: Any, hub: str) -> dict[str, Any]:
    """The options with which the server ran, which is stopped."""
    await page.goto(f"{hub}/hub/home")
    return dict(
        await page.evaluate(
            """async () => {
                const query = "?_xsrf=" + document.cookie.split("_xsrf=").pop().split(";")[0];
                const user = await (await fetch("/hub/api/users/ada" + query)).json();
                await fetch("/hub/api/users/ada/server" + query, { method: "DELETE" });
                return user.servers[""].user_options;
            }"""
        )
    )


@of_others
@pytest.mark.browser
async def test_8_fancy_profiles_page_works_with_us(crowded_hub: str) -> None:
    """A listed image, a typed one, a built one, a build that fails, and a link that starts by itself."""
    from playwright.async_api import async_playwright

    image = "profile-option-cpu--image"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = await browser.new_page()
        page.set_default_timeout(90_000)
        await page.goto(f"{crowded_hub}/hub/login")
        await page.fill("input[name=username]", "ada")
        await page.fill("input[name=password]", "x")
        await page.click("input[type=submit]")

        async def choose(label: str) -> None:
            await page.goto(f"{crowded_hub}/hub/spawn")
            await page.locator("#profile-option-cpu").check()
            await page.get_by_label("Image", exact=True).first.click()
            await page.get_by_text(label, exact=True).last.click()

        await choose("Small")
        form, told = await started(page)
        assert (form["profile"], form[image], told["image"]) == ("cpu", "small", "listed/small:1")
        assert await stopped(page, crowded_hub) == {"profile": "cpu", "image": "small"}

        await choose("Own image")
        await page.get_by_label("Custom image", exact=True).fill("typed/x:1")
        form, told = await started(page)
        assert form[f"{image}--unlisted-choice"] == "typed/x:1" and told["image"] == "typed/x:1"
        assert (await stopped(page, crowded_hub))["image--unlisted-choice"] == "typed/x:1"

        await choose("Build your own image")
        await page.get_by_label("Repository", exact=True).fill("org/repo")
        await page.get_by_label("Git Ref", exact=True).fill("failed")
        await page.get_by_role("button", name="Build Image and Start").click()
        await page.get_by_text("Its own instructions failed.").first.wait_for()
        assert page.url.endswith("/hub/spawn")

        await page.get_by_label("Git Ref", exact=True).fill("HEAD")
        form, told = await started(page, "Build Image and Start")
        assert form[f"{image}--unlisted-choice"] == IMAGE and told["image"] == IMAGE
        assert (await stopped(page, crowded_hub))["image--unlisted-choice"] == IMAGE

        link = quote(json.dumps({"profile": "cpu", "image": "small", "autoStart": "true"}))
        await page.goto(f"{crowded_hub}/hub/spawn#fancy-forms-config={link}")
        await page.reload()
        await page.wait_for_url("**/user/ada/**", timeout=90_000)
        assert "listed/small:1" in await page.content()
        await browser.close()


@contextmanager
def site(folder: Path) -> Iterator[str]:
    """The address of a site with the files of `folder`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


RUN = """async ([binderUrl, code]) => {
    const { api } = window.thebeCore;
    const config = api.makeConfiguration({
        useBinder: true,
        binderOptions: { binderUrl, repo: "org/repo", ref: "HEAD", repoProvider: "github" },
        savedSessionOptions: { enabled: false },
    });
    const server = api.connectToBinder(config);
    await server.ready;
    const session = await server.startNewSession(api.makeRenderMimeRegistry());
    const told = [];
    const future = session.kernel.requestExecute({ code });
    future.onIOPub = (message) => told.push(message.content);
    await future.done;
    await session.shutdown();
    return told.map((content) => content.data?.["text/plain"] ?? content.text ?? "").join("");
}"""
"""What a page with thebe does: order a build and a server, start a kernel, run code in it; returns what it shows."""


@of_others
@pytest.mark.browser
def test_thebe_runs_code_from_a_page_of_another_site(tmp_path: Path) -> None:
    """thebe-core in a page of a site that the admin named builds, launches, and runs ``1 + 1`` in a real server's
    kernel; the same page at a site that nobody named gets nothing."""
    from playwright.sync_api import Error, sync_playwright

    uv, python = uv_program(), tmp_path / "server" / "bin" / "python"
    for command in (
        [uv, "venv", "-q", "-p", sys.executable, str(tmp_path / "server")],
        [uv, "pip", "install", "-q", "--python", str(python), "jupyterhub", "jupyter-server", "ipykernel"],
        ["npm", "pack", "--silent", "--pack-destination", str(tmp_path), "thebe-core@0.5.0"],
    ):
        subprocess.run(command, check=True, timeout=300, cwd=tmp_path)
    with tarfile.open(tmp_path / "thebe-core-0.5.0.tgz") as archive:
        archive.extractall(tmp_path, filter="data")
    pages = tmp_path / "package" / "dist" / "lib"
    (pages / "index.html").write_text('<!doctype html><title>x</title><script src="thebe-core.min.js"></script>')
    server = f"{python} -m jupyterhub.singleuser --allow-root"
    with (
        site(pages) as named,
        site(pages) as other,
        any_hub(tmp_path, TEST_LAUNCH="everybody", TEST_ALLOW_ORIGIN=named, TEST_SERVER=server) as base,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(90_000)
        page.on("console", lambda message: print(message.text))
        page.goto(f"{named}/index.html")
        assert page.evaluate(RUN, [f"{base}{SERVICE}", "1 + 1"]) == "2"
        page.goto(f"{other}/index.html")
        with pytest.raises(Error, match=re.escape("Lost connection to binder")):
            page.evaluate(RUN, [f"{base}{SERVICE}", "1 + 1"])
        browser.close()
