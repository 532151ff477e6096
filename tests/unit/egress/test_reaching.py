"""Hosts that cannot be reached, whoever says so."""

from __future__ import annotations

import errno
import socket

import httpx
import pytest

from hubkiln.egress import host_in, reason, unanswered


def caused(error: Exception, cause: BaseException) -> Exception:
    """`error`, raised from `cause`."""
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("why", "says"),
    [
        (socket.gaierror(socket.EAI_AGAIN, "x"), "name service does not answer"),
        (caused(httpx.ConnectError("x"), socket.gaierror(socket.EAI_NONAME, "x")), "No host named h.example is known"),
        (caused(httpx.ConnectError("x"), ConnectionRefusedError(111, "Connection refused")), "refuses the connection"),
        (OSError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 9)"), "refuses the connection"),
        (ExceptionGroup("tried", [OSError(errno.ENETUNREACH, "Connect call failed")]), "no network that leads there"),
        (OSError(errno.ENETUNREACH, "x"), "no network that leads there"),
        (httpx.ReadTimeout(""), "does not answer in time"),
        (TimeoutError(), "does not answer in time"),
        ("dial tcp: lookup h.example on 10.0.0.1:53: server misbehaving", "name service does not answer"),
        ("[Errno 113] No route to host", "no network that leads there"),
        ("something else", "h.example does not answer"),
    ],
)
def test_the_host_is_named_with_what_is_known(why: BaseException | str, says: str) -> None:
    """Errors of Python's own and words of any program come to the same few sentences."""
    error = unanswered("h.example", why)
    assert says in error.message and "h.example" in error.message and error.hint
    assert "spelling" not in str(error)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("error sending request for url (https://conda.anaconda.org/conda-forge/repodata.json)", "conda.anaconda.org"),
        ("Could not resolve host: github.com", "github.com"),
        ("lookup registry-1.docker.io: no such host", "registry-1.docker.io"),
        ("HTTPSConnectionPool(host='zenodo.org', port=443)", "zenodo.org"),
        ("Temporary failure resolving 'deb.debian.org'", "deb.debian.org"),
        ("nothing of the kind", ""),
        ("RequestError: getaddrinfo EAI_AGAIN registry.yarnpkg.com", "registry.yarnpkg.com"),
        ("npm error network request failed, reason: getaddrinfo ENOTFOUND npm.example", "npm.example"),
        ("Error: connect ECONNREFUSED 10.1.2.3:443", "10.1.2.3"),
        ("wget: unable to resolve host address ‘data.example.org’", "data.example.org"),
    ],
)
def test_the_host_is_found_in_what_programs_print(text: str, host: str) -> None:
    """curl, uv, rattler, Go's programs, requests, apt, Node.js, yarn and wget each name it in their own way."""
    assert host_in(text) == host


def test_other_failures_are_none_of_a_network() -> None:
    """A message that says nothing of hosts is not taken for one."""
    assert reason("ValueError: no such column") is None
