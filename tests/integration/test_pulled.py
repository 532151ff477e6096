"""Images that others made: from a real registry onto this disk and into a sandbox, as engines would show them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from shutil import rmtree

import pytest
import tiny_root
from others_images import Files, OthersImage, push_index
from sandbox_user import open_folder

from hubkiln import processes
from hubkiln.data_dir import DataDir
from hubkiln.engines import sandbox_engine
from hubkiln.errors import HubkilnError, NotFound, Refused, Unreachable, Unsupported
from hubkiln.images.clients import Clients, clients
from hubkiln.images.registry import RegistryClient
from hubkiln.images.retrying import Backoff
from hubkiln.local_images.interface import LocalImage
from hubkiln.local_images.pull import Pulled
from hubkiln.local_images.running import Runs
from hubkiln.local_images.server_check import ServerChecks
from hubkiln.sandbox.engine import SandboxEngine
from hubkiln.sandbox.tools import bring
from hubkiln.testing.docker_registry import DockerRegistry, installed

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.registry,
    pytest.mark.skipif(not installed(), reason="docker-registry is not installed"),
    pytest.mark.skipif(not tiny_root.works_here(), reason="this machine's programs make no image"),
]

DEFAULT = clients([ip_network("127.0.0.0/8")])
"""As the service asks, with loopback allowed."""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    """A registry for all tests; each has names of its own."""
    with DockerRegistry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture
def data() -> Iterator[DataDir]:
    """A data folder for one test, at a short path."""
    folder = open_folder()
    yield DataDir(folder / "data").make()
    rmtree(folder, ignore_errors=True)


@pytest.fixture
def engine(data: DataDir) -> SandboxEngine:
    """The engine of the data folder."""
    return sandbox_engine(data)


class Pull:
    """Pulls and runs, and keeps what was said."""

    def __init__(self, data: DataDir, engine: SandboxEngine, ask: Clients = DEFAULT) -> None:
        self.data, self.engine = data, engine
        self.said: list[str] = []
        self.moved: list[tuple[int, int]] = []
        self.pulled = Pulled(data, engine, ask)

    async def __call__(self, reference: str) -> LocalImage:
        """The image."""
        return (await self.pulled.pull(reference, self.said.append, lambda *moved: self.moved.append(moved)))[1]

    async def run(self, image: LocalImage, *argv: str, code: int = 0) -> str:
        """What `argv` prints in `image`."""
        printed: list[str] = []
        assert await Runs(self.data.rooms, self.engine)(image, argv, printed.append) == code, printed
        return "".join(printed)

    async def server(self, reference: str) -> LocalImage:
        """The image as a hub would start it."""
        local, image = await self.pulled.pull(reference, self.said.append, lambda *_: None)
        return await ServerChecks(self.data, Runs(self.data.rooms, self.engine)).ready(local, image, self.said.append)


@pytest.fixture
def pull(data: DataDir, engine: SandboxEngine) -> Pull:
    """As the service does it, with loopback allowed."""
    return Pull(data, engine)


def base() -> bytes:
    """A shell and a few programs."""
    return tiny_root.layer()


async def test_layers_show_what_an_engine_would_show(registry: DockerRegistry, pull: Pull) -> None:
    """Whiteouts delete, opaque folders hide, links keep their targets, owners and modes stay, later layers win."""
    lower = (
        Files()
        .folder("data")
        .file("data/old", "old")
        .file("data/kept", "kept")
        .folder("hidden")
        .file("hidden/below", "x")
        .folder("real")
        .link("alias", "real")
        .file("tool", "tool", mode=0o4755)
        .file("theirs", "theirs", owner=1000)
        .file("root", "root", mode=0o600)
    )
    upper = (
        Files()
        .gone("data/old")
        .folder("hidden")
        .opaque("hidden")
        .file("hidden/above", "y")
        .file("alias/through", "through the link")
        .hard_link("data/second", "data/kept")
        .gone("etc/doomed")
    )
    reference = f"{registry.host}/layers:1"
    await OthersImage([base(), lower.done(), upper.done()]).push(reference)
    image = await pull(reference)
    assert (await pull.run(image, "ls", "/data", "/hidden", "/real")).split() == (
        ["/data:", "kept", "second", "/hidden:", "above", "/real:", "through"]
    )
    assert await pull.run(image, "cat", "/data/second", "/alias/through", "/etc/note") == (
        "keptthrough the linkfrom the image\n"
    )
    listed = (await pull.run(image, "stat", "-c", "%a %u", "/tool", "/theirs", "/root", "/alias/through")).split("\n")
    if pull.engine.identity.privileged:
        assert listed[1:3] == ["644 1000", "600 0"]
        assert "denied" in await pull.run(image, "cat", "/root", code=1)
    assert not listed[0].startswith("4"), "nobody becomes somebody else by a file's mode"
    assert "No such file" in await pull.run(image, "cat", "/etc/doomed", code=1)


async def test_what_is_written_stays_in_the_room(registry: DockerRegistry, pull: Pull) -> None:
    """The next run finds the image as it was."""
    reference = f"{registry.host}/write:1"
    await OthersImage([base(), Files().folder("open", 0o777).file("open/a", "1", 0o666).done()]).push(reference)
    image = await pull(reference)
    assert await pull.run(image, "sh", "-c", "echo 2 > /open/a; cat /open/a") == "2\n"
    assert await pull.run(image, "cat", "/open/a") == "1"


async def test_only_what_is_missing_is_fetched_and_unpacked(registry: DockerRegistry, pull: Pull) -> None:
    """The second image with the same layers below moves only its own; the same image again moves nothing."""
    one, two = (Files().file("which", str(number)).done() for number in (1, 2))
    await OthersImage([base(), one]).push(f"{registry.host}/share:1")
    await OthersImage([base(), two]).push(f"{registry.host}/share:2")
    first = await pull(f"{registry.host}/share:1")
    assert pull.moved[-1][0] == pull.moved[-1][1] > 100_000
    pull.moved.clear()
    second = await pull(f"{registry.host}/share:2")
    assert pull.moved[-1][1] < 1000
    assert first.rootfs[0] == second.rootfs[0] and first.rootfs[1] != second.rootfs[1]
    pull.moved.clear()
    pull.said.clear()
    assert await pull(f"{registry.host}/share:1") == first
    assert pull.moved == [] and not any("Unpacking" in line for line in pull.said)
    assert list(pull.data.work.glob("layer-*")) == []


async def test_a_tag_that_moved_is_followed(registry: DockerRegistry, pull: Pull) -> None:
    """A tag is asked again each time; a digest stays what it was."""
    reference = f"{registry.host}/moving:1"
    before = await OthersImage([base(), Files().file("which", "1").done()]).push(reference)
    assert await pull.run(await pull(reference), "cat", "/which") == "1"
    await OthersImage([base(), Files().file("which", "2").done()]).push(reference)
    assert await pull.run(await pull(reference), "cat", "/which") == "2"
    assert await pull.run(await pull(f"{registry.host}/moving@{before}"), "cat", "/which") == "1"


async def test_a_silent_registry_leaves_what_is_here(tmp_path: Path, data: DataDir, engine: SandboxEngine) -> None:
    """Cannot tell: what is here is used, and that is said; nothing here: it is the registry that does not answer."""
    pull = Pull(data, engine, lambda: RegistryClient(backoff=Backoff(attempts=1)))
    with DockerRegistry(tmp_path / "gone") as registry:
        reference = f"{registry.host}/here:1"
        await OthersImage([base()]).push(reference)
        image = await pull(reference)
    assert await pull(reference) == image
    assert "that is already here is used" in pull.said[-1]
    with pytest.raises(Unreachable):
        await pull(f"{registry.host}/never:1")


async def test_no_such_image_is_no_image(registry: DockerRegistry, pull: Pull) -> None:
    """Absent is absent, with what to check."""
    with pytest.raises(NotFound, match=r"has no nothing \(7\)"):
        await pull(f"{registry.host}/nothing:7")
    with pytest.raises(NotFound, match="in any registry"):
        await pull("hubkiln.local/x@sha256:" + "0" * 64)


async def test_the_image_for_this_machine_is_taken(registry: DockerRegistry, pull: Pull) -> None:
    """Of an index, ours; another machine's alone is refused in words, before its layers are fetched."""
    ours, theirs = (OthersImage([base(), Files().file("which", which).done()]) for which in ("ours", "theirs"))
    await push_index(f"{registry.host}/many:1", {"arm64": theirs, "amd64": ours})
    assert await pull.run(await pull(f"{registry.host}/many:1"), "cat", "/which") == "ours"
    with pytest.raises(Unsupported, match="linux/arm64, and this machine is linux/amd64"):
        await pull(f"{registry.host}/many:1-arm64")
    await push_index(f"{registry.host}/foreign:1", {"arm64": OthersImage([base()])})
    with pytest.raises(NotFound, match="no image for linux/amd64") as refused:
        await pull(f"{registry.host}/foreign:1")
    assert "linux/arm64" in refused.value.hint


