"""Wheels from source, built by the real pip in the sandbox: from an index, from git, from the repository itself."""

from __future__ import annotations

import asyncio
import hashlib
import io
import shutil
import tarfile
import zipfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest
from step_yard import Yard

from git_server import GitServer, add_commit, git, make_repository
from hubkiln.composer.bases.interface import Base
from hubkiln.composer.sources.build import BuiltWheel
from hubkiln.composer.sources.interface import Sources
from hubkiln.composer.steps.settings import StepSettings
from hubkiln.data_dir import DataDir
from hubkiln.egress.allowed import NOTHING, read_reach
from hubkiln.errors import BuildFailed, EngineMissing, LockFailed, NotFound, Refused
from hubkiln.packages import stack
from hubkiln.packages.interface import LockRequest, NeedsBuilding
from hubkiln.packages.packages import Packages
from hubkiln.repositories import Repositories
from hubkiln.repositories.interface import RepositorySettings
from hubkiln.testing.sandbox import FakeEngine
from index_server import Index, serve
from wheels import make_wheel

pytestmark = [pytest.mark.sandbox, pytest.mark.network]

BACKEND = """
import os, zipfile

NAME, VERSION = {name!r}, {version!r}

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    {extra}
    file = f"{{NAME}}-{{VERSION}}-py3-none-any.whl"
    info = f"{{NAME}}-{{VERSION}}.dist-info"
    with zipfile.ZipFile(os.path.join(wheel_directory, file), "w") as wheel:
        wheel.writestr(f"{{NAME}}.py", {module!r})
        head = f"Metadata-Version: 2.1\\nName: {{NAME}}\\nVersion: {{VERSION}}\\n"
        wheel.writestr(f"{{info}}/METADATA", head + "{requires}")
        tag = "Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
        wheel.writestr(f"{{info}}/WHEEL", tag)
        wheel.writestr(f"{{info}}/RECORD", "")
    return file
"""
"""A build backend that comes with the source, so that a build needs nothing from anywhere."""


def project(
    name: str = "odd",
    version: str = "1.0",
    *,
    extra: str = "pass",
    module: str = "X = 1\n",
    requires: str = "",
    needs: str = "",
) -> dict[str, str]:
    """The files of a package; `extra` is run when it is built, for which it `needs` quoted requirements."""
    system = f'[build-system]\nrequires = [{needs}]\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    backend = BACKEND.format(name=name, version=version, extra=extra, module=module, requires=requires)
    return {"pyproject.toml": system, "backend.py": backend}


def sdist(folder: Path, name: str = "odd", version: str = "1.0", **more: str) -> Path:
    """A source archive of :func:`project`."""
    path = folder / f"{name}-{version}.tar.gz"
    files = project(name, version, **more) | {"PKG-INFO": f"Metadata-Version: 1.0\nName: {name}\nVersion: {version}\n"}
    with tarfile.open(path, "w:gz") as archive:
        for file, text in files.items():
            info = tarfile.TarInfo(f"{name}-{version}/{file}")
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return path


