"""The rooms in which run steps work: the image as it is so far, writable everywhere, with nothing of ours to see.

Variables come from here and nowhere else, so that no step ever gets a credential: addresses of the package index
and of proxies are given without user names and passwords, and certificates as one file below ``/run``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from hubkiln.composer.steps.interface import StepLayer
from hubkiln.composer.steps.settings import StepSettings
from hubkiln.conventions import HOME
from hubkiln.data_dir import DataDir
from hubkiln.egress import EVERYTHING, Reach
from hubkiln.local_images import LocalImage, home_lowers, room_for
from hubkiln.processes import PROXIES
from hubkiln.sandbox import DOOR_PORT, Mount, Network, Overlay, Room
from hubkiln.trees import MTIME

CERTIFICATES = "/run/hubkiln-certificates.pem"
_CERTIFICATE_VARIABLES = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "PIP_CERT",
    "GIT_SSL_CAINFO",
    "NODE_EXTRA_CA_CERTS",
)


def step_room(
    data: DataDir, image: LocalImage, below: Sequence[StepLayer], work: Path, settings: StepSettings, *, name: str
) -> Room:
    """
    The room of a step over `image` and what the steps `below` changed; writes go to folders in `work`.

    Those are ``root`` (for ``/``), ``environment``, ``content`` and ``home``.
    """
    image = replace(image, steps=tuple(place for layer in below for place in layer.places))
    room = room_for(
        data.rooms,
        image,
        home=None,
        work=work,
        env=surroundings(settings.reach),
        limits=settings.limits,
        network=settings.reach.network,
        writable_content=True,
        name=name,
    )
    home = Overlay(target=HOME, lowers=home_lowers(data.rooms, image), upper=work / "home")
    overlays = [overlay for overlay in room.overlays if overlay.target != HOME]
    mounts = list(room.mounts)
    if (bundle := certificates()) is not None:
        mounts.append(Mount(source=bundle, target=CERTIFICATES))
    return replace(room, overlays=(*overlays, home), mounts=tuple(mounts))


def surroundings(reach: Reach = EVERYTHING) -> dict[str, str]:
    """Variables of every step: certificates, the way to the network, and what makes results repeatable."""
    found = proxies(reach)
    if certificates() is not None:
        found |= dict.fromkeys(_CERTIFICATE_VARIABLES, CERTIFICATES)
    return found | {
        "SOURCE_DATE_EPOCH": str(MTIME),
        "PYTHONHASHSEED": "0",
        "DEBIAN_FRONTEND": "noninteractive",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PIP_PROGRESS_BAR": "off",
    }


def proxies(reach: Reach) -> dict[str, str]:
    """Variables that lead programs to the proxy: this machine's own, without credentials, or that of the sandbox."""
    if reach.network is Network.HOST:
        return {name: os.environ[name] for name in PROXIES if name in os.environ and "@" not in os.environ[name]}
    if reach.network is Network.NONE:
        return {}
    found = {name: f"http://127.0.0.1:{DOOR_PORT}" for name in PROXIES if not name.lower().startswith("no")}
    own = "" if reach.has_loopback else "localhost,127.0.0.1,::1"
    return found | {"no_proxy": own, "NO_PROXY": own}


def certificates() -> Path | None:
    """The file of certificates that this machine's admin has set, if any; else each system's own are used."""
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if (found := os.environ.get(name)) and Path(found).is_file():
            return Path(found)
    return None


def index_variables(address: str) -> dict[str, str]:
    """Variables that make pip and uv in a step ask the index at `address`, and no file say otherwise."""
    shown = without_credentials(address)
    return {"PIP_INDEX_URL": shown, "UV_DEFAULT_INDEX": shown, "PIP_CONFIG_FILE": os.devnull}


def without_credentials(url: str) -> str:
    """`url` as a step may see it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