@pytest.mark.parametrize(
    ("layer", "about"),
    [
        (Files().file("../escape", "x").done(), "unsafe path"),
        (Files().hard_link("a", "../../etc/passwd").done(), "unsafe path"),
        (Files().hard_link("a", "nothing").done(), "not there"),
        (b"no tar at all" * 100, "damaged"),
    ],
)
async def test_bad_layers_are_refused_and_leave_nothing(
    registry: DockerRegistry, pull: Pull, layer: bytes, about: str
) -> None:
    """In words; no folder stays, finished or not."""
    reference = f"{registry.host}/bad:{abs(hash(layer))}"
    await OthersImage([layer]).push(reference)
    with pytest.raises(Unsupported, match=about):
        await pull(reference)
    assert list((pull.data.images / "layers").glob("*")) == [] and list(pull.data.work.glob("layer-*")) == []


async def test_links_lead_nowhere_but_into_the_image(registry: DockerRegistry, pull: Pull) -> None:
    """Through absolute links and links upwards, a later layer writes inside its own folder."""
    outside = pull.data.root.parent / "outside"
    outside.mkdir()
    lower = Files().link("way", str(outside)).link("up", "../../../../../../tmp").folder("loop").link("loop/a", "a")
    upper = Files().file("way/evil", "x").file("up/evil2", "x")
    reference = f"{registry.host}/links:1"
    await OthersImage([base(), lower.done(), upper.done()]).push(reference)
    image = await pull(reference)
    assert list(outside.iterdir()) == [] and not Path("/tmp/evil2").exists()
    top = pull.data.images / "layers" / image.rootfs[-1]
    assert (top / f"{outside}/evil".lstrip("/")).read_text() == (top / "tmp/evil2").read_text() == "x"


