"""Images that run on this machine: documents, unpacked layers, and the rooms they become."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkiln.faces import lazily

if TYPE_CHECKING:
    from hubkiln.local_images.config import check_platform, image_of_config
    from hubkiln.local_images.interface import LocalImage
    from hubkiln.local_images.pull import Pulled
    from hubkiln.local_images.room import (
        BEHIND,
        has_home,
        has_python,
        home_lowers,
        home_of,
        kernel_variables,
        kind_variables,
        places_of,
        room_for,
        started,
    )
    from hubkiln.local_images.room import nothing as empty_folder
    from hubkiln.local_images.running import Runs, attach, hand_over, scratch, workdir
    from hubkiln.local_images.server_check import ServerChecks, has_program
    from hubkiln.local_images.store import LocalImages, is_local, local_references
    from hubkiln.local_images.stores import keep_in_use, local_image_stores, reference_root, running_roots
    from hubkiln.local_images.system import without_glibc
    from hubkiln.local_images.unpacked import UnpackedLayers, layer_folders
    from hubkiln.local_images.verify import Run
    from hubkiln.local_images.verify import verify as verify_server
    from hubkiln.local_images.work_folder import at_desk, clear_left, in_use

__all__ = [
    "BEHIND",
    "LocalImage",
    "LocalImages",
    "Pulled",
    "Run",
    "Runs",
    "ServerChecks",
    "UnpackedLayers",
    "at_desk",
    "attach",
    "check_platform",
    "clear_left",
    "empty_folder",
    "hand_over",
    "has_home",
    "has_program",
    "has_python",
    "home_lowers",
    "home_of",
    "image_of_config",
    "in_use",
    "is_local",
    "keep_in_use",
    "kernel_variables",
    "kind_variables",
    "layer_folders",
    "local_image_stores",
    "local_references",
    "places_of",
    "reference_root",
    "room_for",
    "running_roots",
    "scratch",
    "started",
    "verify_server",
    "without_glibc",
    "workdir",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)
