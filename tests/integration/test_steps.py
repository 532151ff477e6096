"""postBuild in a real sandbox over this machine's own system: what it changes is kept, and nothing else happens."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from step_yard import Yard, recipe

from hubkiln.composer.bases.interface import Base
from hubkiln.composer.steps.interface import StepLayer
from hubkiln.composer.steps.room import step_room
from hubkiln.composer.steps.settings import StepSettings
from hubkiln.content.store import Content
from hubkiln.conventions import HOME
from hubkiln.egress.allowed import NOTHING
from hubkiln.errors import BuildFailed, TooLarge, Unsupported
from hubkiln.local_images.interface import LocalImage
from hubkiln.packages.interface import EnvironmentOnDisk
from hubkiln.sandbox.cgroups import detect
from hubkiln.values import PREFIX, REPO_DIR

pytestmark = pytest.mark.sandbox


@dataclass
class Site:
    """A yard with an environment on the host's base."""

    yard: Yard
    base: Base
    environment: EnvironmentOnDisk

    async def run(self, script: str, *, files: dict[str, str] | None = None) -> tuple[Content, StepLayer]:
        """Run `script` as postBuild; what it changed."""
        content = self.yard.content({"postBuild": script, "notes.txt": "old\n", **(files or {})})
        asked = recipe(post_build="postBuild", env=(("GREETING", "hello"),))
        layers = await self.yard.steps().run(asked, self.base, self.environment, content, self.yard.say)
        assert len(layers) == 1
        return content, layers[0]

    async def look(self, content: Content, layer: StepLayer, script: str) -> str:
        """What `script` prints in a room over all of it."""
        image = LocalImage(
            name="look",
            environment=self.environment.key,
            content=content.key,
            python_roots=tuple(str(root) for root in self.base.interpreter.roots),
        )
        work = self.yard.folder / "look"
        room = step_room(self.yard.data, image, (layer,), work, StepSettings(), name="look")
        outcome = await self.yard.engine.run(replace(room, cwd=f"/{REPO_DIR}"), ["sh", "-ec", script])
        assert outcome.code == 0, outcome.output
        return outcome.output


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """A new one."""
    yard = Yard()
    base = await yard.bases.host(None)
    yield Site(yard, base, await yard.environment(base))
    yard.close()


def tree_of(site: Site, content: Content, layer: StepLayer) -> dict[str, str]:
    """Paths of the image layer with what they hold, links and folders marked."""
    tree = site.yard.steps().entries(layer, (), site.base, site.environment, content)
    return {
        entry.path: entry.link or (entry.source.read_text() if isinstance(entry.source, Path) else "")
        for entry in tree
        if entry.source is not None or entry.link is not None
    }


async def test_what_it_writes_is_kept_where_it_wrote_it(site: Site) -> None:
    """Environment, repository and home, each as a folder to be stacked; the stores themselves stay as they were."""
    content, layer = await site.run(
        f"#!/bin/sh\nset -e\necho made > made.txt\necho new > notes.txt\necho mine > ~/mine\n"
        f"echo $GREETING > /{PREFIX}/greeting\npwd; id -un; test $REPO_DIR = /{REPO_DIR}; which python\n"
    )
    assert f"/{REPO_DIR}\njovyan\n/{PREFIX}/bin/python\n" in site.yard.log
    assert {target for target, _ in layer.places} == {f"/{PREFIX}", f"/{REPO_DIR}", HOME}
    seen = await site.look(content, layer, f"cat made.txt notes.txt ~/mine /{PREFIX}/greeting")
    assert seen == "made\nnew\nmine\nhello\n"
    assert (content.path / "notes.txt").read_text() == "old\n"
    assert not (site.environment.path / "greeting").exists()
    assert tree_of(site, content, layer) | {f"{REPO_DIR}/postBuild": ""} == {
        f"{PREFIX}/greeting": "hello\n",
        f"{REPO_DIR}/made.txt": "made\n",
        f"{REPO_DIR}/notes.txt": "new\n",
        f"{REPO_DIR}/postBuild": "",
        f"{HOME[1:]}/mine": "mine\n",
        "srv/home/mine": "mine\n",
    }
    assert site.yard.leftovers() == []


async def test_the_layer_belongs_to_the_user(site: Site) -> None:
    """In an image everything it wrote has uid 1000, so that the user can change it."""
    content, layer = await site.run("#!/bin/sh\nmkdir -p data\ntouch data/x ~/y\n")
    tree = site.yard.steps().entries(layer, (), site.base, site.environment, content)
    owners = {entry.path: entry.uid for entry in tree}
    assert owners[f"{REPO_DIR}/data/x"] == owners[f"{HOME[1:]}/y"] == owners[REPO_DIR] == 1000
    assert owners["srv/home"] == owners["srv/home/y"] == 1000
    assert owners["srv"] == owners["home"] == 0


