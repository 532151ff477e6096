"""What ``hubkiln up`` says once the hub runs: only what is so, also where an admin's configuration made it another."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from hubkiln.up.running import Password, RunningHub
from hubkiln.up.settings import HubSettings, UpSettings, is_loopback, suggested_user

OPEN = """\
  Warning: everybody who reaches this machine can try to log in, and passwords and files cross the network unencrypted.
  Listen on 127.0.0.1 alone (as without --ip), put a web server with TLS in front (`caddy reverse-proxy --from
  hub.example.org --to 127.0.0.1:8000` is enough), and name it with --public-url https://hub.example.org."""
"""What is said where the hub is open to others."""

NAMES = 5
"""User names that are told at most."""


def greeting(settings: UpSettings, told: HubSettings, hub: RunningHub) -> list[str]:
    """What the user is told once the hub runs."""
    lines = [f"\nHubkiln is running at  {hub.public_url or local(hub.bind_url)}", *_login(settings, told, hub)]
    if not hub.sandboxes:
        lines.append(f"  Servers are those of {hub.spawner}, which your configuration names.")
    elif not hub.isolation:
        lines.append("  Without isolation: servers see everything that you see.")
    if not _kept_in(hub.bind_url) and not hub.public_url.startswith("https:"):
        lines.append(OPEN)
    return [*lines, "Ctrl-C stops it.\n"]


def farewell(hub: RunningHub | None) -> str:
    """What is told when it is stopped."""
    servers = hub is None or hub.sandboxes or hub.ends_servers
    return f"Stopping {'servers, ' if servers else ''}build service and hub …"


def _login(settings: UpSettings, told: HubSettings, hub: RunningHub) -> Iterator[str]:
    if hub.password is Password.NONE:
        yield f"  log in:     as {hub.authenticator} asks for it, which your configuration names"
        if settings.password:
            yield "  The password that was given opens nothing."
        return
    yield _user(hub)
    if hub.password is Password.ANOTHER:
        yield "  password:   the one of your configuration"
    else:
        once = "" if settings.password else "   (new at every start; --password-file sets one)"
        yield f"  password:   {told.password}{once}"


def _user(hub: RunningHub) -> str:
    if not hub.everybody:
        names = ", ".join(hub.users[:NAMES]) + (", …" if len(hub.users) > NAMES else "")
        return f"  user name:  {names or 'one'}   (as your configuration allows)"
    name = next((name for name in (suggested_user(), "jovyan", "ada") if name not in hub.others), "any")
    home = ", with a home of its own" if hub.sandboxes else ""
    return f"  user name:  {name}   (any other name is another user{home})"


def _kept_in(url: str) -> bool:
    """Whether what comes to `url` crosses no network, or is encrypted there."""
    parts = urlsplit(url)
    return parts.scheme != "http" or is_loopback(parts.hostname or "")


def local(url: str) -> str:
    """`url` as it can be opened on this machine."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    here = {None: "127.0.0.1", "": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(parts.hostname)
    return parts._replace(netloc=f"{here}{port}").geturl() if here else url
