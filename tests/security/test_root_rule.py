"""Nothing in a sandbox is ever the host's uid 0: the ways in that a hub user with an image of their own has tried."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny_root
from hostile_root import WHO, Attacker, attacker, forget
from sandbox_user import open_folder

from hubkiln import processes
from hubkiln.sandbox.interface import Overlay
from hubkiln.sandbox.tools import INSIDE

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.skipif(not tiny_root.works_here(), reason="this machine's programs make no image"),
]

_PRELOADED = """
#include <stdio.h>
#include <unistd.h>
__attribute__((constructor)) void note(void) { printf("preloaded as %d\\n", getuid()); fflush(stdout); }
"""


@pytest.fixture
def mallory() -> Iterator[Attacker]:
    """Somebody who wants out."""
    folder = open_folder()
    yield attacker(folder)
    forget(folder)


def is_root(said: str) -> bool:
    """True if a program of the attacker's told that it is the host's root, or the whole map of a host's uids."""
    return said.startswith("0\n") or "4294967295" in said


@pytest.mark.parametrize("tool", ["ld.so", "nsenter", "setpriv", "dash", "lib"])
@pytest.mark.parametrize("home", ["/data", "//data/", "/run/hubkiln", "/run", "/"])
async def test_no_home_becomes_the_folder_of_the_tools(mallory: Attacker, home: str, tool: str) -> None:
    """A link of the image's, or a home named so, does not put what the user prepared where privilege is dropped."""
    layer = mallory.layer({"data": INSIDE}, {"newroot/x": WHO.encode()})
    for folder in (mallory.home, mallory.home / "hubkiln", mallory.home / "run/hubkiln"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / tool).symlink_to("/newroot/x")
    said = await mallory.run(mallory.room(layer, home=home), ["/newroot/x"])
    assert not is_root(said), said


@pytest.mark.parametrize("home", ["/data", "/run/hubkiln", "/run", "/", "//srv", "/srv"])
async def test_no_file_is_made_outside(mallory: Attacker, home: str) -> None:
    """Links in a home that lead to the host's own root while a sandbox is made lead nowhere."""
    outside = mallory.folder / "outside"
    outside.mkdir(mode=0o700)
    layer = mallory.layer({"data": INSIDE}, {})
    for place in ("", "hubkiln", "run/hubkiln", "conda/envs", "repo"):
        folder = mallory.home / place
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("setpriv", "nsenter", "dash", "enter", "notebook", "x"):
            (folder / name).symlink_to(f"/oldroot{outside}/made-{name}")
    environment = Overlay(target="/srv/conda/envs/notebook", lowers=(mallory.folder / "below",))
    content = Overlay(target="/srv/repo/x", lowers=(mallory.folder / "below",))
    await mallory.run(mallory.room(layer, home=home, overlays=(environment, content)), ["ls"])
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    "links", [{"srv": INSIDE}, {"srv": "/run"}, {"srv": "run/hubkiln/.."}, {"run": "srv"}, {"run": "home/jovyan"}]
)
async def test_no_content_becomes_the_folder_of_the_tools(mallory: Attacker, links: dict[str, str]) -> None:
    """A repository's files at ``/srv/repo`` do not lie where privilege is dropped, wherever the image's links lead."""
    layer = mallory.layer(links, {"newroot/x": WHO.encode()})
    content = mallory.folder / "content"
    for folder in (content, content / "hubkiln", mallory.home / "hubkiln"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ld.so").write_text(WHO)
        (folder / "ld.so").chmod(0o755)
    for target in ("/srv", "/srv/repo", "/srv/hubkiln"):
        overlay = Overlay(
            target=target, lowers=(content,), upper=mallory.folder / f"up-{target.count('/')}-{len(target)}"
        )
        said = await mallory.run(mallory.room(layer, overlays=(overlay,)), ["/newroot/x"])
        assert not is_root(said), said


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
@pytest.mark.parametrize("where", ["etc/ld.so.preload", "elsewhere", "home", "content", "hop"])
async def test_no_library_of_an_image_is_loaded_as_root(mallory: Attacker, where: str) -> None:
    """The loader of the tools that drop privilege reads the image's list of libraries to preload: it finds none."""
    source = mallory.folder / "note.c"
    source.write_text(_PRELOADED)
    built = mallory.folder / "note.so"
    assert (await processes.run(["cc", "-shared", "-fPIC", "-o", built, source])).code == 0
    links = {
        "etc/ld.so.preload": {},
        "elsewhere": {"etc/ld.so.preload": "/elsewhere"},
        "home": {"etc/ld.so.preload": "/home/jovyan/list"},
        "content": {"etc": "/srv/repo"},
        "hop": {"etc": "/srv/repo/x", "srv/repo/x": "/safe"},
    }[where]
    own = {where: b"/lib/note.so\n"} if where in ("etc/ld.so.preload", "elsewhere") else {}
    layer = mallory.layer(links, {**own, "lib/note.so": built.read_bytes()})
    content = mallory.folder / "content"
    for place in (mallory.home / "list", content / "ld.so.preload", content / "x/ld.so.preload"):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("/lib/note.so\n")
    overlay = Overlay(target="/srv/repo", lowers=(content,))
    said = await mallory.run(mallory.room(layer, overlays=(overlay,)), ["ls"])
    assert "preloaded as 0" not in said, said
    assert "preloaded as 65534" not in said, said


async def test_what_an_image_runs_is_its_user(mallory: Attacker) -> None:
    """Uid 1000 of a namespace that does not know the host's root; homes lie where the image wants them."""
    layer = mallory.layer({"data": "/mnt/data"}, {"newroot/x": WHO.encode()})
    said = await mallory.run(mallory.room(layer, home="/data/mine"), ["/newroot/x"])
    assert said.startswith("1000\n"), said
    if os.geteuid() == 0:
        assert "4294967295" not in said


def test_the_homes_folder_is_there(mallory: Attacker) -> None:
    """What the attacks above need in order to be attacks."""
    assert Path(mallory.home).is_dir()
