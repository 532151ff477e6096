"""What the service has to answer with besides builds: given by the workshop behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hubkiln.builds import Glances, Sources
from hubkiln.images import Looks, References
from hubkiln.repositories import Recognised, Refs
from hubkiln.values import Spec
from hubkiln.web.kinds import KINDS, Written
from hubkiln.web.models import EngineModel
from hubkiln.web.requests import Contents, NoContents, no_refs
from hubkiln.web.storage_report import Ask


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The fields that :class:`hubkiln.web.requests.Parts` has too mean the same there."""

    engine: Callable[[], EngineModel]
    parse: Callable[[str, str | None, str], Spec]
    parse_provider: Callable[[str, str], Spec]
    recognise: Callable[[str, str | None, str], Recognised]
    contents: Contents = field(default_factory=NoContents)
    refs: Glances[Refs] = field(default_factory=lambda: Glances(no_refs))
    looks: Looks = field(default_factory=Looks)
    references: References = field(default_factory=References)
    kinds: Sequence[Written] = KINDS
    sources: Sources | None = None
    """Looks up what builds are asked for before they begin."""
    storage: Ask | None = None
    """Tells what a collection would do."""
