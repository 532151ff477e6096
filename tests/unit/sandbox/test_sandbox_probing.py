"""Why sandboxes do not work, in one sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hubkiln.sandbox.probing import Facts, diagnose, file_system
from hubkiln.sandbox.surroundings import Surroundings


@pytest.mark.parametrize(
    ("said", "facts", "expected"),
    [
        ("bubblewrap is not installed.", Facts(), "not installed"),
        ("bwrap: Unknown option --overlay-src", Facts(), "too old"),
        ("bwrap: Can't make overlay mount on /srv", Facts(overlay=False), "modprobe overlay"),
        (
            "Can't make overlay mount on /newroot/srv with options upperdir=/oldroot/x: Invalid argument",
            Facts(stacked="/var/lib/hubkiln", container=True),
            "have the data folder on a volume",
        ),
        (
            "The sandbox could not be made: No room. An admin's turn: run `hubkiln doctor`, which says why.",
            Facts(container=True),
            "sandboxes (The sandbox could not be made: No room.): let",
        ),
        (
            "bwrap: setting up uid map: Permission denied",
            Facts(apparmor="1"),
            "apparmor_restrict_unprivileged_userns=0",
        ),
        ("bwrap: No permissions to create", Facts(unprivileged_clone="0"), "unprivileged_userns_clone=1"),
        ("bwrap: Creating new namespace failed", Facts(most_namespaces="0"), "max_user_namespaces"),
        ("bwrap: Can't mount proc on /newroot/proc", Facts(container=True), "container"),
        ("strange\nbwrap: Strange thing", Facts(), "bwrap: Strange thing"),
        ("", Facts(), "no reason was given"),
        ("bwrap: Strange thing", Facts(apparmor="1", unprivileged_clone="0", root=True), "Strange thing"),
    ],
)
def test_the_missing_thing_is_named(said: str, facts: Facts, expected: str) -> None:
    """With the way to get it, where there is one."""
    assert expected in diagnose(said, facts)


@pytest.mark.parametrize(
    ("around", "expected"),
    [
        (Surroundings(uid=1000, seccomp=2), "seccompProfile: {type: Unconfined}"),
        (Surroundings(uid=1000, profile="cri-containerd.apparmor.d (enforce)"), "appArmorProfile: {type: Unconfined}"),
        (Surroundings(uid=1000), "let it use user namespaces"),
    ],
)
def test_in_a_container_the_field_that_must_change_is_named(around: Surroundings, expected: str) -> None:
    """By what lies over us, and never with a text of bubblewrap's about another system."""
    said = "bwrap: No permissions to create a new namespace. On e.g. debian this can be enabled with 'sysctl x'"
    found = diagnose(said, Facts(container=True), around)
    assert expected in found and "debian" not in found


def test_what_a_folder_is_on_is_read_from_the_table_of_mounts(tmp_path: Path) -> None:
    """By the device; a table without it tells nothing."""
    device = tmp_path.stat().st_dev
    line = f"30 1 {os.major(device)}:{os.minor(device)} / /x rw,relatime shared:1 master:2 - overlay overlay rw"
    assert file_system(tmp_path, f"29 1 0:999999 / / rw - ext4 /dev/x rw\n{line}\n") == "overlay"
    assert file_system(tmp_path, "29 1 0:999999 / / rw - ext4 /dev/x rw\n") == ""
