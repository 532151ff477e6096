"""Configuration of a real hub with KubeSpawner, jupyterhub-fancy-profiles' page, tljh-repo2docker and Hubkiln."""

import asyncio
import os
import sys
from pathlib import Path

FOLDER = Path(os.environ["TEST_FOLDER"])
(FOLDER / "kubeconfig").write_text(
    """{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}],
    clusters: [{name: a, cluster: {server: "http://127.0.0.1:9"}}], users: [{name: a, user: {token: x}}]}"""
)
os.environ["KUBECONFIG"] = str(FOLDER / "kubeconfig")  # read at import; nothing is sent to that cluster
sys.path.insert(0, os.environ["TEST_FANCY"])

from jupyterhub_fancy_profiles import setup_ui  # noqa: E402
from kubespawner import KubeSpawner  # noqa: E402

from hubkiln.hub import setup  # noqa: E402

HERE = Path(__file__).parent


class ProcessSpawner(KubeSpawner):
    """KubeSpawner whose pods are processes of this machine: its form, its options, its traits."""

    _process = None

    async def start(self):
        """The stand-in server, with what KubeSpawner makes of the user's options when it starts a pod."""
        await self.load_user_options()
        self.port = int(os.environ["TEST_SERVER_PORT"])
        environment = self.get_env() | {"IMAGE": self.image}
        environment["JUPYTERHUB_SERVICE_URL"] = f"http://127.0.0.1:{self.port}{self.server.base_url}"
        program = str(HERE / "stub_server.py")
        self._process = await asyncio.create_subprocess_exec(sys.executable, program, env=os.environ | environment)
        return "127.0.0.1", self.port

    async def poll(self):
        """None while it runs."""
        return 0 if self._process is None else self._process.returncode

    async def stop(self, now=False):
        """Ends it."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def progress(self):
        """A pod would tell events."""
        yield {"message": "Starting"}


c = get_config()  # noqa: F821
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.admin_users = {"boss"}
c.JupyterHub.spawner_class = ProcessSpawner
image = {
    "display_name": "Image",
    "choices": {"small": {"display_name": "Small", "kubespawner_override": {"image": "listed/small:1"}}},
    "unlisted_choice": {
        "enabled": True,
        "display_name": "Custom image",
        "display_name_in_choices": "Own image",
        "validation_regex": "^typed/.+:.+$",
        "validation_message": "Only typed/…:…",
        "kubespawner_override": {"image": "{value}"},
    },
    "dynamic_image_building": {"enabled": True},
}
c.KubeSpawner.profile_list = [
    {"slug": "cpu", "display_name": "CPU", "default": True, "profile_options": {"image": image}},
    {"slug": "gpu", "display_name": "GPU", "kubespawner_override": {"image": "gpu:1"}},
]
c.Hubkiln.push = "reg.example/x"  # what the stand-in builds could be pulled
place = f"http://127.0.0.1:{os.environ['TEST_PORT']}/services"
c.JupyterHub.services = [
    {
        "name": "tljh",
        "url": f"http://127.0.0.1:{os.environ['TEST_TLJH_PORT']}",
        "command": [
            os.environ["TEST_TLJH"], "-m", "tljh_repo2docker", "--ip", "127.0.0.1",
            "--port", os.environ["TEST_TLJH_PORT"], f"--TljhRepo2Docker.binderhub_url={place}/binder",
            f"--TljhRepo2Docker.db_url=sqlite:///{FOLDER}/tljh.sqlite",
        ],
        "environment": {"PATH": f"{Path(os.environ['TEST_TLJH']).parent}:{os.environ['PATH']}"},  # its alembic
        "cwd": str(FOLDER),
        "oauth_no_confirm": True,
    }
]  # fmt: skip
tljh = ["read:users", "admin:servers", "read:roles:users", "access:services!service=binder"]
c.JupyterHub.load_roles = [{"name": "tljh", "services": ["tljh"], "scopes": tljh}]
setup_ui(c)
service = [sys.executable, str(HERE.parent / "web_service.py"), f"sqlite+aiosqlite:///{FOLDER}/builds.sqlite", "-"]
setup(c, form=False, command=service, environment={"TEST_IMAGE": os.environ["TEST_IMAGE"]})
