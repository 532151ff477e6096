"""Who we are where we run: from the machine's root to a container that lets nothing."""

from __future__ import annotations

import pytest

from hubkiln.errors import ServiceError
from hubkiln.sandbox.identity import NARROW_SHIFT, SHIFT, WIDTH, Identity, current
from hubkiln.sandbox.surroundings import Surroundings

ALL = (1 << 41) - 1
USUAL = 0xA80425FB
"""A container's usual capabilities: SETUID, SETGID and CHOWN among them, SYS_ADMIN not."""
POD = ((0, 300_000, 65_536),)
"""The map of a pod with ``hostUsers: false``."""


@pytest.mark.parametrize(
    ("around", "shift", "contained"),
    [
        (Surroundings(capabilities=ALL), SHIFT, False),
        (Surroundings(capabilities=USUAL), SHIFT, True),
        (Surroundings(capabilities=ALL, uid_map=POD), NARROW_SHIFT, True),
        (Surroundings(capabilities=USUAL, uid_map=POD), NARROW_SHIFT, True),
        (Surroundings(capabilities=ALL, uid_map=((0, 1000, 1),)), None, False),
        (Surroundings(capabilities=0, uid_map=POD), None, False),
    ],
)
def test_being_called_root_is_not_enough(around: Surroundings, shift: int | None, contained: bool) -> None:
    """Power over the machine is SYS_ADMIN in its own user namespace; less makes a root of a container, or nobody."""
    found = current(0, around)
    assert (found.shift, found.contained) == (shift, contained)


def test_root_that_can_become_nobody_else_is_refused() -> None:
    """Its sandboxes would be the host's root."""
    with pytest.raises(ServiceError, match="may not become anybody else") as caught:
        current(0, Surroundings(capabilities=0))
    assert "runAsUser" in caught.value.hint


@pytest.mark.parametrize(
    "identity", [current(0, Surroundings(capabilities=USUAL, uid_map=m)) for m in (POD, ((0, 0, 2**32 - 1),))]
)
def test_the_containers_root_is_in_no_map_that_a_program_sees(identity: Identity) -> None:
    """Only where mounts are made is it there, under a number that the inner map leaves out."""
    uids, gids = identity.id_map()
    assert all(int(line.split()[1]) > 0 for text in (uids, gids) for line in text.splitlines())
    outer = [tuple(map(int, line.split())) for line in identity.maker_map()[0].splitlines()]
    [ours] = [row for row in outer if row[1] == 0]
    inner = [tuple(map(int, line.split())) for line in identity.same_map().splitlines()]
    assert all(not first <= ours[0] < first + count for _, first, count in inner)
    assert sum(count for _, _, count in inner) == identity.width <= WIDTH


def test_a_proc_of_its_own_is_for_whoever_sees_all_of_theirs() -> None:
    """The kernel gives none where a part is masked, but to the machine's root."""
    assert Surroundings(uid=1000).fresh_proc
    assert not Surroundings(uid=1000, masked=True).fresh_proc
    assert not Surroundings(capabilities=USUAL, masked=True).fresh_proc
    assert Surroundings(capabilities=ALL, masked=True).fresh_proc


def test_what_is_read_here_is_this_process() -> None:
    """The real thing, read from the kernel; its key stays while nothing changes."""
    here = Surroundings.here()
    assert here.uid >= 0 and here.uid_map and here.key == Surroundings.here().key
    assert here.key != Surroundings(uid=here.uid, seccomp=2).key
