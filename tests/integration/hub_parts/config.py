"""Configuration of a real hub with any spawner, a base URL, and Hubkiln in it."""

import asyncio
import json
import os
import sys
from pathlib import Path

from jupyterhub.auth import DummyAuthenticator
from jupyterhub.spawner import SimpleLocalProcessSpawner
from traitlets import Unicode

from hubkiln.hub import setup
from hubkiln.processes import free_port

HERE = Path(__file__).parent
FOLDER = Path(os.environ["TEST_FOLDER"])


class SomeSpawner(SimpleLocalProcessSpawner):
    """A spawner that knows images and has no profiles of its own."""

    image = Unicode("usual:1", config=True)

    def get_env(self):
        """The image is all that the stand-in server tells."""
        return super().get_env() | {"IMAGE": self.image}

    async def start(self):
        """Fails as often as the file ``fail`` has letters; waits while there is a file ``hold``."""
        failures = FOLDER / "fail"
        if failures.exists() and (left := failures.read_text()):
            failures.write_text(left[1:])
            raise RuntimeError("the node went away")
        while (FOLDER / "hold").exists():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        self.port = free_port()  # the kernel gives JupyterHub's own choice to others until the server is there
        return await super().start()


class LocalSpawner(SomeSpawner):
    """A spawner whose servers run where builds do, so that what is built here can start."""

    runs_local_images = True


class OwnWaySpawner(SomeSpawner):
    """A spawner that reads links in a way of its own, and whose section of the configuration has hooks."""

    def options_from_query(self, query_data):
        """Takes everything as it stands."""
        return {name.removeprefix("profile-option-cpu--"): values[0] for name, values in query_data.items()}


class ForgeAuthenticator(DummyAuthenticator):
    """Who logs in has logged in at a forge: the file ``logins`` says what is then known, in OAuthenticator's shape."""

    async def authenticate(self, handler, data):
        """The name, and what is kept of the login."""
        name = await super().authenticate(handler, data)
        return {"name": name, "auth_state": json.loads((FOLDER / "logins").read_text()).get(name)}


async def admins_hook(spawner, *_):
    """An admin's own."""


HOSTILE = (
    "<script>globalThis.hurt = true</script><img src=x onerror='globalThis.hurt = true'>",
    "\u202eesrever dna\u202c \u200f\u2067thgir",
    "x" * 10_000,
    "🧪👩🏽\u200d🔬🇩🇪 emoji",
    "",
    " ",
    "Same",
    "Same",
    "{{7*7}} ${7*7} <b>marks</b> & \"quotes'",
)
"""Names that mean mischief, or show somebody's haste."""


def many(image):
    """As many profiles as nobody should have."""
    names = [*HOSTILE, *(f"Machine {number}" for number in range(len(HOSTILE), 300))]
    return [
        {"display_name": name, "description": f"{name} {name}"[:12_000], "profile_options": {"image": image}}
        for name in names
    ]


def profiles(spawner):
    """Different for each user, as an admin may have it."""
    image = {
        "display_name": "Image",
        "choices": {"small": {"display_name": "Small", "kubespawner_override": {"image": "listed/small:1"}}},
        "unlisted_choice": {
            "enabled": True,
            "validation_regex": r"typed/.*",
            "validation_message": "Only typed/… images.",
            "kubespawner_override": {"image": "{value}", "environment": {"SIZE": "of {value}"}},
        },
        "dynamic_image_building": {"enabled": True},
    }
    flavour = {
        "choices": {"plain": {}},
        "unlisted_choice": {"enabled": True, "kubespawner_override": {"image": "{value}"}},
    }
    if spawner.user.name == "many":
        return many(image)
    return [
        {"slug": "cpu", "display_name": "CPU", "profile_options": {"image": image, "flavour": flavour}},
        {"slug": "gpu", "display_name": "GPU", "allowed_groups": ["gpu"]},
        {"slug": "own", "display_name": f"Only for {spawner.user.name}"},
    ]


c = get_config()  # noqa: F821
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.admin_users = {"boss"}
c.JupyterHub.load_groups = {"gpu": {"users": ["grace"]}}
c.JupyterHub.allow_named_servers = True
c.JupyterHub.named_server_limit_per_user = int(os.environ.get("TEST_MOST_NAMED", "0"))
c.JupyterHub.spawner_class = globals()[os.environ.get("TEST_SPAWNER", "SomeSpawner")]
c.OwnWaySpawner.auth_state_hook = c.OwnWaySpawner.pre_spawn_hook = admins_hook
c.OwnWaySpawner.apply_user_options = admins_hook
c.SimpleLocalProcessSpawner.home_dir_template = f"{FOLDER}/{{username}}"
c.Spawner.cmd = os.environ.get("TEST_SERVER", f"{sys.executable} {HERE / 'stub_server.py'}").split()
c.Spawner.environment = {"KEEP": "1"}
more = {"start_by_link": os.environ["TEST_START_BY_LINK"].split()} if "TEST_START_BY_LINK" in os.environ else {}
command = [sys.executable, str(HERE / "stub_service.py")]
if "TEST_LAUNCH" in os.environ:  # the real service, which starts servers
    c.Hubkiln.launch = os.environ["TEST_LAUNCH"]
    c.Hubkiln.allow_origin = os.environ.get("TEST_ALLOW_ORIGIN", "")
    c.JupyterHub.allow_named_servers = "TEST_ONE_SERVER" not in os.environ
    command = [
        sys.executable,
        str(HERE.parent / "web_service.py"),
        f"sqlite+aiosqlite:///{FOLDER}/builds.sqlite",
        os.environ.get("TEST_SCRIPT", "-"),
    ]
if "TEST_BUILD_BY_LINK" in os.environ:
    more["build_by_link"] = os.environ["TEST_BUILD_BY_LINK"].split()
if "TEST_LOGIN_HOSTS" in os.environ:  # the real service, over a forge whose logins the hub keeps
    c.JupyterHub.authenticator_class = ForgeAuthenticator
    c.Authenticator.enable_auth_state = True
    c.Hubkiln.login_hosts = os.environ["TEST_LOGIN_HOSTS"]
    c.Hubkiln.allow_networks = "127.0.0.0/8"
    c.Hubkiln.service_log = "json"
    command = [sys.executable, "-m", "hubkiln", "serve", "--data-dir", f"{FOLDER}/data"]
if "TEST_ACCEPT" in os.environ:
    more["accept"] = os.environ["TEST_ACCEPT"].split()
setup(c, profile_list=profiles, **more, command=command)