@pytest.fixture(scope="module")
def pip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of pip that builds use: the one thing that comes from the real index."""

    async def fetched() -> Path:
        packages = Packages(DataDir(tmp_path_factory.mktemp("pip")).make())
        python = await packages.interpreter(None)
        wanted = f"pip=={dict(stack.preferred(python.minor))['pip']}"
        lock = await packages.lock(LockRequest(requirements=(wanted,), python=python, stack=False), print)
        return next(iter((await packages.store.downloads.ensure(lock.wheels)).values()))

    return asyncio.run(fetched())


@pytest.fixture
def index(tmp_path: Path, pip: Path) -> Iterator[Index]:
    """An index of source archives on loopback."""
    (tmp_path / "index").mkdir()
    shutil.copy(pip, tmp_path / "index")
    with serve(tmp_path / "index") as running:
        yield running


@pytest.fixture
async def yard(index: Index) -> AsyncIterator[Yard]:
    """A place to build in that asks `index`, and may fetch from loopback."""
    made = Yard(index_url=index.simple, repositories=RepositorySettings(allowed_networks=(ip_network("127.0.0.0/8"),)))
    yield made
    made.close()


@pytest.fixture
async def base(yard: Yard) -> Base:
    """This machine."""
    return await yard.bases.host(None)


def module(yard: Yard, built: BuiltWheel) -> str:
    """Text of the one module in a wheel."""
    with zipfile.ZipFile(yard.packages.store.downloads.path(built.wheel)) as wheel:
        return wheel.read(f"{built.wheel.name}.py").decode()


async def build(yard: Yard, base: Base, **sources: tuple[str, ...]) -> tuple[BuiltWheel, ...]:
    """Build from the index or from git."""
    return await yard.sources().build(Sources(**sources), base, None, yard.say)


async def test_an_archive_of_the_index_becomes_a_wheel(yard: Yard, index: Index, base: Base) -> None:
    """In the newest version that is allowed; the second time nothing is built."""
    for version in ("1.0", "1.5", "2.0"):
        sdist(index.folder, version=version, module=f"X = {version!r}\n")
    (one,) = await build(yard, base, requirements=("odd<2",))
    assert (one.asked, module(yard, one)) == ("odd==1.5", "X = '1.5'\n")
    assert "Building odd 1.5 from source" in yard.log
    yard.said.clear()
    assert await build(yard, base, requirements=("odd==1.5",)) == (one,)
    assert yard.log == "A wheel of odd 1.5 was built before.\n"
    assert yard.leftovers() == []


async def test_where_there_are_no_sandboxes_it_is_said_before_one_is_tried(
    yard: Yard, index: Index, base: Base
) -> None:
    """As in an ordinary pod: the package is named, and why nothing can be built."""
    sdist(index.folder)
    yard.engine = FakeEngine(missing=EngineMissing("The filter forbids sandboxes."))  # type: ignore[assignment]
    with pytest.raises(EngineMissing, match=r"no ready-made package for odd 1.0.*The filter forbids sandboxes"):
        await build(yard, base, requirements=("odd",))
    assert "Building" not in yard.log and yard.leftovers() == []


async def test_what_a_build_does_stays_in_its_sandbox(
    yard: Yard, index: Index, base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It writes wherever it can and prints what it sees: nothing appears outside, and no secret is seen."""
    monkeypatch.setenv("HUBKILN_TEST_SECRET", "hidden-secret")
    (yard.data.root / "token").write_text("hidden-secret")
    marker = yard.folder / "marker"
    look = (
        f"print('ENV', dict(os.environ)); [print(p, os.path.exists(p)) for p in ({str(yard.data.root / 'token')!r}, "
        f"'/etc/shadow')]; os.system('touch {marker} /usr/marker /marker; cat {yard.data.root}/token')"
    )
    sdist(index.folder, extra=look)
    before = set(yard.folder.iterdir())
    await build(yard, base, requirements=("odd",))
    assert not marker.exists()
    assert not Path("/usr/marker").exists()
    assert not Path("/marker").exists()
    assert set(yard.folder.iterdir()) == before
    assert "hidden-secret" not in yard.log


async def test_the_indexs_password_is_not_given_to_builds(yard: Yard, index: Index, base: Base) -> None:
    """The archive is fetched with it, outside; the build's own requirements are asked for without."""
    sdist(index.folder, extra="print(dict(os.environ)); raise SystemExit(1)")
    yard.index_url = index.simple.replace("//", "//user:hidden-secret@")
    with pytest.raises(BuildFailed):
        await build(yard, base, requirements=("odd",))
    assert "PIP_INDEX_URL" in yard.log
    assert "hidden-secret" not in yard.log


async def test_a_failed_build_is_explained(yard: Yard, index: Index, base: Base) -> None:
    """By name and version, with what to add where; it leaves nothing and is tried again the next time."""
    sdist(
        index.folder,
        extra="print('odd.c:5:10: fatal error: libpq-fe.h: No such file or directory'); raise SystemExit(1)",
    )
    with pytest.raises(BuildFailed, match=r"Building odd 1\.0 from source failed: the header libpq-fe\.h") as raised:
        await build(yard, base, requirements=("odd",))
    assert raised.value.hint == "Add libpq-dev to apt.txt."
    assert yard.leftovers() == []
    assert [path.name for path in (yard.data.root / "built").glob("*") if path.name != "links"] == []


