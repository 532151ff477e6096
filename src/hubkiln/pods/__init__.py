"""Rooms of strangers' processes as pods of a Kubernetes cluster: each run step, and each check, is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkiln.faces import lazily

if TYPE_CHECKING:
    from hubkiln.pods.admission import in_namespace
    from hubkiln.pods.api import Api, Cluster
    from hubkiln.pods.api import here as cluster_here
    from hubkiln.pods.description import held
    from hubkiln.pods.engine import PodEngine
    from hubkiln.pods.examination import Fact, examined
    from hubkiln.pods.interface import PodSettings
    from hubkiln.pods.interface import settings as pod_settings
    from hubkiln.pods.reach import Forbidden
    from hubkiln.pods.room_images import RoomImages

__all__ = [
    "Api",
    "Cluster",
    "Fact",
    "Forbidden",
    "PodEngine",
    "PodSettings",
    "RoomImages",
    "cluster_here",
    "examined",
    "held",
    "in_namespace",
    "pod_settings",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)
