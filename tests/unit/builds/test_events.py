"""The table of phases, and the events' JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from hubkiln.builds.codec import (
    decode,
    decode_built,
    decode_request,
    encode,
    encode_built,
    encode_request,
    request_key,
)
from hubkiln.builds.events import ENDS, NEXT, Entered, Event, Log, Phase, Planned, Progress, Queued, Resolved, check
from hubkiln.builds.interface import BuildRequest
from hubkiln.keys import repository_key, spec_key
from hubkiln.testing.builds import BUILT
from hubkiln.values import Revision, Spec

EVENTS: list[Event] = [
    Entered(Phase.BUILDING),
    Log("é\x1b[1m\n"),
    Queued(3),
    Planned("compose", ("a", "b")),
    Resolved("abc"),
    Progress(1, 2),
]


def test_every_phase_can_end_and_ends_are_final() -> None:
    """A build can fail, be cancelled or interrupted at any time, and nothing follows an end."""
    assert set(NEXT) == set(Phase)
    for phase, following in NEXT.items():
        if phase in ENDS:
            assert not following
        else:
            assert following >= ENDS - {Phase.READY}


def test_every_phase_can_be_reached() -> None:
    """No phase is in the table that no build can enter."""
    reached = {Phase.QUEUED}
    while more := {then for now in reached for then in NEXT[now]} - reached:
        reached |= more
    assert reached == set(Phase)


def test_illegal_steps_raise() -> None:
    """What the table does not allow is an error."""
    check(Phase.QUEUED, Phase.RESOLVING)
    for now, then in ((Phase.READY, Phase.BUILDING), (Phase.FETCHING, Phase.READY), (Phase.BUILDING, Phase.LOCKING)):
        with pytest.raises(ValueError, match="cannot go"):
            check(now, then)


@pytest.mark.parametrize("event", EVENTS)
def test_events_survive_json(event: Event) -> None:
    """What is stored comes back equal."""
    kind, data = encode(event)
    assert decode(kind, json.loads(json.dumps(data))) == event


def test_unknown_kinds_raise() -> None:
    """A journal from the future is not misread."""
    with pytest.raises(ValueError, match="surprise"):
        decode("surprise", {})


def test_requests_and_results_survive_json() -> None:
    """So do they."""
    request = BuildRequest(spec=Spec(provider="git", repository="https://h/r", ref="x", subdir="a/b"), refresh=True)
    assert decode_request(json.loads(json.dumps(encode_request(request)))) == request
    assert decode_built(json.loads(json.dumps(encode_built(BUILT)))) == BUILT


def test_packages_that_were_added_survive_json_and_change_the_key() -> None:
    """Requests without any are stored, and named, as before there were any."""
    plain = Spec(provider="gh", repository="org/repo")
    revision = Revision(spec=plain, commit="0" * 40, url="https://e.org", name="repo")
    asked = BuildRequest(spec=plain, revision=revision)
    added = replace(plain, packages="numpy\npandas")
    more = replace(asked, spec=added, revision=replace(revision, spec=added))
    assert decode_request(json.loads(json.dumps(encode_request(more)))) == more
    assert request_key(more) != request_key(asked) and "packages" not in json.dumps(encode_request(asked))
    assert repository_key(added) != repository_key(plain) and spec_key(added) != spec_key(plain)


def test_only_equal_requests_have_one_key() -> None:
    """Every field counts."""
    spec = Spec(provider="gh", repository="o/r")
    others = [
        BuildRequest(spec=spec),
        BuildRequest(spec=spec, refresh=True),
        BuildRequest(spec=spec, as_of="2024-01-01"),
        BuildRequest(spec=spec, push="r/n:1"),
        BuildRequest(spec=spec, base_image="b:1"),
        BuildRequest(spec=Spec(provider="gh", repository="o/r", subdir="x")),
    ]
    assert len({request_key(request) for request in others}) == len(others)
    assert request_key(others[0]) == request_key(BuildRequest(spec=Spec(provider="gh", repository="o/r")))