async def test_a_build_is_limited(yard: Yard, index: Index, base: Base) -> None:
    """In time; and without network where the admin says so."""
    sdist(index.folder, extra="import time; time.sleep(300)")
    yard.settings = StepSettings(seconds=4)
    with pytest.raises(BuildFailed, match="took longer than 4 s"):
        await build(yard, base, requirements=("odd",))
    sdist(index.folder, version="2.0", extra="print('ROUTES', len(open('/proc/net/route').readlines()))")
    yard.settings = StepSettings(reach=NOTHING)
    await build(yard, base, requirements=("odd==2.0",))
    assert "no network here" in yard.log


async def test_a_build_gets_what_it_requires_from_the_index_alone(yard: Yard, index: Index, base: Base) -> None:
    """Where builds may reach package indexes, pip finds the way; somebody else on the same machine is not reached."""
    yard.settings = StepSettings(reach=read_reach("packages"))
    make_wheel(index.folder, "needed", "1.0", files={"needed.py": "X = 1\n"})
    sdist(index.folder, needs="'needed'", extra="import needed")
    await build(yard, base, requirements=("odd",))
    assert index.wanted["/simple/needed/"] == 1
    other = "import urllib.request as ask; ask.urlopen('http://127.0.0.1:9/')"
    sdist(index.folder, version="2.0", extra=other)
    with pytest.raises(BuildFailed, match=r"builds may not reach 127\.0\.0\.1:9 here"):
        await build(yard, base, requirements=("odd==2.0",))


async def test_what_an_older_setuptools_builds_is_built_with_it(yard: Yard, index: Index, base: Base) -> None:
    """Where today's has no part that the source imports: said in the log, once, and not where the source forbids it."""
    make_wheel(index.folder, "setuptools", "81.0", files={"pkg_resources.py": "X = 1\n"})
    make_wheel(index.folder, "setuptools", "90.0", files={"other.py": ""})
    sdist(index.folder, needs="'setuptools'", extra="import pkg_resources")
    await build(yard, base, requirements=("odd",))
    assert yard.log.count("is built again with setuptools<82") == 1
    sdist(index.folder, version="2.0", needs="'setuptools>=83'", extra="import pkg_resources")
    with pytest.raises(BuildFailed, match=r"Building odd 2\.0 from source failed: it needs pkg_resources"):
        await build(yard, base, requirements=("odd==2.0",))
    sdist(index.folder, version="3.0", extra="import pkg_resources")
    with pytest.raises(BuildFailed, match=r"Building odd 3\.0 from source failed: it needs pkg_resources"):
        await build(yard, base, requirements=("odd==3.0",))
    assert yard.leftovers() == []


async def test_a_cancelled_build_leaves_nothing(yard: Yard, index: Index, base: Base) -> None:
    """Neither a file nor a half-made wheel."""
    started = asyncio.Event()
    sdist(index.folder, extra="import time; time.sleep(300)")

    def say(text: str) -> None:
        if "Processing" in text:
            started.set()

    job = asyncio.create_task(yard.sources().build(Sources(requirements=("odd",)), base, None, say))
    await started.wait()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert yard.leftovers() == []


async def test_a_wheel_that_is_a_link_is_not_taken(yard: Yard, index: Index, base: Base) -> None:
    """A build that leaves a link to a file of the host's instead of a wheel has made no wheel."""
    evil = "os.symlink('/etc/hostname', '/srv/wheels/evil-1.0-py3-none-any.whl'); os._exit(0)"
    sdist(index.folder, extra=evil)
    with pytest.raises(BuildFailed):
        await build(yard, base, requirements=("odd",))


async def test_what_the_index_does_not_have_is_named(yard: Yard, index: Index, base: Base) -> None:
    """No such package, no such version."""
    sdist(index.folder)
    with pytest.raises(LockFailed, match="no package named nonesuch"):
        await build(yard, base, requirements=("nonesuch",))
    with pytest.raises(LockFailed, match="no source of odd>3"):
        await build(yard, base, requirements=("odd>3",))


def commit(server: GitServer, files: dict[str, str]) -> str:
    """Make a commit with `files` in the folder ``pkg`` of the repository ``demo``."""
    return make_repository(server.root / "demo.git", {f"pkg/{name}": text for name, text in files.items()})


