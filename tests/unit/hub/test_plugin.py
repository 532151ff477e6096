"""What the plugin puts into a hub's configuration."""

from __future__ import annotations

from hubkiln.hub.plugin import service_environment


def test_the_service_gets_its_settings_and_no_secret_of_the_hub() -> None:
    """Variables that are settings are passed on; the hub's own are not."""
    told = service_environment(
        {"HUBKILN_ENGINE": "podman", "HUBKILN_UP": "/secrets", "CONFIGPROXY_AUTH_TOKEN": "t", "HOME": "/home/hub"}
    )
    assert told["HUBKILN_ENGINE"] == "podman" and told["HOME"] == "/home/hub"
    assert "HUBKILN_UP" not in told and "CONFIGPROXY_AUTH_TOKEN" not in told
