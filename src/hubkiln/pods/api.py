"""The few requests that step pods need of a Kubernetes API server: make, look, watch, read logs, remove.

Kubernetes' own client for Python weighs 40 MB and knows thousands of objects; here are seven requests of plain JSON.
In a cluster it finds the server and its token where every pod does, and reads the token again as it is renewed.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from hubkiln.errors import BadSpec, EngineMissing, ServiceError, Unreachable

Json = dict[str, Any]
"""An object of Kubernetes."""

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_SECONDS = 20.0
_WATCH_SECONDS = 60
"""After which a watch begins anew: what was missed is seen then."""


class Refusal(ServiceError):
    """The API server refuses; `reason` is its own word for why."""

    def __init__(self, number: int, reason: str, said: str) -> None:
        super().__init__(f"Kubernetes refuses: {said.rstrip('.')}.")
        self.number, self.reason, self.said = number, reason, said


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Where an API server is, and who we are to it."""

    url: str
    namespace: str
    token: str = field(default="", repr=False)
    token_file: Path | None = None
    """Instead of `token`; read again for each request, because it is renewed."""
    authority: str | None = None
    """PEM of who vouches for the server; None for those that this machine trusts."""
    certificate: tuple[str, str] | None = None
    """Files of a client's certificate and its key."""
    trusted: bool = True
    """False to believe whoever answers."""

    def bearer(self) -> str:
        """The token of now."""
        return self.token_file.read_text().strip() if self.token_file else self.token


def here(environ: Mapping[str, str] = os.environ, account: Path = ACCOUNT) -> Cluster:
    """
    The cluster that we run in, or that ``KUBECONFIG`` names.

    Raises:
        EngineMissing: neither is there.
    """
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT", "443")
    if named := environ.get("KUBECONFIG"):
        return of_kubeconfig(Path(named.partition(os.pathsep)[0]))
    token = account / "token"
    if not host or not token.is_file():
        raise EngineMissing(
            "There is no Kubernetes here that step pods could be asked of.",
            hint="Run Hubkiln in a pod whose service account is mounted, or name a cluster in KUBECONFIG.",
        )
    return Cluster(
        url=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        namespace=(account / "namespace").read_text().strip(),
        token_file=token,
        authority=(account / "ca.crt").read_text(),
    )


def of_kubeconfig(path: Path) -> Cluster:
    """
    The cluster of the file's current context; programs that bring tokens are not called.

    Raises:
        BadSpec: it cannot be read.
    """
    import yaml  # only where a kubeconfig is

    try:
        document = yaml.safe_load(path.read_text())
        context = _named(document["contexts"], document["current-context"])["context"]
        cluster = _named(document["clusters"], context["cluster"])["cluster"]
        user = _named(document["users"], context["user"]).get("user") or {}
        authority = _data(cluster, "certificate-authority")
        pair = (user.get("client-certificate"), user.get("client-key"))
        return Cluster(
            url=cluster["server"].rstrip("/"),
            namespace=context.get("namespace", "default"),
            token=user.get("token", ""),
            authority=authority,
            certificate=(str(pair[0]), str(pair[1])) if all(pair) else None,
            trusted=not cluster.get("insecure-skip-tls-verify", False),
        )
    except (OSError, KeyError, TypeError, StopIteration, ValueError, yaml.YAMLError) as error:
        hint = "It needs a current context, with a token or the files of a certificate."
        raise BadSpec(f"The kubeconfig {path} cannot be read: {error}.", hint=hint) from error