async def test_deleted_and_replaced_folders_stay_so(site: Site) -> None:
    """A file of the environment that it deletes is a whiteout; a folder made anew shows nothing of the old one."""
    package = f"/{PREFIX}/lib/python{site.base.interpreter.minor}/site-packages/tiny"
    content, layer = await site.run(
        f"#!/bin/sh\nset -e\nrm {package}/__init__.py\nrm -r {package}/data\nmkdir {package}/data\n"
        f"echo c > {package}/data/c.txt\nrm notes.txt\n"
    )
    assert await site.look(content, layer, f"ls {package}/data; ls; ls {package}") == "c.txt\npostBuild\ndata\n"
    paths = set(tree_of(site, content, layer))
    assert f"{package[1:]}/.wh.__init__.py" in paths
    assert f"{package[1:]}/data/.wh.a.txt" in paths
    assert f"{REPO_DIR}/.wh.notes.txt" in paths
    assert (site.environment.path / package.removeprefix(f"/{PREFIX}/") / "data/a.txt").exists()


async def test_it_runs_once(site: Site) -> None:
    """The same over the same is there already, also for a builder that knows nothing of the first."""
    script = "#!/bin/sh\ndate +%N > when\n"
    content, first = await site.run(script)
    before = await site.look(content, first, "cat when")
    _, second = await site.run(script)
    assert second == first
    assert await site.look(content, second, "cat when") == before
    assert "was run before" in site.yard.log
    _, other = await site.run(script, files={"other.txt": "x"})
    assert other.key != first.key


async def test_builders_that_race_get_the_same(site: Site) -> None:
    """Two with nothing in common but the disk: both end well, and agree."""
    script = "#!/bin/sh\ndate +%N > when\n"
    (_, one), (_, two) = await asyncio.gather(site.run(script), site.run(script))
    assert one == two
    assert site.yard.leftovers() == []


async def test_nothing_changed_is_a_layer_without_places(site: Site) -> None:
    """Only postBuild's own permission bit, if it lacks one, is a change."""
    content = site.yard.content({"postBuild": "#!/bin/sh\n:\n"})
    (content.path / "postBuild").chmod(0o755)
    layers = await site.yard.steps().run(
        recipe(post_build="postBuild"), site.base, site.environment, content, site.yard.say
    )
    assert all(not list(Path(site.yard.data.steps / folder).rglob("[!p]*")) for _, folder in layers[0].places)


async def test_a_script_without_a_first_line_runs_in_a_shell(site: Site) -> None:
    """As it does for repo2docker, whose shell falls back to itself."""
    content, layer = await site.run("echo plain > made.txt\n")
    assert await site.look(content, layer, "cat made.txt") == "plain\n"


async def test_a_script_from_windows_runs_all_the_same(site: Site) -> None:
    """Its line ends and its mark count for nothing; it finds its own folder, and its end is the step's."""
    content, layer = await site.run('\ufeff#!/bin/bash\r\nset -e\r\ncd "$(dirname "$0")"\r\necho a > made.txt\r\n')
    assert await site.look(content, layer, "cat made.txt; ls -A | grep -c post") == "a\n1\n"
    with pytest.raises(BuildFailed, match="`postBuild` ended with exit code 3"):
        await site.run("#!/bin/bash\r\nexit 3\r\n")


async def test_a_failure_is_explained_and_leaves_nothing(site: Site) -> None:
    """The sentence says what is missing; the next try runs it again."""
    with pytest.raises(BuildFailed, match="`postBuild` failed: it needs the program gfortran") as raised:
        await site.run(
            "#!/bin/bash\necho x > made.txt\necho './postBuild: line 3: gfortran: command not found'\nexit 127\n"
        )
    assert "apt.txt" in raised.value.hint
    assert site.yard.leftovers() == []
    assert [path.name for path in site.yard.data.steps.iterdir() if path.name != "empty"] == []


async def test_a_cancelled_step_is_over_for_good(site: Site) -> None:
    """No process of it goes on, no file of it stays."""
    token = f"sleep-{os.getpid()}"
    started = asyncio.Event()

    def say(text: str) -> None:
        if "now" in text:
            started.set()

    sleeping = f"exec -a {token} sleep 300"
    script = f"#!/bin/bash\necho x > made.txt\n({sleeping}) &\nsetsid bash -c '{sleeping}' &\necho now\nwait\n"
    content = site.yard.content({"postBuild": script})
    steps = site.yard.steps()
    job = asyncio.create_task(steps.run(recipe(post_build="postBuild"), site.base, site.environment, content, say))
    await started.wait()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    await gone(token)
    assert site.yard.leftovers() == []


