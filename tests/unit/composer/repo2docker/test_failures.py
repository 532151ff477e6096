"""Why repo2docker failed, before its first step and in one."""

from __future__ import annotations

import pytest

from hubkiln.composer.repo2docker.failures import repo2docker_error
from hubkiln.errors import (
    BuildFailed,
    DiskFull,
    EngineMissing,
    HubkilnError,
    RecipeError,
    ServiceError,
    Unreachable,
)


@pytest.mark.parametrize(
    ("log", "kind", "text"),
    [
        (
            'Error: building at STEP "RUN make": while running runtime: exit status 2',
            BuildFailed,
            "'RUN make' failed (exit status 2)",
        ),
        (
            'error building at STEP "COPY x /": checking on sources: no such file or directory',
            BuildFailed,
            "'COPY x /' failed",
        ),
        (
            'ERROR: failed to solve: process "/bin/sh -c make" did not complete successfully: exit code: 2',
            BuildFailed,
            "'/bin/sh -c make' failed",
        ),
        (
            "Error: initializing source docker://quay.io/x/y:1: reading manifest: unauthorized",
            BuildFailed,
            "quay.io/x/y:1 does not exist",
        ),
        (
            "Error: initializing source docker://h:5/x:1: pinging: dial tcp: connect: connection refused",
            Unreachable,
            "h:5/x:1",
        ),
        ("write /var/x: no space left on device", DiskFull, "space"),
        ("ValueError: Container engine 'hubkiln' not found. Available engines: docker", ServiceError, "engine"),
        ("one\nError: something else\nlast", BuildFailed, "something else"),
        (
            "Error: creating build container: initializing source docker://python:3: pinging container registry "
            'registry-1.docker.io: Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io: '
            "no such host",
            Unreachable,
            "python:3 cannot be fetched. No host named registry-1.docker.io is known here",
        ),
        (
            "Error during build: HTTPSConnectionPool(host='packagemanager.posit.co', port=443): Max retries exceeded "
            "with url: /__api__/url (Caused by NameResolutionError(\"HTTPSConnection(host='packagemanager.posit.co', "
            "port=443): Failed to resolve 'packagemanager.posit.co' ([Errno -2] Name or service not known)\"))",
            Unreachable,
            "No host named packagemanager.posit.co",
        ),
        (
            "Error during build: Microsoft killed MRAN, the source of R package snapshots before 2018-12-07. This repo "
            "has a snapshot date of 2015-01-01 specified in runtime.txt. Please use a newer snapshot date",
            RecipeError,
            "Please use a newer snapshot date",
        ),
        ("Error: no FROM statement found", RecipeError, "Dockerfile has a mistake in it: no FROM"),
        (
            "ERROR: failed to solve: dockerfile parse error on line 2: unknown instruction: RUM",
            RecipeError,
            "instruction: RUM",
        ),
        (
            'STEP 1/5: FROM debin:nope\nError: creating build container: short-name "debin:nope" did not resolve to an '
            "alias and no unqualified-search registries are defined",
            BuildFailed,
            "debin:nope does not exist",
        ),
        ("ERROR: failed to solve: python:3.99: not found", BuildFailed, "python:3.99 does not exist"),
        (
            "Error: initializing source docker://python:3: reading manifest 3 in docker.io/library/python: "
            "toomanyrequests: You have reached your pull rate limit",
            Unreachable,
            "too many requests",
        ),
        ("Error: cannot clone: Operation not permitted", EngineMissing, "cannot clone"),
        (
            "Error: initializing source docker://x.example/y: choosing an image from manifest list: no image found in "
            "image index for architecture amd64",
            BuildFailed,
            "not made for this machine's processor",
        ),
        (
            'pip: 429 Too Many Requests\nError: building at STEP "RUN pip install x": exit status 1',
            BuildFailed,
            "'RUN pip install x' failed",
        ),
        ("", BuildFailed, "code 1"),
    ],
)
def test_failures_are_explained(log: str, kind: type[HubkilnError], text: str) -> None:
    """Each common failure has its own class and names what failed."""
    error = repo2docker_error(1, log)
    assert type(error) is kind
    assert text in str(error)
    assert error.hint


def test_a_long_reason_is_never_cut_within_a_word() -> None:
    """What does not fit is left out word by word, and that is shown."""
    words = " ".join(f"reason{number}" for number in range(200))
    message = repo2docker_error(1, f"Error: {words}").message
    assert message.endswith(" ….") and set(message.split()[3:-1]) <= set(f"Error: {words}".split())
