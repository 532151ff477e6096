"""
Programs of others, as they are, against a real hub and our service; where somebody asks for it, because they must be
fetched first.

``$HUBKILN_TEST_BINDERHUB`` is a checkout of BinderHub, whose own test functions and example are run.
"""

from __future__ import annotations

import ast
import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from any_hub import any_hub

BINDERHUB = Path(os.environ.get("HUBKILN_TEST_BINDERHUB", "/nowhere"))
SERVICE = "/services/binder"

pytestmark = [pytest.mark.hub, pytest.mark.network, pytest.mark.slow]
of_binderhub = pytest.mark.skipif(not BINDERHUB.is_dir(), reason="$HUBKILN_TEST_BINDERHUB is no checkout of BinderHub")


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
@pytest.mark.parametrize("only", [True, False])
async def test_15_binderhubs_own_example(open_hub: str, only: bool) -> None:
    """``binder-api.py``: builds alone, or builds, launches and opens the file in a browser."""
    pytest.importorskip("requests")
    more = ["--build-only"] if only else ["--filepath", "a.ipynb"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(BINDERHUB / "examples" / "binder-api.py"), "org/example", "--binder",
        f"{open_hub}{SERVICE}", *more, env=os.environ | {"BROWSER": "true"}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(60):
        said, _ = await process.communicate()
    assert process.returncode == 0
    assert (f"Opening {open_hub}/user/requirements-" in said.decode()) is not only
    assert b"[ready] " in said and b"[failed]" not in said
