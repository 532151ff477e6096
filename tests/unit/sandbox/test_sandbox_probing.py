"""Why sandboxes do not work, in one sentence."""

from __future__ import annotations

import pytest

from hubkiln.sandbox.probing import Facts, diagnose
from hubkiln.sandbox.surroundings import Surroundings


@pytest.mark.parametrize(
    ("said", "facts", "expected"),
    [
        ("bubblewrap is not installed.", Facts(), "not installed"),
        ("bwrap: Unknown option --overlay-src", Facts(), "too old"),
        ("bwrap: Can't make overlay mount on /srv", Facts(overlay=False), "modprobe overlay"),
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
