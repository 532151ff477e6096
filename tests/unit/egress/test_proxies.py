"""The proxies that the environment names."""

from __future__ import annotations

import pytest

from hubkiln.egress import check_proxies
from hubkiln.errors import ServiceError


@pytest.mark.parametrize(
    "address",
    ["socks5://proxy:1080", "socks5h://me:secret@proxy:1080", "foo://x", "http://", "http://proxy:port", "http://[x:1"],
)
def test_a_proxy_that_is_none_for_http_is_named(address: str) -> None:
    """The variable, and where it leads; a password in it is not said."""
    with pytest.raises(ServiceError, match="ALL_PROXY names") as told:
        check_proxies({"no": "localhost", "all": address})
    assert "secret" not in str(told.value)


def test_proxies_for_http_may_be_named_as_everywhere() -> None:
    """With a scheme or without, with a login, and empty for none."""
    check_proxies({"http": "proxy:3128", "https": "http://me:secret@proxy:3128", "all": "", "ftp": "ftp://x"})