async def gone(token: str) -> None:
    """Return when no process is called `token`: the kernel ends nobody at once; the test's time-out says otherwise."""
    while running(token):  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def running(token: str) -> list[str]:
    """Processes that are called `token`."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().startswith(token.encode()):
                found.append(path.parent.name)
        except OSError:
            continue
    return found


async def test_limits_are_kept(site: Site) -> None:
    """Time and disk; each is named, and nothing stays."""
    site.yard.settings = StepSettings(seconds=1)
    with pytest.raises(BuildFailed, match="longer than 1 s"):
        await site.run("#!/bin/sh\nsleep 100\n")
    site.yard.settings = StepSettings(disk_bytes=1024**2)
    with pytest.raises(TooLarge, match="1 MiB"):
        await site.run("#!/bin/sh\nwhile :; do head -c 1000000 /dev/urandom >> ~/x; sleep 0.01; done\n")
    assert site.yard.leftovers() == []


@pytest.mark.skipif(not detect().parents.get("memory"), reason="no control group for memory can be made here")
async def test_more_memory_than_allowed_is_named(site: Site) -> None:
    """The kernel ends what asks for too much, and the error gives the limit."""
    site.yard.settings = StepSettings(memory_bytes=64 * 1024**2)
    with pytest.raises(BuildFailed, match=r"`postBuild` ran out of memory \(limit 64 MiB\)"):
        await site.run("#!/usr/bin/env python3\nx = bytearray(200 * 1024**2)\n")
    assert site.yard.leftovers() == []


@pytest.mark.skipif(
    os.geteuid() == 0 and not detect().parents.get("pids"), reason="no control group for processes can be made here"
)
async def test_more_processes_than_allowed_are_named(site: Site) -> None:
    """Those that are there go on, no more are made, and none is left at the end."""
    mark = f"9{os.getpid():07}"  # seconds, which no other run of these tests has
    site.yard.settings = StepSettings(processes=20, seconds=300)
    with pytest.raises(BuildFailed, match="started more processes than builds may have"):
        await site.run(
            f"#!/usr/bin/env python3\nimport subprocess\nfor _ in range(100): subprocess.Popen(['sleep', '{mark}'])\n"
        )
    await gone(f"sleep\x00{mark}")
    assert site.yard.leftovers() == []


async def test_without_network_it_says_so(site: Site) -> None:
    """Where the admin switched it off, the sandbox has none, and the failure says whose decision that is."""
    site.yard.settings = StepSettings(reach=NOTHING)
    script = (
        "#!/bin/sh\nls /sys/class/net 2>/dev/null; cat /proc/net/route | wc -l\n"
        "echo 'curl: (6) Could not resolve host: example.org'; exit 6\n"
    )
    with pytest.raises(BuildFailed, match="could not reach the network") as raised:
        await site.run(script)
    assert "admin" in raised.value.hint
    assert "\n1\n" in f"\n{site.yard.log}"


async def test_secrets_and_the_host_are_not_there(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of ours, no folder of the data directory, no file of the host but what programs need."""
    monkeypatch.setenv("HUBKILN_TEST_SECRET", "hidden-secret")
    monkeypatch.setenv("HTTPS_PROXY", "http://user:hidden-secret@proxy.invalid:3128")
    secret = site.yard.data.root / "secret.txt"
    secret.write_text("hidden-secret")
    look = f"ls {site.yard.data.root} {site.yard.folder} /var /home 2>&1"
    await site.run(f"#!/bin/sh\nenv\n{look}\ntouch {site.yard.folder}/marker\ntrue\n")
    assert "hidden-secret" not in site.yard.log
    assert "secret.txt" not in site.yard.log
    assert not (site.yard.folder / "marker").exists()


async def test_apt_over_the_hosts_own_system_is_refused(site: Site) -> None:
    """With the command that makes it possible."""
    content = site.yard.content({})
    with pytest.raises(Unsupported, match="base image") as raised:
        await site.yard.steps().run(recipe(apt=("hello",)), site.base, site.environment, content, site.yard.say)
    assert "hubkiln base build" in raised.value.hint


async def test_what_is_kept_cannot_be_changed_by_running_it(site: Site) -> None:
    """A later room writes over it, not into it."""
    content, layer = await site.run("#!/bin/sh\necho one > made.txt\n")
    await site.look(content, layer, "echo two > made.txt; rm notes.txt")
    folder = dict(layer.places)[f"/{REPO_DIR}"]
    assert (site.yard.data.steps / folder / "made.txt").read_text() == "one\n"
    assert stat.S_ISREG((content.path / "notes.txt").lstat().st_mode)


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
async def test_what_repo2docker_has_is_not_missed_in_silence(site: Site, shell: str) -> None:
    """A script that goes on without conda fails, named with its line; the next build tries it again."""
    script = f"#!{shell}\ncalled=micromamba; $called install -y scipy\necho done\n"  # which nobody saw coming
    for _ in range(2):
        with pytest.raises(BuildFailed, match=r"`postBuild` calls `micromamba` in line 2, .*goes on without"):
            await site.run(script)
    assert site.yard.leftovers() == []


async def test_other_commands_that_are_missing_are_said(site: Site) -> None:
    """As in repo2docker the build goes on; the log says what was not done. A script that looks first is quiet."""
    await site.run("#!/bin/bash\nfrobnicate --all\ncalled=conda; command -v $called && $called install x\necho done\n")
    assert "Note: `postBuild` calls `frobnicate` in line 2, which is not there" in site.yard.log
    assert "calls `conda`" not in site.yard.log
