"""Solving with the real rattler over a channel in a folder, and over HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from conda_channel import Package, noarch_python, python, write_channel

from hubkiln import recipes
from hubkiln.errors import AccessDenied, LockFailed, RecipeError, Refused, Unreachable
from hubkiln.packages.conda import CondaLock, CondaSettings, lock_conda

LIB = Package(name="lib", version="1.5", depends=("__glibc >=2.17",))
TOOL = Package(name="tool", version="2.0", depends=("lib >=1", "python"))
OLD_TOOL = Package(name="tool", version="1.0", timestamp=1_000_000_000_000)
NEEDS_OLD_LIB = Package(name="strict", version="1", depends=("lib <1",))
NEEDS_NEW_GLIBC = Package(name="modern", version="1", depends=("__glibc >=2.99",))


@pytest.fixture
def channel(tmp_path: Path) -> str:
    """A channel with a small tree of packages."""
    packages = (python(), python("3.12.1"), noarch_python("demo", "1.0"), LIB, TOOL, NEEDS_OLD_LIB, NEEDS_NEW_GLIBC)
    return write_channel(tmp_path / "channel", *packages, OLD_TOOL, as_tar_bz2=("tool",))


async def lock(tmp_path: Path, channel: str, *specs: str, as_of: datetime | None = None) -> CondaLock:
    settings = CondaSettings(allowed_channels=(channel,), solve_seconds=60)
    return await lock_conda(
        specs,
        [channel],
        python_minor="3.11",
        settings=settings,
        cache=tmp_path / "cache",
        say=lambda text: None,
        as_of=as_of,
    )


async def test_specs_become_exact_packages(tmp_path: Path, channel: str) -> None:
    """What is asked for, what that needs, and a Python of the right minor, each with hash, size and address."""
    locked = await lock(tmp_path, channel, "demo", "tool=2.0")
    assert [(p.name, p.version) for p in locked.packages] == [
        ("demo", "1.0"),
        ("lib", "1.5"),
        ("python", "3.11.9"),
        ("tool", "2.0"),
    ]
    tool = locked.packages[3]
    archive = tmp_path / "channel/linux-64/tool-2.0-0.tar.bz2"
    assert (tool.url, tool.size, len(tool.sha256)) == (archive.as_uri(), archive.stat().st_size, 64)
    assert locked.packages[0].noarch == "python"


MANIFEST = """
[workspace]
channels = ["https://prefix.dev/conda-forge"]
platforms = ["linux-64"]
[dependencies]
python = ">=3.11,<3.12"
demo = "*"
tool = { version = "<2", channel = "conda-forge" }
lib = { version = "1.*", build = "0" }
"""


async def test_pixis_entries_become_exact_packages(tmp_path: Path) -> None:
    """In the versions that the manifest allows, from the channels that it names."""
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo/pixi.toml").write_text(MANIFEST)
    write_channel(tmp_path / "host/conda-forge", python(), noarch_python("demo", "1.0"), LIB, TOOL, OLD_TOOL)
    asked = recipes.read(tmp_path / "repo")
    locked = await lock_conda(
        asked.conda,
        asked.channels,
        python_minor=recipes.choose_python(asked, ["3.11", "3.12"], "3.12"),
        settings=CondaSettings(host=(tmp_path / "host").as_uri(), solve_seconds=60),
        cache=tmp_path / "cache",
        say=lambda text: None,
    )
    versions = {one.name: one.version for one in locked.packages}
    assert versions == {"demo": "1.0", "lib": "1.5", "python": "3.11.9", "tool": "1.0"}


async def test_the_same_specs_give_the_same_text(tmp_path: Path, channel: str) -> None:
    """A lock does not depend on the cache or on the order of the specs."""
    first = await lock(tmp_path / "a", channel, "demo", "tool")
    second = await lock(tmp_path / "b", channel, "tool", "demo")
    assert first.text == second.text


async def test_as_of_a_date_leaves_out_later_packages(tmp_path: Path, channel: str) -> None:
    """The time machine holds for conda too."""
    with pytest.raises(LockFailed):
        await lock(tmp_path, channel, "tool", as_of=datetime(2010, 1, 1, tzinfo=UTC))  # no Python existed then
    python_too = Package(name="python", version="3.11.0", timestamp=1_000_000_000_000)
    url = write_channel(tmp_path / "old", python_too, TOOL, OLD_TOOL)
    locked = await lock(tmp_path, url, "tool", as_of=datetime(2010, 1, 1, tzinfo=UTC))
    assert ("tool", "1.0") in [(p.name, p.version) for p in locked.packages]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("vs2015_runtime=14.27", "'vs2015_runtime 14.27.*' is for Windows"),
        ("appnope", "'appnope' is for macOS"),
        ("lib=1.5=h6244533_1", "its build may be another system's"),
        ("nosuch", "no conda package 'nosuch'|No channel has a conda package 'nosuch'"),
        ("tool=9", r"'tool 9\.\*'"),
        ("strict", r"strict 1 needs lib <1"),
        ("modern", r"modern 1 needs __glibc >=2\.99"),
        ("python=2.7", "python"),
    ],
)
async def test_what_cannot_be_solved_is_explained(tmp_path: Path, channel: str, spec: str, message: str) -> None:
    """An unknown package, a version that is not there, a conflict, a base that is too old: each is named."""
    with pytest.raises(LockFailed, match=message) as caught:
        await lock(tmp_path, channel, spec)
    assert caught.value.hint


async def test_a_channel_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A mistyped channel is the user's to correct."""
    with pytest.raises(LockFailed, match="no conda channel at"):
        await lock(tmp_path, (tmp_path / "nowhere").as_uri(), "tool")


