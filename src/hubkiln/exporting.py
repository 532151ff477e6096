"""What is in an image that was made here: its packages and labels, for the command line and for the service."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from hubkiln.assembly import Workshop
from hubkiln.composer import base_labels, read_parent
from hubkiln.conventions import LOCK_LABEL, PYTHON_LABEL
from hubkiln.errors import NotFound
from hubkiln.exports import Exported
from hubkiln.images import OciLayout, inspect_image, parse_name, registry_clients, registry_settings
from hubkiln.local_images import is_local
from hubkiln.values import Interpreter


async def exported(workshop: Workshop, image: str) -> Exported:
    """
    An image's packages.

    Raises:
        NotFound: there is no such image, we did not make it, or its lock is not kept here.
    """
    labels = await labels_of(workshop, image)
    python = Interpreter(version=label(labels, PYTHON_LABEL, image), path=Path("/usr/bin/python3"), roots=())
    digest = label(labels, LOCK_LABEL, image)
    text = await workshop.locks.by_digest(digest)
    if text is None:
        raise NotFound(
            f"The lock of {image} is not kept on this machine.", hint="Export it on the machine that built it."
        )
    return Exported(image=image, lock=workshop.packages.parse(text, python), labels=labels)


async def labels_of(workshop: Workshop, image: str) -> Mapping[str, str]:
    """
    What an image says of itself, from here if it was made here: its registry may be gone.

    Raises:
        NotFound: there is no such image.
    """
    if is_local(image):
        return dict(workshop.images.get(image).labels)
    name, layout = parse_name(image), OciLayout(workshop.data.layers)
    if name.digest is not None and layout.has(name.digest):
        return base_labels(read_parent(layout, name.digest))
    async with registry_clients(None, registry_settings(os.environ))() as client:
        config = (await inspect_image(client, parse_name(image))).config.get("config")
    labels = config.get("Labels") if isinstance(config, dict) else None
    return {str(name): str(value) for name, value in labels.items()} if isinstance(labels, dict) else {}


def label(labels: Mapping[str, str], name: str, image: str) -> str:
    """
    One of `labels`.

    Raises:
        NotFound: the image does not say it.
    """
    if not (value := labels.get(name)) or not value.isprintable():
        raise NotFound(
            f"The image {image} does not say what it was made of ({name}).",
            hint="Give an image that Hubkiln made of a repository; of a folder, build the folder with --lock.",
        )
    return value
