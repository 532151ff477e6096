"""What the base image adds to Debian: the user, the folders an environment goes into, and how everything starts. Pure.

The prefix itself stays empty: whether a venv over one of the Pythons or conda packages go there is each image's own
business. Parents of the prefix have here the owners that every later layer gives them.
"""

from __future__ import annotations

from hubkiln.composer.bases.debian.system import System
from hubkiln.conventions import ENTRYPOINT, HOME, PATH, UID, USER
from hubkiln.trees import Entry, with_parents
from hubkiln.values import PREFIX, REPO_DIR

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
