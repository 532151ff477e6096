"""How an image on a base starts. Pure."""

from __future__ import annotations

from hubkiln.conventions import ENTRYPOINT, HOME, PATH, UID, USER
from hubkiln.images import Runtime
from hubkiln.values import PREFIX, REPO_DIR


def runtime(labels: dict[str, str]) -> Runtime:
    """How an image on this base starts; the order of variables is repo2docker's."""
    env = {
        "LC_ALL": "C.UTF-8",
        "LANG": "C.UTF-8",
        "LANGUAGE": "C.UTF-8",
        "SHELL": "/bin/bash",
        "USER": USER,
        "HOME": HOME,
        "APP_BASE": "/srv",
        "CONDA_DIR": "/srv/conda",
        "NB_PYTHON_PREFIX": f"/{PREFIX}",
        "KERNEL_PYTHON_PREFIX": f"/{PREFIX}",
        "NPM_CONFIG_PREFIX": f"/{PREFIX}",
        "REPO_DIR": f"/{REPO_DIR}",
        "PATH": PATH,
        "PYTHONUNBUFFERED": "1",
    }
    return Runtime(
        env=tuple(env.items()),
        entrypoint=("/usr/bin/tini", "-g", "--", ENTRYPOINT),
        command=("/bin/bash",),
        workdir=HOME,
        user=str(UID),
        ports=("8888/tcp",),
        labels=tuple(sorted(labels.items())),
    )
