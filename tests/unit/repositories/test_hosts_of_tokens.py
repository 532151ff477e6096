"""For which addresses a token is: one scheme, host and port, however it is written."""

from __future__ import annotations

import pytest

from hubkiln.repositories.tokens import host_of, read_host


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://git.example.org/org/repo.git", "git.example.org"),
        ("https://git.example.org:443/x", "git.example.org"),
        ("https://git.example.org:8443/x", "git.example.org:8443"),
        ("http://git.example.org/x", "http://git.example.org"),
        ("http://git.example.org:80/x", "http://git.example.org"),
        ("http://git.example.org:443/x", "http://git.example.org:443"),
        ("https://[2001:db8::1]:8443/x", "[2001:db8::1]:8443"),
        ("ssh://git@git.example.org/x", ""),
        ("https:///x", ""),
        ("https://h:99999/", ""),
        ("org/repo", ""),
        ("", ""),
    ],
)
def test_an_address_belongs_to_one_scheme_host_and_port(url: str, host: str) -> None:
    """What is usual is left out; what is no address of HTTP belongs to none."""
    assert host_of(url) == host


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("github.com", "github.com"),
        (" GitHub.com ", "github.com"),
        ("https://github.com/", "github.com"),
        ("git.example.org:443", "git.example.org"),
        ("git.example.org:8443", "git.example.org:8443"),
        ("http://10.1.2.3:3000", "http://10.1.2.3:3000"),
        ("http:/10.1.2.3:3000", "http://10.1.2.3:3000"),
        ("ssh://h", ""),
        ("me@h", ""),
        ("h/org", ""),
        ("h?x", ""),
        ("h:x", ""),
        ("", ""),
    ],
)
def test_people_write_hosts_as_they_know_them(written: str, host: str) -> None:
    """With the port where it is not the usual one, and the scheme where it is ``http``."""
    assert read_host(written) == host
