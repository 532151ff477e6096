"""How every composed image starts: a small script, and the one that delivers the repository's files to a home.

In an image whose home is a volume (a hub with persistent homes) the files go to ``~/<name>`` by nbgitpuller's rules;
elsewhere the work happens at ``/srv/repo`` itself, which belongs to the user and goes with the container.
"""

from __future__ import annotations

import shlex

from hubkiln.composer.bases import Base
from hubkiln.composer.bases import base_runtime as runtime
from hubkiln.composer.targets.interface import LockedOrder
from hubkiln.content import delivering
from hubkiln.conventions import HOME, LABEL_PYTHONS, UID, USER
from hubkiln.images import Runtime
from hubkiln.local_images import BEHIND, kernel_variables, kind_variables
from hubkiln.packages import ACTIVATE, Layout, layout_for, prefix_tree
from hubkiln.trees import Entry, Tree, with_parents
from hubkiln.values import KERNEL_LINK, KERNEL_PREFIX, PREFIX, REPO_DIR

START = "/usr/local/bin/hubkiln-start"
DELIVER = "/usr/local/lib/hubkiln/deliver.pyz"

_START = """\
#!/bin/sh
# Brings the repository's files to where the user works, then starts what was asked for, behind the repository's own
# start script if it has one.
for profile in /etc/profile.d/*.sh; do
  if [ -r "$profile" ]; then . "$profile"; fi
done
unset profile
if [ -n "$R2D_ENTRYPOINT" ]; then set -- {behind} "$R2D_ENTRYPOINT" "$@"; fi
if [ -x "{activate}" ]; then set -- "{activate}" "$@"; fi
if [ -n "$HUBKILN_REPOSITORY" ] && [ -d "$HOME" ] && [ "$(stat -c %d "$HOME")" != "$(stat -c %d /)" ]; then
  exec "{python}" -I {deliver} --name "$HUBKILN_REPOSITORY" --subdir="$HUBKILN_SUBDIR" \\
    --open="$HUBKILN_OPEN" --url="$HUBKILN_URL" -- "$@"
fi
exec "$@"
"""


def skeleton_tree(base: Base) -> Tree:
    """The layer below all packages: the empty prefix, how to start, and the user where the base has none."""
    files = {START.lstrip("/"): (_start(base).encode(), 0o755), DELIVER.lstrip("/"): (delivering(), 0o644)}
    entries = [Entry(path=path, mode=mode, size=len(data), source=data) for path, (data, mode) in files.items()]
    folders = [REPO_DIR]
    if base.accounts is not None:
        for path, text in zip(("etc/passwd", "etc/group"), base.accounts, strict=True):
            entries.append(Entry(path=path, mode=0o644, size=len(text.encode()), source=text.encode()))
        folders.append(HOME.lstrip("/"))
    entries += [Entry(path=path, mode=0o755, uid=UID, gid=UID) for path in folders]
    found = {entry.path: entry for entry in with_parents(entries)}
    prefix = prefix_tree(base.interpreter, Layout(minor=base.interpreter.minor))
    found |= {entry.path: entry for entry in prefix if not base.condas or _is_folder(entry)}
    if base.kernel is not None:
        beside = prefix_tree(base.kernel, layout_for(base.kernel.minor))
        wanted = (entry for entry in beside if base.conda is None or _is_folder(entry))
        found |= {entry.path: entry for entry in wanted if entry.path not in found}
        found[KERNEL_LINK] = Entry(path=KERNEL_LINK, mode=0o777, link=f"/{KERNEL_PREFIX}")
    return Tree(tuple(found[path] for path in sorted(found)))


def runtime_of(order: LockedOrder) -> Runtime:
    """How the image of `order` is started, and what is said about it."""
    parent = order.locked.base.parent
    started = runtime({})
    kind = kind_variables(conda=order.locked.base.conda is not None)
    env = dict(started.env) | {"NB_USER": USER} | kind | dict(kernel_variables(order.locked.base.kernel))
    env |= dict(order.recipe.env)
    if order.has_content:
        env |= {"HUBKILN_REPOSITORY": order.revision.name, "HUBKILN_SUBDIR": order.revision.spec.subdir}
    if order.start is not None:
        env["R2D_ENTRYPOINT"] = f"/{REPO_DIR}/{order.start}"
    ours = parent is not None and LABEL_PYTHONS in ((parent.config.get("config") or {}).get("Labels") or {})
    init = started.entrypoint[:-1] if ours else ()
    place = f"/{REPO_DIR}/{order.revision.spec.subdir}".rstrip("/") if order.has_content else HOME
    return Runtime(
        env=tuple((name, value) for name, value in env.items() if value),
        entrypoint=(*init, START),
        command=(f"/{PREFIX}/bin/jupyter" if order.locked.base.kernel else "jupyter", "lab", "--ip=0.0.0.0"),
        workdir=place,
        user=str(UID),
        ports=started.ports,
        labels=order.labels,
    )


def _start(base: Base) -> str:
    """The script that everything starts behind; conda packages are activated where they lie."""
    beside = KERNEL_PREFIX if base.kernel is not None and base.conda is not None else PREFIX
    return _START.format(
        behind=shlex.join(BEHIND),
        activate=f"/{beside}/{ACTIVATE}",
        python=f"/{PREFIX}/bin/python",
        deliver=DELIVER,
    )


def _is_folder(entry: Entry) -> bool:
    return entry.source is None and entry.link is None
