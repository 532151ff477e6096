"""Who a sandbox is: never the host's root."""

from __future__ import annotations

import pytest

from hubkiln.errors import BadSpec, ServiceError
from hubkiln.sandbox import host_settings
from hubkiln.sandbox.identity import INNER, ROOT_MODE_UID, SHIFT, Identity, current
from hubkiln.sandbox.surroundings import Surroundings

MACHINES_ROOT = Surroundings(capabilities=1 << 21)
"""With SYS_ADMIN, whoever runs this test."""


def test_an_ordinary_user_is_itself_outside_and_1000_inside() -> None:
    """So the files it makes are its own."""
    who = current(500)
    assert (who.uid, who.inner_uid, who.privileged) == (500, INNER, False)
    assert {who.host_uid(uid) for uid in (0, 33, 1000)} == {500}


def test_root_is_somebody_unprivileged() -> None:
    """The same number outside and inside."""
    who = current(0, MACHINES_ROOT)
    assert (who.uid, who.inner_uid, who.privileged) == (ROOT_MODE_UID, ROOT_MODE_UID, True)


def test_the_number_can_be_chosen() -> None:
    """By the administrator, where 64100 is taken."""
    assert current(0, MACHINES_ROOT, chosen=7000).uid == 7000


@pytest.mark.parametrize("value", ["0", "-1", "root", str(SHIFT), "1e3"])
def test_a_bad_number_is_refused(value: str) -> None:
    """Above all 0."""
    with pytest.raises(BadSpec, match="HUBKILN_SANDBOX_UID"):
        host_settings({"HUBKILN_SANDBOX_UID": value})


def test_the_map_covers_every_owner_once_and_never_the_hosts_root() -> None:
    """65536 numbers inside; outside none is 0 and none is used twice."""
    who = Identity(uid=64100, gid=64200, shift=SHIFT)
    for text, user in zip(who.id_map(), (64100, 64200), strict=True):
        lines = [tuple(map(int, line.split())) for line in text.splitlines()]
        assert [(inside, count) for inside, _, count in lines] == [(0, 1000), (1000, 1), (1001, 64535)]
        assert all(outside > 0 for _, outside, _ in lines)
        assert lines[1][1] == user


def test_the_map_and_the_disk_agree() -> None:
    """A file unpacked for uid n is seen as uid n."""
    who = Identity(uid=64100, gid=64100, shift=SHIFT)
    lines = [tuple(map(int, line.split())) for line in who.id_map()[0].splitlines()]
    for number in (0, 1, 999, 1000, 1001, 65535):
        start, outside, _ = max(line for line in lines if line[0] <= number)
        assert who.host_uid(number) == outside + number - start


def test_mapping_the_hosts_root_is_refused() -> None:
    """Whatever went wrong before."""
    with pytest.raises(ServiceError, match="never be the host's root"):
        Identity(uid=0, gid=0, shift=SHIFT).id_map()
