"""Where an environment is made: in this machine's stores, or in a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkiln.faces import lazily

if TYPE_CHECKING:
    from hubkiln.composer.targets.composing import ByRequest, Composer
    from hubkiln.composer.targets.entrypoint import DELIVER, START
    from hubkiln.composer.targets.interface import DryRun, Maker, Order, Prepared, Result
    from hubkiln.composer.targets.layers import PushTools, content_layer
    from hubkiln.composer.targets.local import LocalTarget
    from hubkiln.composer.targets.patience import Patience
    from hubkiln.composer.targets.registry import RegistryTarget
    from hubkiln.composer.targets.smoke_test import SmokeTest
    from hubkiln.composer.targets.tagged import TaggedImage, counts
    from hubkiln.composer.targets.wheel_layers import WheelLayers, layer_key, tree_key

__all__ = [
    "DELIVER",
    "START",
    "ByRequest",
    "Composer",
    "DryRun",
    "LocalTarget",
    "Maker",
    "Order",
    "Patience",
    "Prepared",
    "PushTools",
    "RegistryTarget",
    "Result",
    "SmokeTest",
    "TaggedImage",
    "WheelLayers",
    "content_layer",
    "counts",
    "layer_key",
    "tree_key",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)
