"""What a server is told of addresses in a network of its own."""

from __future__ import annotations

import pytest

from hubkiln.errors import ServiceError
from hubkiln.sandbox.interface import Way
from hubkiln.spawners.addresses import bound, seen_inside


def test_the_server_listens_on_its_own_loopback_and_finds_the_hub_there() -> None:
    """Paths stay; the hub's two addresses share one way."""
    env = {
        "JUPYTERHUB_SERVICE_URL": "http://0.0.0.0:41000/user/ada/",
        "JUPYTERHUB_API_URL": "http://127.0.0.1:8081/hub/api",
        "JUPYTERHUB_ACTIVITY_URL": "http://127.0.0.1:8081/hub/api/users/ada/activity",
        "OTHER": "http://127.0.0.1:8081/",
    }
    seen, ways = seen_inside(env, 41000)
    assert seen["JUPYTERHUB_SERVICE_URL"] == "http://127.0.0.1:41000/user/ada/"
    assert seen["JUPYTERHUB_ACTIVITY_URL"] == "http://127.0.0.1:8081/hub/api/users/ada/activity"
    assert seen["OTHER"] == env["OTHER"]
    assert ways == (Way(port=8081, host="127.0.0.1", to=8081),)


@pytest.mark.parametrize(
    ("url", "inside", "to"),
    [
        ("http://10.1.2.3:8081/hub/api", 8081, ("10.1.2.3", 8081)),
        ("http://10.1.2.3:41000/hub/api", 8081, ("10.1.2.3", 41000)),
        ("http://[::1]:9000/hub/api", 9000, ("::1", 9000)),
        ("https://10.1.2.3/hub/api", 8081, ("10.1.2.3", 443)),
    ],
)
def test_a_hub_elsewhere_is_reached_through_the_servers_loopback(url: str, inside: int, to: tuple[str, int]) -> None:
    """Also one at the port that the server has, and one at a port that needs privilege."""
    seen, ways = seen_inside({"JUPYTERHUB_API_URL": url}, 41000)
    assert ways == (Way(port=inside, host=to[0], to=to[1]),)
    assert seen["JUPYTERHUB_API_URL"] == f"{url.split(':')[0]}://127.0.0.1:{inside}/hub/api"


def test_a_port_that_is_taken_is_said() -> None:
    """An admin who wants one port for all gets a sentence."""
    with bound("127.0.0.1", 0) as first, pytest.raises(ServiceError, match="cannot be had"):
        bound("127.0.0.1", first.getsockname()[1])