async def test_a_repository_of_git_becomes_a_wheel(yard: Yard, base: Base, tmp_path: Path) -> None:
    """At the commit its ref means now, from a folder in it, with its extras; a new commit is a new wheel."""
    with GitServer(tmp_path / "git") as server:
        commit(server, project(module="X = 1\n"))
        line = f"odd[fast] @ git+{server.url('demo.git')}@main#subdirectory=pkg"
        (one,) = await build(yard, base, direct=(line,))
        assert (one.asked, module(yard, one)) == ("odd[fast]==1.0", "X = 1\n")
        commit(server, project(module="X = 2\n"))
        (two,) = await build(yard, base, direct=(line,))
        assert module(yard, two) == "X = 2\n"
        assert await build(yard, base, direct=(f"{line} ; python_version < '3'",)) == ()
        with pytest.raises(BuildFailed, match="calls itself odd"):
            await build(yard, base, direct=(f"other @ git+{server.url('demo.git')}#subdirectory=pkg",))


DESCRIBED = """\
global VERSION
    import subprocess
    said = subprocess.run(["git", "describe", "--tags", "--long", "--dirty"], capture_output=True, text=True)
    tag, far, _ = (said.stdout.strip() or "v0-0-none").rsplit("-", 2)
    VERSION = tag.removeprefix("v") + (f".post{far}" if far != "0" else "")"""
"""Makes the version of what git says."""


async def test_a_version_made_of_gits_tags_is_right(yard: Yard, base: Base, tmp_path: Path) -> None:
    """From git at a tag, after it, and once it is tagged later; from the repository itself too."""
    files = project(extra=DESCRIBED) | {"setup.cfg": "[versioneer]\n"}
    with GitServer(tmp_path / "git") as server:
        make_repository(server.root / "demo.git", files, tags=("v2.5.0",))
        (tagged,) = await build(yard, base, direct=(f"odd @ git+{server.url('demo.git')}@v2.5.0",))
        add_commit(server.root / "demo.git", {"more.txt": ""})
        (after,) = await build(yard, base, direct=(f"odd @ git+{server.url('demo.git')}@main",))
        git("tag", "v2.6.0", "main", cwd=server.root / "demo.git")
        (later,) = await build(yard, base, direct=(f"odd @ git+{server.url('demo.git')}@main",))
        assert [one.wheel.version for one in (tagged, after, later)] == ["2.5.0", "2.5.0.post1", "2.6.0"]
        repositories = Repositories(yard.repositories)
        revision = await repositories.resolve(repositories.parse(server.url("demo.git"), "v2.5.0"))
        content = await yard.contents.ensure(revision, yard.say)
        content = await yard.contents.with_history(revision, content, ["setup.cfg"], yard.say)
        (own,) = await yard.sources().build(Sources(local=(".",)), base, content.for_builds, yard.say)
        assert own.wheel.version == "2.5.0"


async def test_git_addresses_go_through_the_guard(yard: Yard, base: Base) -> None:
    """A loopback address is refused where the admin has not allowed it."""
    yard.repositories = RepositorySettings()
    with pytest.raises(Refused):
        await build(yard, base, direct=("odd @ git+http://127.0.0.1:9/demo.git",))


async def test_archives_at_an_address_are_fetched(yard: Yard, index: Index, base: Base) -> None:
    """A wheel as it is, a source archive built, both as they are now; a hash in the address is checked."""
    wheel = make_wheel(index.folder, "ready")
    archive = sdist(index.folder, module="X = 1\n")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    lines = (
        f"ready @ {index.url}/files/{wheel.name}",
        f"{index.url}/files/{archive.name}#egg=odd[fast]&sha256={digest}",
    )
    ready, odd = await build(yard, base, direct=lines)
    assert (ready.asked, ready.wheel.filename) == (f"ready=={ready.wheel.version}", wheel.name)
    assert (odd.asked, module(yard, odd)) == ("odd[fast]==1.0", "X = 1\n")
    assert "Building ready" not in yard.log
    sdist(index.folder, module="X = 2\n")
    with pytest.raises(LockFailed, match="not the file whose hash"):
        await build(yard, base, direct=lines)
    (changed,) = await build(yard, base, direct=(f"odd @ {index.url}/files/{archive.name}",))
    assert module(yard, changed) == "X = 2\n"
    assert yard.leftovers() == []