class Api:
    """Requests to one namespace of a cluster; use as ``async with``."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._base = f"{cluster.url}/api/v1/namespaces/{cluster.namespace}"
        self._client = httpx.AsyncClient(verify=_trust(cluster), timeout=_SECONDS, trust_env=False)

    async def __aenter__(self) -> Api:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def create(self, pod: Json, *, dry_run: bool = False) -> Json:
        """
        Make `pod`; with `dry_run`, only see whether that would be admitted.

        Raises:
            Refusal, Unreachable.
        """
        return await self._ask("POST", f"{self._base}/pods", pod, {"dryRun": "All"} if dry_run else {})

    async def get(self, name: str) -> Json:
        """The pod `name`; raises as :meth:`create`."""
        return await self._ask("GET", f"{self._base}/pods/{name}")

    async def list(self, selector: str) -> Json:
        """The list of pods with the labels of `selector`; raises as :meth:`create`."""
        return await self._ask("GET", f"{self._base}/pods", params={"labelSelector": selector})

    async def delete(self, name: str, grace: int = 0) -> None:
        """Remove the pod `name`, which has `grace` seconds to end; fine if it has gone. Raises as :meth:`create`."""
        try:
            await self._ask("DELETE", f"{self._base}/pods/{name}", {"gracePeriodSeconds": grace})
        except Refusal as refusal:
            if refusal.number != httpx.codes.NOT_FOUND:
                raise

    async def review(self, verb: str, resource: str, subresource: str = "") -> bool:
        """Whether we may do that in the namespace; raises as :meth:`create`."""
        asked = {"namespace": self.cluster.namespace, "verb": verb, "resource": resource, "subresource": subresource}
        document = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        url = f"{self.cluster.url}/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        return bool((await self._ask("POST", url, document))["status"].get("allowed"))

    async def watch(self, name: str, version: str) -> AsyncIterator[Json]:
        """
        The pod `name` each time that it changes after `version`, for about a minute; ``{}`` once it has gone.

        Raises:
            Refusal: 410 where `version` is too old to go on from. Unreachable.
        """
        params = {
            "watch": "1",
            "fieldSelector": f"metadata.name={name}",
            "resourceVersion": version,
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        async for line in self._lines(f"{self._base}/pods", params, _WATCH_SECONDS + _SECONDS):
            event = json.loads(line)
            if event["type"] == "ERROR":
                raise _refusal(event["object"])
            yield {} if event["type"] == "DELETED" else event["object"]

    async def log(self, name: str, since: str | None = None) -> AsyncIterator[str]:
        """
        What the pod `name` says, a line each with the time before it, until its end; from the time `since`.

        Raises:
            as :meth:`watch`.
        """
        params = {"follow": "true", "timestamps": "true"} | ({"sinceTime": since} if since else {})
        async for line in self._lines(f"{self._base}/pods/{name}/log", params, None):
            yield line

    async def _ask(
        self, method: str, url: str, document: Json | None = None, params: Mapping[str, str] | None = None
    ) -> Json:
        try:
            answer = await self._client.request(method, url, json=document, params=params, headers=self._headers())
            found: Json = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise _away(error) from error
        if answer.is_error:
            raise _refusal(found)
        return found

    async def _lines(self, url: str, params: Mapping[str, str], seconds: float | None) -> AsyncIterator[str]:
        limit = httpx.Timeout(_SECONDS, read=seconds)
        try:
            async with self._client.stream("GET", url, params=params, headers=self._headers(), timeout=limit) as answer:
                if answer.is_error:
                    raise _refusal(json.loads(await answer.aread()))
                async for line in answer.aiter_lines():
                    yield line
        except (httpx.HTTPError, ValueError) as error:
            raise _away(error) from error

    def _headers(self) -> dict[str, str]:
        token = self.cluster.bearer()
        return {"Authorization": f"Bearer {token}"} if token else {}


def _away(error: Exception) -> Unreachable:
    said = str(error) or type(error).__name__
    return Unreachable(f"Kubernetes' API server does not answer ({said[:200]}).", hint="Try again in a few minutes.")


def _refusal(status: Json) -> Refusal:
    return Refusal(int(status.get("code") or 500), str(status.get("reason", "")), str(status.get("message", ""))[:2000])


def _trust(cluster: Cluster) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=cluster.authority)
    if not cluster.trusted:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if cluster.certificate:
        context.load_cert_chain(*cluster.certificate)
    return context


def _named(things: list[Json], name: str) -> Json:
    return next(thing for thing in things if thing["name"] == name)


def _data(holder: Json, key: str) -> str | None:
    if f"{key}-data" in holder:
        return base64.b64decode(holder[f"{key}-data"]).decode()
    return Path(holder[key]).read_text() if key in holder else None
