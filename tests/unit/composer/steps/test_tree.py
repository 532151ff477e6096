"""What a step changed, where the machine has no uids to lend: the step was root in a pod."""

from __future__ import annotations

import os
from pathlib import Path

from hubkiln.composer.steps.interface import StepLayer
from hubkiln.composer.steps.tree import step_tree
from hubkiln.data_dir import DataDir
from hubkiln.sandbox import OWNER_NOTE, Identity

NOBODY_LENDS = Identity(uid=424_242, gid=424_242)
"""An ordinary user whom /etc/subuid gives nothing, as in any pod."""


def test_a_root_step_needs_no_uids_of_ours(tmp_path: Path) -> None:
    """Whose files are whose is as it was noted; what cannot hold a note, a link, is root's."""
    data = DataDir(tmp_path / "data").make()
    upper = data.steps / "made/root"
    (upper / "etc").mkdir(parents=True)
    for name, note in (("passwd", b"0 0 644"), ("shadow", b"0 42 640"), ("postgresql", b"110 115 600")):
        (upper / "etc" / name).write_text(name)
        os.setxattr(upper / "etc" / name, OWNER_NOTE, note)
    (upper / "etc/alternatives").symlink_to("/usr")
    layer = StepLayer(key="any", title="apt.txt", places=(("/", "made/root"),))
    tree = step_tree(data, NOBODY_LENDS, layer, (), {"/": ()}, root=True)
    found = {entry.path: (entry.uid, entry.gid, entry.mode) for entry in tree}
    assert found["etc/shadow"] == (0, 42, 0o640) and found["etc/postgresql"] == (110, 115, 0o600)
    assert found["etc/alternatives"] == (0, 0, 0o777) and found["etc/passwd"] == (0, 0, 0o644)
