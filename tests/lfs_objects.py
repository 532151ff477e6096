"""Git LFS's batch API as it is documented, for :class:`git_server.GitServer`: what a real server answers, and more.

Requests are held to the documented form: https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TYPE = "application/vnd.git-lfs+json"
BATCH, STORE = "/info/lfs/objects/batch", "/lfs-store/"

Answer = tuple[int, dict[str, str], bytes]


def pointer(content: bytes) -> str:
    """What git has in the place of `content`."""
    oid = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n"


@dataclass
class LfsObjects:
    """Answers batches for what it has, with addresses below `store`, which may be another server's."""

    store: str
    """``http://127.0.0.1:1234``."""
    objects: dict[str, bytes] = field(default_factory=dict)
    served: dict[str, bytes] = field(default_factory=dict)
    """What is really sent for some, instead."""
    status: int = 200
    login: str = ""
    """The ``Authorization`` header without which nothing is told."""
    key: str = ""
    """The ``Authorization`` header that the store wants, and that answers give."""
    actions: dict[str, Any] = field(default_factory=dict)
    """Put into each answer's download action."""
    redirect: str = ""
    """Where the store sends people."""
    batches: list[dict[str, Any]] = field(default_factory=list)

    def add(self, content: bytes) -> str:
        """Keep `content`; returns its pointer."""
        self.objects[hashlib.sha256(content).hexdigest()] = content
        return pointer(content)

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer | None:
        """To any request; None for those that are not about LFS."""
        if path.endswith(BATCH):
            return self._batch(method, headers, body)
        if not path.startswith(STORE):
            return None
        if self.redirect:
            return 302, {"Location": self.redirect}, b""
        if self.key and headers.get("Authorization") != self.key:
            return 403, {}, b""
        oid = path.removeprefix(STORE)
        content = self.served.get(oid, self.objects.get(oid))
        return (404, {}, b"") if content is None else (200, {"Content-Type": "application/octet-stream"}, content)

    def _batch(self, method: str, headers: Mapping[str, str], body: bytes) -> Answer:
        asked = json.loads(body)
        self.batches.append(asked)
        assert method == "POST" and headers["Accept"] == headers["Content-Type"] == TYPE
        assert asked["operation"] == "download" and asked["transfers"] == ["basic"] and asked["hash_algo"] == "sha256"
        assert all(set(one) == {"oid", "size"} and len(one["oid"]) == 64 for one in asked["objects"])
        if self.login and headers.get("Authorization") != self.login:
            return _json(401, {"message": "Credentials needed"})
        if self.status != 200:
            return _json(self.status, {"message": "This repository is over its data quota"})
        return _json(200, {"transfer": "basic", "objects": [self._told(**one) for one in asked["objects"]]})

    def _told(self, oid: str, size: int) -> dict[str, Any]:
        if oid not in self.objects:
            return {"oid": oid, "size": size, "error": {"code": 404, "message": "Object does not exist"}}
        header = {"Authorization": self.key} if self.key else {}
        action = {"href": f"{self.store}{STORE}{oid}", "header": header, "expires_in": 600}
        return {"oid": oid, "size": size, "authenticated": True, "actions": {"download": action | self.actions}}


def _json(status: int, told: object) -> Answer:
    return status, {"Content-Type": TYPE}, json.dumps(told).encode()
