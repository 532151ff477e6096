"""OCI images: documents, layers, and registries that are pushed to and pulled from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkiln.faces import lazily

if TYPE_CHECKING:
    from hubkiln.images.clients import Clients, push_settings
    from hubkiln.images.clients import clients as registry_clients
    from hubkiln.images.clients import settings as registry_settings
    from hubkiln.images.credentials import Login
    from hubkiln.images.interface import Descriptor, Layer, Moved, PushSettings, RegistrySettings
    from hubkiln.images.layer_groups import BIG, LayerGroup, LayerPart, Role
    from hubkiln.images.layer_groups import group as group_layers
    from hubkiln.images.layer_index import InMemoryLayerIndex, SqliteLayerIndex
    from hubkiln.images.layer_store import LayerStore
    from hubkiln.images.layers import write_layer
    from hubkiln.images.layout import OciLayout
    from hubkiln.images.look import Looks, Seen, Sign
    from hubkiln.images.manifest import (
        Image,
        ParentImage,
        Runtime,
        canonical,
        descriptor_json,
        read_descriptor,
        read_layers,
    )
    from hubkiln.images.manifest import compose as compose_image
    from hubkiln.images.manifest import joined as joined_images
    from hubkiln.images.media_types import (
        DOCKER_LAYER_GZIP,
        OCI_CONFIG,
        OCI_LAYER,
        OCI_LAYER_GZIP,
        OCI_LAYER_ZSTD,
        OCI_MANIFEST,
    )
    from hubkiln.images.merging import merge as merge_trees
    from hubkiln.images.names import ImageName, parse_name
    from hubkiln.images.platforms import own_platform
    from hubkiln.images.pull import Pulled as PulledImage
    from hubkiln.images.pull import inspect as inspect_image
    from hubkiln.images.pull import pull as pull_image
    from hubkiln.images.push import LazyLayer, MadeLayer, Pusher, Tally, push_from_layout
    from hubkiln.images.push_target import PushTarget
    from hubkiln.images.references import References
    from hubkiln.images.registry import Document, RegistryClient
    from hubkiln.images.stores import image_stores, tagged_roots

__all__ = [
    "BIG",
    "DOCKER_LAYER_GZIP",
    "OCI_CONFIG",
    "OCI_LAYER",
    "OCI_LAYER_GZIP",
    "OCI_LAYER_ZSTD",
    "OCI_MANIFEST",
    "Clients",
    "Descriptor",
    "Document",
    "Image",
    "ImageName",
    "InMemoryLayerIndex",
    "Layer",
    "LayerGroup",
    "LayerPart",
    "LayerStore",
    "LazyLayer",
    "Login",
    "Looks",
    "MadeLayer",
    "Moved",
    "OciLayout",
    "ParentImage",
    "PulledImage",
    "PushSettings",
    "PushTarget",
    "Pusher",
    "References",
    "RegistryClient",
    "RegistrySettings",
    "Role",
    "Runtime",
    "Seen",
    "Sign",
    "SqliteLayerIndex",
    "Tally",
    "canonical",
    "compose_image",
    "descriptor_json",
    "group_layers",
    "image_stores",
    "inspect_image",
    "joined_images",
    "merge_trees",
    "own_platform",
    "parse_name",
    "pull_image",
    "push_from_layout",
    "push_settings",
    "read_descriptor",
    "read_layers",
    "registry_clients",
    "registry_settings",
    "tagged_roots",
    "write_layer",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)
