"""What the base image adds to Debian: the user, the folders an environment goes into, and how everything starts. Pure.

The prefix itself stays empty: whether a venv over one of the Pythons or conda packages go there is each image's own
business. Parents of the prefix have here the owners that every later layer gives them.
"""

from __future__ import annotations

from collections.abc import Iterable

from hubkiln.composer.base.system import System
from hubkiln.images.manifest import Runtime
from hubkiln.trees import Entry
from hubkiln.values import PREFIX, REPO_DIR

USER, UID, HOME = "jovyan", 1000, "/home/jovyan"
ENTRYPOINT = "/usr/local/bin/hubkiln-entrypoint"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PATH = f"{HOME}/.local/bin:/{REPO_DIR}/.local/bin:/{PREFIX}/bin:{SYSTEM_PATH}"

LABEL_PYTHONS = "org.hubkiln.base.pythons"
"""``3.11.2=/usr/bin/python3.11 3.12.1=/opt/python/3.12/bin/python3.12``"""
LABEL_GLIBC = "org.hubkiln.base.glibc"
"""``2.36``"""
LABEL_SUITE = "org.hubkiln.base.suite"

_ENTRYPOINT = """\
#!/bin/bash
# Starts what the container was asked to run, behind the repository's own start script if it has one.
for profile in /etc/profile.d/*.sh; do
  if [ -r "$profile" ]; then . "$profile"; fi
done
unset profile
if [ -n "$R2D_ENTRYPOINT" ]; then
  exec "$R2D_ENTRYPOINT" "$@"
fi
exec "$@"
"""

_PROFILE = f"""\
# Debian's /etc/profile sets PATH anew in login shells (JupyterLab's terminals are such); put the environment back.
case ":$PATH:" in
  *":/{PREFIX}/bin:"*) ;;
  *) export PATH="{PATH}" ;;
esac
"""

_SOURCES = """\
deb http://deb.debian.org/debian {suite} main
deb http://deb.debian.org/debian {suite}-updates main
deb http://deb.debian.org/debian-security {suite}-security main
"""


def skeleton(system: System, suite: str) -> list[Entry]:
    """The entries of the skeleton layer, parents included."""
    files = {
        "etc/apt/sources.list": (_SOURCES.format(suite=suite), 0o644, 0),
        "etc/group": (system.text("etc/group") + f"{USER}:x:{UID}:\n", 0o644, 0),
        "etc/gshadow": (system.text("etc/gshadow") + f"{USER}:!::\n", 0o640, 42),
        "etc/hosts": ("127.0.0.1 localhost\n::1 localhost ip6-localhost\n", 0o644, 0),
        "etc/passwd": (system.text("etc/passwd") + f"{USER}:x:{UID}:{UID}::{HOME}:/bin/bash\n", 0o644, 0),
        "etc/profile.d/hubkiln.sh": (_PROFILE, 0o644, 0),
        "etc/shadow": (system.text("etc/shadow") + f"{USER}:!:3653:0:99999:7:::\n", 0o640, 42),
        ENTRYPOINT.lstrip("/"): (_ENTRYPOINT, 0o755, 0),
    }
    entries = [
        Entry(path=path, mode=mode, gid=gid, size=len(text.encode()), source=text.encode())
        for path, (text, mode, gid) in files.items()
    ]
    for path in (HOME.lstrip("/"), PREFIX, REPO_DIR):
        entries.append(Entry(path=path, mode=0o755, uid=UID, gid=UID))
    return with_parents(entries)


def with_parents(entries: Iterable[Entry]) -> list[Entry]:
    """`entries` and the folders above them, root's, sorted."""
    found = {entry.path: entry for entry in entries}
    for path in list(found):
        while path := path.rpartition("/")[0]:
            found.setdefault(path, Entry(path=path, mode=0o755))
    return [found[path] for path in sorted(found)]


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
