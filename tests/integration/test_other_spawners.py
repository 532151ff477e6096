"""Environments for spawners that know no images: JupyterHub's own processes, and SystemdSpawner's code, on a real hub.

No systemd runs where the tests do, so SystemdSpawner's command is run by a stand-in that does nothing else.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from any_hub import PARTS, any_hub
from embedded import built, in_terminal
from newcomer import hubkiln
from sandbox_user import ORDINARY_UID, can_be_ordinary, open_folder, ordinary

from git_server import GitServer, make_repository
from hub_browser import Browser, alert, logged_in
from hubkiln.launches import TICKET, Admission
from hubkiln.spawners.usher import attend

SIMPLE, SYSTEMD = "jupyterhub.spawner.SimpleLocalProcessSpawner", "systemdspawner.SystemdSpawner"

pytestmark = [pytest.mark.hub, pytest.mark.sandbox, pytest.mark.network, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Place:
    """A hub and what is around it."""

    hub: str
    home: Path
    """Of its user ada."""
    folder: Path
    data: Path
    repository: str


@pytest.fixture(scope="module", params=[SIMPLE, SYSTEMD])
def place(stacked: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    """A hub with that spawner."""
    homes = folder = open_folder()
    variables = {"TEST_SPAWNER": request.param, "TEST_DATA": str(stacked), "TEST_HOMES": str(homes)}
    if request.param == SYSTEMD:
        pytest.importorskip("systemdspawner")
        if os.geteuid():
            pytest.skip("SystemdSpawner's hub is root")
        homes, variables["PATH"] = Path("/var/lib"), f"{PARTS}:{os.environ['PATH']}"
    home = homes / f"hubkiln-test-ada-{os.getpid()}"
    home.mkdir()
    (home / "mine.txt").write_text("mine")
    with GitServer(folder) as git:
        make_repository(git.root / "waves.git", {"requirements.txt": "six\n", "note.ipynb": "{}"})
        with any_hub(folder, config="process_config.py", **variables) as base:
            yield Place(base, home, folder, stacked, git.url("waves.git"))
    shutil.rmtree(home)
    shutil.rmtree(folder)


@pytest.fixture
async def ada(place: Place) -> AsyncIterator[Browser]:
    """A user, without a server."""
    async with logged_in(place.hub, place.home.name) as browser:
        yield browser
        await browser.stop()


async def test_a_built_environment_is_opened_beside_the_users_own_files(place: Place, ada: Browser) -> None:
    """
    What is offered is what can be started; the repository's files lie beside the user's own; limits are the spawner's.

    From inside nobody reaches the stores, and what is installed there stays in the server; when it stops, it is gone.
    """
    option = (await ada.page())["profiles"][0]["profile_options"]["image"]
    assert list(option["choices"]) == ["usual"] and not option["unlisted_choice"]["enabled"]
    build = await built(ada, place.repository)
    assert not alert(await start(ada, build["image"]))
    told = (await ada.progress())[-1]
    assert told.get("ready"), (told, logs(place))
    said = await in_terminal(ada, "cd; ls; echo $GREETING $HUBKILN_TICKET; python -c 'import six; print(six.__file__)'")
    assert {"mine.txt", "waves", "hello"} <= set(said.split()) and "/srv/conda/envs/notebook/" in said, said
    store = next((place.data / "environments").glob("*/lib/python*/site-packages/six.py"))
    before = store.read_bytes()
    attack = f"ls -A {place.data}; echo '# evil' >> $(python -c 'import six; print(six.__file__)'); echo o > ~/own.txt"
    said = await in_terminal(ada, attack)
    assert "cannot access" in said and store.read_bytes() == before, said
    assert (place.home / "own.txt").read_text() == "o\n"
    if (units := place.folder / "units").exists():
        properties = (units / f"jupyter-{ada.name}-singleuser.properties").read_text()
        assert "--property=MemoryMax=1073741824" in properties and "--property=Delegate=yes" in properties
    await ada.stop()
    assert not list((place.data / "hub/rooms").iterdir())


async def test_an_ordinary_user_reaches_what_the_hub_chose_and_nothing_else(stacked: Path, tmp_path: Path) -> None:
    """
    A real user of the machine opens an environment that only root can read, as themselves and in their own home.

    Neither what they start it with nor what runs inside reads the stores or changes what others share.
    """
    if not can_be_ordinary():
        pytest.skip("nobody else can be tried here")
    somebody = ordinary(folder := open_folder())
    done = hubkiln("build", "inline/jupyterlab", data=stacked)
    stores = [stacked, *(stacked / "environments").iterdir()]
    tries = f"""
import os
print(os.getuid(), os.environ["HOME"], os.path.exists("mine.txt"))
for path in {[str(path) for path in stores]}:
    try:
        print("READ", os.listdir(path))
    except OSError as error:
        print(error.strerror)
open("/srv/conda/envs/notebook/bin/jupyter", "a").write("evil")
open("own.txt", "w").write("own")
"""
    (somebody.folder / "mine.txt").write_text("mine")
    secret, door = "s" * 32, socket.socket(socket.AF_UNIX)
    door.bind(f"\0{folder.name}")
    door.listen()
    admission = Admission(
        secret=secret,
        data_dir=str(stacked),
        image=done.stdout.split()[-1],
        user="somebody",
        uid=ORDINARY_UID,
        home=str(somebody.folder),
        command=("python3", "-c"),
    )
    attending = asyncio.ensure_future(attend(admission, door))
    before = {path: path.read_bytes() for path in (stacked / "environments").glob("*/bin/jupyter")}
    code = f"""
import os, sys
from hubkiln.launches.enter import come_in
for path in {[str(path) for path in stores]}:
    try:
        sys.exit(f"READ {{os.listdir(path)}}")
    except PermissionError:
        pass
sys.exit(come_in([{tries!r}]))
"""
    client = await asyncio.create_subprocess_exec(
        *("setpriv", f"--reuid={ORDINARY_UID}", f"--regid={ORDINARY_UID}", "--clear-groups"),
        *("/usr/bin/python3", "-c", code),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(somebody.code), TICKET: f"{folder.name} {secret}"},
        cwd="/",
    )
    assert await client.wait() == 0, (stacked / "hub/servers/somebody.log").read_text()
    await attending
    said = (stacked / "hub/servers/somebody.log").read_text().splitlines()
    who = said.index(f"{ORDINARY_UID} /home/jovyan True")
    tried = said[who + 1 :][: len(stores)]
    assert len(tried) == len(stores)
    assert not [line for line in tried if line.startswith("READ")], tried
    assert (somebody.folder / "own.txt").stat().st_uid == ORDINARY_UID
    assert before == {path: path.read_bytes() for path in before}
    shutil.rmtree(folder)


def logs(place: Place) -> str:
    """What the units and servers have said."""
    found = [*place.folder.glob("units/*.log"), *(place.data / "hub/servers").glob("*.log")]
    return "\n".join(file.read_text()[-3000:] for file in found)


async def start(ada: Browser, image: str) -> object:
    """Post the form as the page does."""
    option = "profile-option-any--image"
    fields = {"profile": "any", option: "--extra-selectable-item", f"{option}--unlisted-choice": image}
    return await ada.start(**fields)
