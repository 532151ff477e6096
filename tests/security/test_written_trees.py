"""Trees whose content came from outside: nothing that we write, give away or remove leaves them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from conda_channel import File, Package, noarch_python, python, write_channel

from deep_folders import deep_folder
from hubkiln.confined import HELPER_UID
from hubkiln.errors import BuildFailed, TooLarge
from hubkiln.folders import put
from hubkiln.local_images.running import hand_over
from hubkiln.packages.conda import CondaSettings, install_conda, lock_conda, parse_lock
from hubkiln.packages.conda_archives import fetch_archives
from hubkiln.packages.conda_prefixes import finish
from hubkiln.packages.conda_worker import CondaWorker
from hubkiln.sandbox.capture import capture
from hubkiln.sandbox.identity import Identity
from hubkiln.sandbox.steps import used_bytes
from hubkiln.values import Interpreter

MINOR = ".".join(map(str, sys.version_info[:2]))
HERE = Interpreter(version=".".join(map(str, sys.version_info[:3])), path=Path(sys.executable).resolve(), roots=())
SITE = f"lib/python{MINOR}/site-packages"
LEVELS = 1050
"""More than Python calls itself; a path of so many is longer than the kernel takes."""


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """A folder of the host's, with a module in it; it must stay as it is."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "module.py").write_text("x = 1\n")
    before = (folder / "module.py").stat()
    yield folder
    after = (folder / "module.py").stat()
    assert [path.name for path in folder.rglob("*")] == ["module.py"]
    assert (before.st_mtime_ns, before.st_mode, before.st_uid) == (after.st_mtime_ns, after.st_mode, after.st_uid)


@pytest.mark.parametrize("link", ["bin", "etc", "etc/conda", "etc/conda/activate.d"])
def test_our_own_script_goes_through_no_link_of_a_package(tmp_path: Path, outside: Path, link: str) -> None:
    """Where activation needs a script of ours, a package cannot say where it lands."""
    prefix = tmp_path / "prefix"
    (prefix / "etc/conda/activate.d").mkdir(parents=True)
    (prefix / "etc/conda/activate.d/a.sh").write_text("")
    if link == "bin":
        (prefix / "bin").symlink_to(outside)
    else:
        (prefix / link).rename(tmp_path / "moved")
        (prefix / link).symlink_to(tmp_path / "moved")
        (prefix / "bin").mkdir(exist_ok=True)
    try:
        finish(prefix, HERE, None)
    except BuildFailed as error:
        assert "link" in error.message
    assert not (tmp_path / "moved/hubkiln-activate").exists()


@pytest.mark.parametrize("link", ["lib", f"lib/python{MINOR}", SITE, f"{SITE}/package"])
def test_byte_code_goes_through_no_link_of_a_package(tmp_path: Path, outside: Path, link: str) -> None:
    """A link at any folder above Python's packages, or at one of them, is not gone through."""
    prefix = tmp_path / "prefix"
    (prefix / link).parent.mkdir(parents=True)
    (prefix / link).symlink_to(outside)
    rest = SITE.removeprefix(link).strip("/") if SITE.startswith(link) else ""
    if rest:
        (prefix / link).unlink()
        (tmp_path / "other" / rest).mkdir(parents=True)
        (tmp_path / "other" / rest / "module.py").write_text("x = 1\n")
        (prefix / link).symlink_to(tmp_path / "other")
    try:
        finish(prefix, HERE, None)
    except BuildFailed as error:
        assert "link" in error.message
    assert not list(tmp_path.rglob("*.pyc"))


async def install(tmp_path: Path, *packages: Package) -> Path:
    """A channel of `packages`, all of them locked and placed."""
    url = write_channel(tmp_path / "channel", *packages)
    settings, cache = CondaSettings(allowed_channels=(url,)), tmp_path / "cache"
    names = [package.name for package in packages]
    lock = await lock_conda(names, [url], python_minor="3.11", settings=settings, cache=cache, say=lambda text: None)
    lock = parse_lock(lock.text)
    target = tmp_path / "made/prefix"
    return (await install_conda(lock, target, cache=cache, settings=settings, say=lambda text: None)).prefix


async def test_console_scripts_go_through_no_link_of_a_package(tmp_path: Path, outside: Path) -> None:
    """They are on no package's list of files: the link `bin` itself is refused."""
    bare = replace(python(), files=(File(path="lib/python3.11/os.py", data=b"sep = '/'\n"),))
    link = Package(name="link", version="1", files=(File(path="bin", link=str(outside)),))
    with pytest.raises(BuildFailed, match="link where there must be a folder, bin"):
        await install(tmp_path, bare, link, noarch_python("demo", "1.0"))


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's processes are that user's")
@pytest.mark.sandbox
async def test_conda_packages_are_placed_by_nobody(tmp_path: Path, outside: Path) -> None:
    """Even where our own checks were passed by, rattler can write to the folder it was given and nowhere else."""
    link = Package(name="link", version="1", files=(File(path="bin", link=str(outside)),))
    bare = replace(python(), files=(File(path="lib/python3.11/os.py", data=b"sep = '/'\n"),))
    url = write_channel(tmp_path / "channel", bare, link, noarch_python("demo", "1.0"))
    outside.chmod(0o777)
    (tmp_path / "closed").mkdir(mode=0o700)
    cache, work = tmp_path / "closed/cache", tmp_path / "closed/work"
    work.mkdir()
    settings = CondaSettings(allowed_channels=(url,))
    names = ["python", "link", "demo"]
    lock = await lock_conda(names, [url], python_minor="3.11", settings=settings, cache=cache, say=lambda text: None)
    archives = await fetch_archives(parse_lock(lock.text), cache, settings, lambda done, total: None)
    with CondaWorker(cache, settings, work) as worker, pytest.raises(BuildFailed):
        await worker.place(archives, lock.platform, work, "/srv")
    outside.chmod(0o755)
    assert (work / "prefix").lstat().st_uid == HELPER_UID


async def test_packages_for_every_python_go_through_no_link_of_pythons(tmp_path: Path, outside: Path) -> None:
    """Nor may the folder of Python's packages be a link."""
    links = replace(python(), files=(File(path="lib/python3.11/site-packages", link=str(outside)),))
    with pytest.raises(BuildFailed, match="link"):
        await install(tmp_path, links, noarch_python("demo", "1.0"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_files_are_given_away_through_no_link(tmp_path: Path, outside: Path) -> None:
    """A repository's link to a folder is given away itself; what it names is not."""
    content = tmp_path / "content"
    content.mkdir()
    (content / "link").symlink_to(outside)
    hand_over(content, Identity(uid=64100, gid=64100, shift=1_900_000_000))
    assert (content / "link").lstat().st_uid == 64100


def test_what_nests_without_end_is_an_error_of_its_owner() -> None:
    """Not of ours: Python calls itself a thousand times at most, and a path has 4096 letters."""
    identity = Identity(uid=64100, gid=64100, shift=1_900_000_000)
    with deep_folder(LEVELS) as deep:
        with pytest.raises(TooLarge, match="deep"):
            used_bytes(deep)
        with pytest.raises(BuildFailed, match="deep"):
            capture(deep, (), int, int)
        if os.geteuid() == 0:
            with pytest.raises(TooLarge, match="deep"):
                hand_over(deep, identity)


def test_what_nests_without_end_is_removed() -> None:
    """A build that came second leaves nothing on the disk."""
    with deep_folder(LEVELS) as second:
        final = second.with_name("final")
        final.mkdir()
        (final / "there").touch()
        put(second, final)
        assert list(second.parent.iterdir()) == [final]