@pytest.mark.parametrize(("path", "error"), [("files/missing-1.0.tar.gz", NotFound), ("files/odd-1.0.tar.gz", Refused)])
async def test_what_an_address_answers_is_told(
    yard: Yard, index: Index, base: Base, path: str, error: type[Exception]
) -> None:
    """Nothing there; an address inside that the admin has not allowed."""
    sdist(index.folder)
    if error is Refused:
        yard.repositories = RepositorySettings()
    with pytest.raises(error):
        await build(yard, base, direct=(f"odd @ {index.url}/{path}",))
    assert yard.leftovers() == []


async def test_the_repositorys_own_package_becomes_a_wheel(yard: Yard, base: Base) -> None:
    """Built from a copy, so the content stays as it was; an editable one and one in a folder too."""
    files = project(extra="open('made-by-build', 'w').close()") | {
        f"pkg/{name}": text for name, text in project("inner").items()
    }
    content = yard.content(files)
    before = sorted(path.name for path in content.path.rglob("*"))
    sources = Sources(local=(".", "-e ./pkg'[test]'"))
    one, two = await yard.sources().build(sources, base, content, yard.say)
    assert (one.asked, two.asked) == ("odd==1.0", "inner[test]==1.0")
    assert sorted(path.name for path in content.path.rglob("*")) == before
    below = replace(content, root=content.path / "pkg")
    (three,) = await yard.sources().build(Sources(local=(".",)), base, below, yard.say)
    assert three.wheel == two.wheel


async def test_a_lock_builds_what_it_lacks(yard: Yard, index: Index, base: Base) -> None:
    """A package that has only source, and one that it requires, become part of the lock as wheels."""
    sdist(index.folder, "odd", requires="Requires-Dist: deeper>=1\\n")
    sdist(index.folder, "deeper", "1.2")
    request = LockRequest(requirements=("odd",), python=base.interpreter, stack=False)
    with pytest.raises(NeedsBuilding):
        await yard.packages.lock(replace(request, allow_sdists=True), yard.say)
    lock = await yard.sources().lock(request, base, (), yard.say)
    assert [(wheel.name, wheel.version) for wheel in lock.wheels] == [("deeper", "1.2"), ("odd", "1.0")]
    environment = await yard.packages.environment(lock, base.interpreter, yard.say)
    site = environment.path / f"lib/python{base.interpreter.minor}/site-packages"
    assert (site / "odd.py").is_file() and (site / "deeper.py").is_file()


async def test_a_lock_builds_the_version_that_is_pinned(yard: Yard, index: Index, base: Base) -> None:
    """Also where the pin is a constraint, as those of a `poetry.lock` are, and the index has a newer source."""
    for version in ("1.0", "2.0"):
        sdist(index.folder, "odd", version, requires="Requires-Dist: deeper\\n")
        sdist(index.folder, "deeper", version)
    pins = ("odd==1.0", "deeper==1.0", "odd==0.1 ; python_version < '3'")
    request = LockRequest(requirements=("odd",), constraints=pins, python=base.interpreter, stack=False)
    lock = await yard.sources().lock(request, base, (), yard.say)
    assert [(wheel.name, wheel.version) for wheel in lock.wheels] == [("deeper", "1.0"), ("odd", "1.0")]


async def test_hashes_that_a_repository_lists_hold_for_sources_too(yard: Yard, index: Index, base: Base) -> None:
    """A file that is not among them is not built."""
    path = sdist(index.folder)
    right = hashlib.sha256(path.read_bytes()).hexdigest()
    request = LockRequest(requirements=("odd",), python=base.interpreter, stack=False)
    with pytest.raises(LockFailed, match="hash the repository lists"):
        wrong = replace(request, hashes=(("odd", ("0" * 64,)),))
        await yard.sources().lock(wrong, base, (), yard.say)
    assert "Building" not in yard.log
    lock = await yard.sources().lock(replace(request, hashes=(("odd", (right,)),)), base, (), yard.say)
    assert [wheel.name for wheel in lock.wheels] == ["odd"]


async def test_builders_that_race_agree(yard: Yard, index: Index, base: Base) -> None:
    """Two that know nothing of each other; the first result counts for both."""
    sdist(index.folder, extra="NOW = os.urandom(4).hex()", module="X = 1\n")
    one, two = await asyncio.gather(*(build(yard, base, requirements=("odd",)) for _ in range(2)))
    assert one == two
    assert yard.leftovers() == []