async def test_a_layer_that_is_not_the_one_promised_is_refused(registry: DockerRegistry, pull: Pull) -> None:
    """The configuration names layers by their uncompressed digest; that is checked, not believed."""
    reference = f"{registry.host}/lie:1"
    await OthersImage([base()], diff_ids=["sha256:" + "1" * 64]).push(reference)
    with pytest.raises(Unsupported, match="not the one that its configuration names"):
        await pull(reference)
    assert list((pull.data.images / "layers").glob("*")) == []


async def test_what_is_no_image_is_refused(registry: DockerRegistry, pull: Pull) -> None:
    """Encrypted layers, artefacts, and images without any file."""
    await OthersImage([base()], layer_type="application/vnd.oci.image.layer.v1.tar+gzip+encrypted").push(
        f"{registry.host}/secret:1"
    )
    with pytest.raises(Unsupported, match="encrypted"):
        await pull(f"{registry.host}/secret:1")
    await OthersImage([base()], layer_type="application/vnd.cncf.helm.chart").push(f"{registry.host}/chart:1")
    with pytest.raises(Unsupported, match="helm"):
        await pull(f"{registry.host}/chart:1")
    await OthersImage([]).push(f"{registry.host}/empty:1")
    with pytest.raises(Unsupported, match="holds no files"):
        await pull(f"{registry.host}/empty:1")


