"""What to build: specs become revisions, revisions become files on disk."""

from hubkiln.egress.guard import Guard
from hubkiln.repositories.all import Repositories
from hubkiln.repositories.interface import Provider, RepositorySettings
from hubkiln.repositories.specs import parse_provider_path, parse_spec, provider_path

__all__ = [
    "Guard",
    "Provider",
    "Repositories",
    "RepositorySettings",
    "parse_provider_path",
    "parse_spec",
    "provider_path",
]
