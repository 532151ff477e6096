"""User options in the shapes of other systems, brought into ours where an admin lets them in.

What is in them counts as typed by the user: the admin's rule and the build service decide, as for the form. Without
the admin's word they stay what they are, options that no profile has, and are refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hubkiln.errors import BadSpec
from hubkiln.hub.choices import BadChoice
from hubkiln.hub.launched import chosen_for
from hubkiln.hub.profiles import Profile
from hubkiln.launches import FACTS, MARK

SHAPES = {
    "binderhub": frozenset({"image", "repo_url", "token", MARK, *FACTS}),
    "tljh": frozenset({"image", "metadata"}),
}
"""Keys of each system's options: BinderHub's launcher, tljh-repo2docker."""


def check_accepted(accept: Sequence[str]) -> tuple[str, ...]:
    """
    An admin's list of systems.

    Raises:
        BadSpec: one of them is not known.
    """
    if strange := [name for name in accept if name not in SHAPES]:
        raise BadSpec(f"Options of {strange[0]!r} are not known.", hint=f"Choose of: {', '.join(SHAPES)}.")
    return tuple(accept)


def native(
    options: Mapping[str, Any], profiles: Sequence[Profile], groups: Sequence[str], accept: Sequence[str]
) -> Mapping[str, Any]:
    """
    `options` in our shape, where they are in one of those that are accepted; else as they are.

    Options that the service signed once are always ours, also when they are too old to be taken as they stand.

    Raises:
        BadChoice: something in them cannot be had here.
    """
    shape = next((name for name in SHAPES if _is(name, options) and (name in accept or MARK in options)), None)
    if shape is None:
        return options
    if metadata := options.get("metadata"):
        wanted = ", ".join(sorted(map(str, metadata))) if isinstance(metadata, Mapping) else "metadata"
        raise BadChoice(f"This hub takes no {wanted} with an image.", hint="Choose a profile instead.")
    profile = chosen_for(str(options["image"]), profiles, groups).profile
    if "image" not in profile["profile_options"]:
        raise BadChoice("This hub's profiles have no image to choose.", hint="Ask an admin to offer one.")
    return {"profile": profile["slug"], "image--unlisted-choice": options["image"]}


def _is(shape: str, options: Mapping[str, Any]) -> bool:
    return isinstance(options.get("image"), str) and len(options) > 1 and set(options) <= SHAPES[shape]