async def test_more_layers_than_can_be_stacked_are_joined(registry: DockerRegistry, pull: Pull) -> None:
    """A hundred layers run as well, with their deletions."""
    layers = [Files().file(f"n{number}", str(number)).gone(f"n{number - 3}").done() for number in range(3, 103)]
    reference = f"{registry.host}/tall:1"
    await OthersImage([base(), *layers]).push(reference)
    image = await pull(reference)
    assert len(image.rootfs) == 1
    assert await pull.run(image, "sh", "-c", "echo /n*") == "/n100 /n101 /n102\n"


async def test_private_addresses_are_for_the_admin_to_allow(registry: DockerRegistry, data: DataDir) -> None:
    """The service asks no registry inside the network unless told; a person on the command line may."""
    await OthersImage([base()]).push(f"{registry.host}/inside:1")
    pulled = Pulled(data, sandbox_engine(data), clients([]))
    with pytest.raises(Refused, match="inside this network"):
        await pulled.pull(f"{registry.host}/inside:1", lambda _: None, lambda *_: None)
    assert not data.layers.joinpath("index.json").exists()


async def test_two_who_want_the_same_fetch_it_once(registry: DockerRegistry, pull: Pull) -> None:
    """And both get it."""
    reference = f"{registry.host}/both:1"
    await OthersImage([base()]).push(reference)
    one, two = await asyncio.gather(pull(reference), pull(reference))
    assert one == two
    assert sum("Unpacking" in line for line in pull.said) == 1


async def test_two_processes_may_race(registry: DockerRegistry, data: DataDir) -> None:
    """Neither harms the other's layers."""
    reference = f"{registry.host}/race:1"
    await OthersImage([base(), Files().file("which", "1").done()]).push(reference)
    command = [sys.executable, "-m", "hubkiln", "pull", "--data-dir", str(data.root), reference]
    one, two = await asyncio.gather(processes.run(command, env=os.environ), processes.run(command, env=os.environ))
    assert (one.code, two.code) == (0, 0), (one.output, two.output)
    assert one.output.splitlines()[-1] == two.output.splitlines()[-1]
    assert list(data.work.glob("layer-*")) == []


def hubkiln(data: DataDir, *words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """The command line."""
    return subprocess.run(
        [sys.executable, "-m", "hubkiln", *words[:1], "--data-dir", str(data.root), *words[1:]],
        capture_output=True,
        text=True,
        timeout=280,
        env=os.environ | (env or {}),
    )


async def test_the_command_line_pulls_and_runs(registry: DockerRegistry, data: DataDir) -> None:
    """`hubkiln run --image` runs any command in any image: its folder, variables, entrypoint and exit code."""
    reference = f"{registry.host}/cli:1"
    entry = Files().folder("app").file("app/entry", '#!/bin/sh\necho "entry $WHO in $(pwd)"\nexec "$@"\n', 0o755)
    config = {
        "Env": ["PATH=/app:/usr/bin", "WHO=me"],
        "WorkingDir": "/app",
        "Entrypoint": ["entry"],
        "Cmd": ["cat", "/etc/note"],
    }
    await OthersImage([base(), entry.done()], config).push(reference)
    done = hubkiln(data, "run", "--image", reference, "--", "sh", "-c", 'echo "$0 $HOME"; exit 7', "hello")
    assert done.returncode == 7, done.stderr
    assert done.stdout == "entry me in /app\nhello /home/jovyan\n"
    assert hubkiln(data, "run", "--image", reference).stdout == "entry me in /app\nfrom the image\n"
    local = hubkiln(data, "pull", reference).stdout.strip()
    assert local.startswith("hubkiln.local/cli@sha256:")
    assert hubkiln(data, "run", "--image", local, "--", "id", "-u").stdout.endswith("\n1000\n")
    refused = hubkiln(data, "pull", "No/Such Image")
    assert refused.returncode == 1 and "is not an image name" in refused.stderr


async def test_the_images_own_home_is_seen(registry: DockerRegistry, data: DataDir) -> None:
    """What an image keeps in its user's home is there on the command line, and can be changed."""
    reference = f"{registry.host}/home:1"
    home = Files().file("etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/users/ann:/bin/sh\n")
    home.folder("users").folder("users/ann", owner=1000).file("users/ann/notes", "mine", owner=1000)
    await OthersImage([base(), home.done()], {"User": "ann"}).push(reference)
    done = hubkiln(data, "run", "--image", reference, "--", "sh", "-c", "cd; pwd; cat notes; echo more > notes")
    assert (done.returncode, done.stdout) == (0, "/users/ann\nmine"), done.stderr


async def test_a_command_gets_volumes_and_ports(registry: DockerRegistry, data: DataDir, tmp_path: Path) -> None:
    """As containers take them: changes in a volume stay, one that is read-only does not change, a port leads in."""
    reference = f"{registry.host}/volumes:1"
    await OthersImage([base()]).push(reference)
    folder = tmp_path / "work"
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "given").write_text("mine")
    shown = ("-v", f"{folder}:/data", "-v", f"{folder}:shown:ro", "--volume", f"{folder}/given:/home/jovyan/note")
    script = "cat /data/given shown/given ~/note; echo more > /data/made; echo no > shown/no; echo $LEFT$RIGHT"
    options = (*shown, "-e", "LEFT=l", "--env", "RIGHT", "-p", "8050")
    done = hubkiln(data, "run", "--image", reference, *options, "--", "sh", "-c", script, env={"RIGHT": "r"})
    assert "leads to port 8050" in done.stderr
    assert done.stdout == "mineminemine" + "lr\n", done.stderr
    assert (folder / "made").read_text() == "more\n"
    assert not (folder / "no").exists() and "Read-only file system" in done.stderr
    for place in ("/etc", "/etc/cron.d", "/proc", "/usr"):
        refused = hubkiln(data, "run", "--image", reference, "-v", f"{folder}:{place}", "--", "true")
        assert refused.returncode == 1 and "such as /data" in refused.stderr, refused.stderr