async def test_a_spec_names_only_channels_that_are_allowed(tmp_path: Path, channel: str) -> None:
    """`channel::name` is no way around the list of channels."""
    assert await lock(tmp_path, channel, f"{channel}::tool")
    with pytest.raises(Refused):
        await lock(tmp_path, channel, "elsewhere::tool")


async def test_a_malformed_spec_is_explained(tmp_path: Path, channel: str) -> None:
    """A typing error in a version is the recipe's."""
    with pytest.raises(RecipeError, match="not a conda package spec"):
        await lock(tmp_path, channel, "numpy ==")


class Site(SimpleHTTPRequestHandler):
    """Serves a folder; answers 401 below ``/private``."""

    def do_GET(self) -> None:
        if self.path.startswith("/private"):
            self.send_error(401)
        else:
            super().do_GET()

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """`tmp_path` over HTTP."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Site, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


async def test_a_channel_over_http(tmp_path: Path, channel: str, site: str) -> None:
    """The same channel behind a web server gives the same packages."""
    served = await lock(tmp_path, f"{site}/channel", "demo", "tool")
    assert served.digest == (await lock(tmp_path, channel, "demo", "tool")).digest


async def test_a_channel_that_asks_for_credentials(tmp_path: Path, site: str) -> None:
    """401 is said as what it is."""
    with pytest.raises(AccessDenied):
        await lock(tmp_path, f"{site}/private/channel", "tool")


async def test_a_channel_the_server_does_not_have(tmp_path: Path, site: str) -> None:
    """404 means that there is no such channel, not that the network is down."""
    with pytest.raises(LockFailed, match="no conda channel at"):
        await lock(tmp_path, f"{site}/absent", "tool")


async def test_a_host_that_does_not_answer_can_be_tried_again(tmp_path: Path) -> None:
    """A refused connection is nobody's mistake."""
    with pytest.raises(Unreachable):
        await lock(tmp_path, "http://127.0.0.1:9/channel", "tool")


async def test_an_index_cannot_send_us_to_another_host(tmp_path: Path) -> None:
    """Packages come from the channel's own host, whatever its index says (`base_url`)."""
    url = write_channel(tmp_path / "channel", python(), TOOL, LIB)
    index = tmp_path / "channel/linux-64/repodata.json"
    document = json.loads(index.read_text())
    document["info"]["base_url"] = "http://169.254.169.254/"
    index.write_text(json.dumps(document))
    with pytest.raises(LockFailed, match="cannot be trusted"):
        await lock(tmp_path, url, "tool")