async def test_a_server_needs_jupyterhub(registry: DockerRegistry, pull: Pull) -> None:
    """An image without jupyterhub-singleuser is refused before anything is started, with what to do."""
    reference = f"{registry.host}/plain:1"
    await OthersImage([base()]).push(reference)
    with pytest.raises(Unsupported, match=r"plain has no jupyterhub-singleuser on its PATH") as refused:
        await pull.server(reference)
    assert "pip install 'jupyterhub>=6,<7'" in refused.value.hint


def server(version: str = "6.0.0", *, path: str = "opt/venv/bin") -> Files:
    """A layer with something that answers like a server's command, behind a chain of links."""
    script = f'#!/bin/sh\n[ "$1" = --version ] && echo {version}\n'
    return (
        Files()
        .folder("opt")
        .folder("opt/venv")
        .folder("opt/venv/bin")
        .folder("opt/real")
        .file("opt/real/single", script, 0o755)
        .link("opt/current", "/opt/real")
        .link(f"{path}/jupyterhub-singleuser", "../../current/single")
    )


async def test_it_is_found_through_links_and_remembered(registry: DockerRegistry, pull: Pull) -> None:
    """Found as the image itself would find it; a second look costs no sandbox; another version is said each time."""
    reference = f"{registry.host}/links-server:1"
    config = {"Env": ["PATH=/opt/venv/bin:/usr/bin"]}
    await OthersImage([base(), server("4.1.5").done()], config).push(reference)
    for looked in (True, False):
        pull.said.clear()
        assert (await pull.server(reference)).entrypoint == ()
        assert any("Checking" in line for line in pull.said) is looked
        assert any("the image has JupyterHub 4.1.5 and this hub is" in line for line in pull.said)


ENTRYPOINTS = {
    "passes on": ('#!/bin/sh\necho hello\nexec "$@"\n', True),
    "serves itself": ("#!/bin/sh\necho I do what I want\n", False),
    "fails": ("#!/bin/sh\nexit 3\n", False),
}


@pytest.mark.parametrize("kind", ENTRYPOINTS)
async def test_the_entrypoint_goes_first_if_it_passes_on(registry: DockerRegistry, pull: Pull, kind: str) -> None:
    """As a container would; one that does something else is left out, and that is said."""
    script, kept = ENTRYPOINTS[kind]
    reference = f"{registry.host}/entry:{kind.replace(' ', '-')}"
    layer = server().file("opt/entry", script, 0o755).done()
    config = {"Env": ["PATH=/opt/venv/bin:/usr/bin"], "Entrypoint": ["/opt/entry"]}
    await OthersImage([base(), layer], config).push(reference)
    image = await pull.server(reference)
    assert image.entrypoint == (("/opt/entry",) if kept else ())
    assert any("entrypoint (/opt/entry)" in line for line in pull.said) is not kept


async def test_one_that_does_not_start_says_why(registry: DockerRegistry, pull: Pull) -> None:
    """The last words it printed are in the message."""
    reference = f"{registry.host}/broken:1"
    broken = Files().file("usr/bin/jupyterhub-singleuser", "#!/bin/sh\necho No module named x >&2\nexit 1\n", 0o755)
    await OthersImage([base(), broken.done()]).push(reference)
    with pytest.raises(Unsupported, match="does not start: No module named x"):
        await pull.server(reference)


async def test_homes_that_would_hide_the_system_are_not_taken(registry: DockerRegistry, pull: Pull) -> None:
    """An image may say that home is /usr; it is not."""
    for number, home in enumerate(("/usr", "/", "/etc/../proc", "relative", "/root")):
        await OthersImage([base()], {"Env": [f"HOME={home}"]}).push(f"{registry.host}/homes:{number}")
        image = await pull(f"{registry.host}/homes:{number}")
        assert await pull.run(image, "sh", "-c", "echo $HOME; touch ~/x") == "/home/jovyan\n"


async def test_an_image_without_any_folder_can_run(registry: DockerRegistry, pull: Pull) -> None:
    """Where there is no /home, no /etc and no /tmp, they are made for the room."""
    files = Files()
    for name, data in _programs().items():
        files.file(name, data, 0o755)
    await OthersImage([files.done()], {"Entrypoint": ["/app"]}).push(f"{registry.host}/scratch:1")
    image = await pull(f"{registry.host}/scratch:1")
    assert await pull.run(image, "/app", "-c", "echo $HOME; echo 1 > ~/x; echo 2 > /tmp/y") == "/home/jovyan\n"


def _programs() -> dict[str, bytes]:
    """A shell and its libraries, and nothing else."""
    brought = bring("sh")
    found = {f"lib/{name}": path.read_bytes() for name, path in brought.libraries}
    found["lib64/ld-linux-x86-64.so.2"] = brought.loader.read_bytes()
    return found | {"app": brought.programs[0][1].read_bytes()}


async def test_errors_are_ours(registry: DockerRegistry, pull: Pull) -> None:
    """Whatever is typed, what comes back is a sentence."""
    for text in ("", "a b", "x" * 2000, "http://x", "x@sha256:12", "no-such-host.invalid/x", "UPPER"):
        with pytest.raises(HubkilnError):
            await pull(text)


async def test_a_covered_link_leads_nowhere(registry: DockerRegistry, pull: Pull) -> None:
    """A link of a lower layer that a folder covers is not seen, so nothing of this machine is reached through it."""
    outside = pull.data.root / "homes/eve"
    outside.mkdir()
    (outside / "secret").write_text("eve's")
    link = Files().link("way", str(outside)).done()
    cover = Files().folder("way").file("way/own", "x").done()
    steal = Files().hard_link("stolen", "way/secret").done()
    reference = f"{registry.host}/covered:1"
    await OthersImage([base(), link, cover, steal]).push(reference)
    with pytest.raises(Unsupported, match="a link to way/secret, which is not there"):
        await pull(reference)


async def test_a_root_that_hides_everything_below_is_honoured(registry: DockerRegistry, pull: Pull) -> None:
    """An opaque root folder starts the image anew, which stacking alone would not do."""
    lower = Files().file("below", "x").done()
    upper = Files().file(".wh..wh..opq").done()
    reference = f"{registry.host}/anew:1"
    await OthersImage([lower, upper, base()]).push(reference)
    image = await pull(reference)
    assert "below" not in await pull.run(image, "ls", "/")
