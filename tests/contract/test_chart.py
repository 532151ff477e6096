"""Our chart, rendered by the real Helm and held against Kubernetes' own schemas."""

from __future__ import annotations

import base64
import ipaddress
import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from helm import CHART, EXAMPLES, LEAST, helm, needs_helm, one, refused, rendered
from hubkiln.cli import cli

pytestmark = needs_helm

VERSIONS = ("1.32", "1.34", "1.37")
KEYS = json.loads((CHART / "files/keys.json").read_text())
OPERATOR = "monitoring.coreos.com/v1"
"""Objects of the Prometheus operator, whose schemas are not Kubernetes' own."""


def pods(objects: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The description of each pod that they make."""
    for item in objects:
        if item["kind"] == "Pod":
            yield item["spec"]
        elif "template" in item.get("spec", {}):
            yield item["spec"]["template"]["spec"]


@pytest.mark.parametrize("values", EXAMPLES, ids=lambda path: path.stem.removesuffix("-values"))
def test_what_is_made_is_kubernetes_and_restricted(values: Path) -> None:
    """Strictly valid in old and new versions; Pod Security *restricted* takes every pod; nobody gets any right."""
    kubernetes_validate = pytest.importorskip("kubernetes_validate")  # a second of imports, only here
    objects = rendered("--values", values, "--kube-version", VERSIONS[0])
    assert rendered("--values", values, "--kube-version", VERSIONS[-1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of jsonschema's, about what kubernetes-validate calls
        for version in VERSIONS:
            for item in objects:
                if item["apiVersion"] != OPERATOR:
                    kubernetes_validate.validate(item, version, strict=True)
    rights = {item["kind"] for item in objects} & {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}
    makes_pods = values.stem == "steps-values"
    assert rights == ({"Role", "RoleBinding"} if makes_pods else set())
    for pod in pods(objects):
        assert pod.get("automountServiceAccountToken") is (makes_pods and _serves(pod))
        assert "hostPath" not in json.dumps(pod)
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


def _serves(pod: dict[str, Any]) -> bool:
    """Whether it is the service's pod."""
    return pod["containers"][0].get("args") == ["serve"]


def test_pods_of_steps_need_one_role_and_reach_nothing_of_the_cluster() -> None:
    """Pods alone, in one namespace; no exec, no Secrets. A step reaches names, the service and public addresses."""
    objects = rendered("--values", CHART / "ci/steps-values.yaml", "--set", "builds.namespace=steps")
    role = one(objects, "Role")
    assert role["metadata"]["namespace"] == "steps"
    assert [(rule["resources"], rule["verbs"]) for rule in role["rules"]] == [
        (["pods"], ["create", "get", "list", "watch", "delete"]),
        (["pods/log"], ["get"]),
    ]
    (container,) = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    env = {item["name"]: item.get("value") for item in container["env"]}
    assert env["HUBKILN_STEPS_IN"] == "pods" and env["HUBKILN_PODS_ADDRESS"] == "hubkiln.jhub:8587"
    policies = {item["metadata"]["name"]: item for item in objects if item["kind"] == "NetworkPolicy"}
    assert policies["hubkiln-steps"]["spec"]["ingress"] == []
    assert {"0.0.0.0/0", "::/0", "10.1.2.3/32"} == set(blocks(policies["hubkiln-steps"])) - {"169.254.20.10/32"}
    assert set(blocks(policies["hubkiln-steps-alone"])) == {"169.254.20.10/32"}
    template = json.loads(
        one([i for i in objects if i["metadata"]["name"] == "hubkiln-steps"], "ConfigMap")["data"]["template.json"]
    )
    assert template["nodeSelector"] and "imagePullSecrets" not in template  # that Secret is in another namespace


def test_lint_has_nothing_to_say() -> None:
    """Helm's own linter, strictly."""
    done = helm("lint", CHART, "--strict", "--values", LEAST)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("replcas=2", "no value replcas. Did you mean replicas?"),
        ("registry.logns.a=b", "no value registry.logns. Did you mean registry.logins?"),
        ("metrics.serviceMonitr.enabled=true", "Did you mean metrics.serviceMonitor?"),
        ("zzz=1", "There is no value zzz."),
        ("config.builds_at_onc=3", "no setting config.builds_at_onc. Did you mean config.builds_at_once?"),
        ("config.push=x", "config.push is said by registry.push"),
        ("config.credential_key=/x", "configFiles.credential_key: {secret: NAME, key: KEY}"),
        ("configFiles.credental_key.secret=x", "Did you mean configFiles.credential_key?"),
        ("configFiles.ssh_key.secret=x", "is written {secret: NAME, key: KEY}"),
        ("replicas=2", "replicas share a PostgreSQL"),
        ("registry.push=", "registry.push says where built images go"),
        ("builds.mode=sandbox", "builds/mode"),
        ("builds.pods.containers=x", "builds.pods.containers is the service's to say"),
        ("builds.mode=pods,builds.quota.pods=3", "builds.quota would count the hub and every user's server"),
        ("builds.mode=pods,builds.namespace=default,builds.quota.pods=3", "with builds.namespace"),
        ("config.steps_in=pods", "config.steps_in is said by builds.mode"),
        ("registry.push=registry.jhub.svc:5000/env", "Nodes would pull from registry.jhub.svc:5000, and cannot"),
        ("registry.push=registry:5000/env", "that name is known to pods alone"),
        ("registry.internal.enabled=true", "no node could pull what is pushed to the registry"),
        ("registry.internal.enabled=true,registry.internal.nodeTrust=hostsToml", "registry/internal/nodeTrust"),
        ("registry.internal.enabled=true,registry.internal.nodeTrust=localhost", "registry.push is said by"),
        (
            "registry.push=,registry.internal.enabled=true,registry.internal.nodeTrust=localhost,"
            "registry.internal.nodePort=5000",
            "ports from 30000 to 32767",
        ),
        (
            "registry.push=,registry.internal.enabled=true,registry.internal.nodeTrust=localhost,"
            "registry.internal.htpasswd=hubkiln:$2y$05$x",
            "say registry.internal.password, too",
        ),
        (
            "registry.push=,registry.internal.enabled=true,registry.internal.nodeTrust=localhost,"
            "registry.internal.password=p,registry.internal.htpasswd=p",
            "is not what `htpasswd -nbB hubkiln PASSWORD` prints",
        ),
        ("images.prefix=", "images.prefix says where the images hubkiln"),
        ("database.url=mysql://h/d", "not PostgreSQL's"),
        ("database.url=postgresql://u:p@h/d", "has a password, which everybody could read"),
        ("hub.namespace=other", "no pod of another one can read its Secret"),
        ("config.builds_at_once=true", "config/builds_at_once"),
        ("images.prefix=quay.io/org", "makes quay.io/orghubkiln: end it with /"),
        ("images.prefix=https://quay.io/org/", "without https://"),
        ("registry.push=quay.io/Org/env", "registries take lower-case letters alone"),
        ("registry.logins.quay.username=a,registry.logins.quay.password=12345678", "put quotes around it"),
        ("fullnameOverride=My_Hub", "My_Hub is no name of a host"),
        ("networkPolicy.egress={10.0.0.0/8}", "got string, want object"),
        (
            "builds.mode=pods,builds.namespace=s,builds.quota.limits\\.cpu=20",
            "say builds.pods.resources.limits.cpu, too",
        ),
        ("extraPodSpec.volumes=null", "extraPodSpec.volumes is the chart's to say"),
        ("hostAliases=null", "Did you mean extraPodSpec.hostAliases?"),
        ("imagePullSecrets={a}", "Did you mean images.pullSecrets?"),
        ("extraContainers={a}", "One of initContainers with restartPolicy: Always"),
        ("ingress.enabled=true", "it needs no Ingress"),
        ("x-common=1", "Anchors may stand below custom"),
    ],
)
def test_a_mistake_is_refused_with_what_was_meant(given: str, says: str) -> None:
    """Before anything is sent to the cluster, in a sentence."""
    assert says in refused("--set", given)


TABLES = [key for key, below in KEYS.items() if isinstance(below, dict)]


@pytest.mark.parametrize("part", [*TABLES, "registry.internal", "config", "replicas", "hub.baseUrl"])
def test_a_part_that_is_taken_away_whole_is_missed_in_a_sentence(part: str) -> None:
    """By null, or by `--reuse-values` of a chart that had it not yet: no pointer of Go's is shown."""
    said = refused("--set", f"{part}=null")
    assert f"There is nothing in {part}" in said and "--reset-then-reuse-values" in said and "nil pointer" not in said


ODD = {
    "nulls": {
        **dict.fromkeys(("tolerations", "resources", "extraEnv", "extraPodSpec", "initContainers")),
        "networkPolicy": {"dns": None, "ingressFrom": None},
        "metrics": {"from": None},
        "builds": {"pods": None},
    },
    "texts": {
        "podLabels": {"team": 12, "paid": True, "none": None},
        "podAnnotations": {"at": 1.5},
        "nodeSelector": {"gpu": True},
        "serviceAccount": {"annotations": {"id": 1234567890}},
        "service": {"annotations": {"on": True}},
        "persistence": {"annotations": {"on": True}},
    },
    "secrets": {"images": {"pullSecrets": [{"name": "a"}, "b"]}},
    "long": {
        "fullnameOverride": "y" * 63,
        "nameOverride": "z" * 63,
        "registry": {"push": "", "internal": {"enabled": True, "nodeTrust": "localhost"}},
    },
    "dots": {"fullnameOverride": None},
    "sidecar": {"initContainers": [{"name": "sql", "image": "quay.io/a/b:1", "restartPolicy": "Always"}]},
    "pod": {
        "extraPodSpec": {
            "hostAliases": [{"ip": "10.1.2.3", "hostnames": ["registry.lan"]}],
            "dnsConfig": {"options": [{"name": "ndots", "value": "1"}]},
            "topologySpreadConstraints": [],
        },
        "replicas": 2,
        "database": {"existingSecret": "db"},
    },
}
"""What admins write that our examples do not."""


@pytest.mark.parametrize("values", ODD.values(), ids=ODD)
def test_what_admins_write_otherwise_is_kubernetes_too(tmp_path: Path, values: dict[str, Any]) -> None:
    """Numbers for texts, nulls, Secrets as Kubernetes names them, long names, dots in a release's."""
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
    objects = rendered("--values", LEAST, "--values", tmp_path / "values.yaml", release="a.hub")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for item in objects:
            kubernetes_validate.validate(item, VERSIONS[-1], strict=True)
    for item in objects:
        name, labels = item["metadata"]["name"], item["metadata"]["labels"]
        if item["kind"] == "Service":
            assert re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", name)
        pod = item.get("spec", {}).get("template", {"metadata": {"labels": {}}})["metadata"]["labels"]
        assert all(isinstance(value, str) and len(value) < 64 for value in (labels | pod).values())


def test_variables_and_logins_are_what_was_written(tmp_path: Path) -> None:
    """Large numbers as they stand, nothing for null; an address alone is a network of its own to the policy."""
    values = {"extraEnv": {"A": 10000000, "B": None, "C": True}, "config": {"allow_networks": ["10.1.2.3", "fd00::1"]}}
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values | {"images": {"pullSecrets": [{"name": "a"}, "b"]}}))
    objects = rendered("--values", LEAST, "--values", tmp_path / "values.yaml")
    pod = one(objects, "Deployment")["spec"]["template"]["spec"]
    env = {item["name"]: item.get("value") for item in pod["containers"][0]["env"]}
    assert (env["A"], env["C"], "B" in env) == ("10000000", "true", False)
    assert pod["imagePullSecrets"] == [{"name": "a"}, {"name": "b"}]
    assert {"10.1.2.3/32", "fd00::1/128"} <= set(blocks(one(objects, "NetworkPolicy")))


def test_what_no_value_says_of_the_pod_can_be_said() -> None:
    """As zero-to-jupyterhub's `hub.extraPodSpec`; what the chart spreads by itself is said there too."""
    words = ("--values", CHART / "ci/replicas-values.yaml", "--set", "extraPodSpec.runtimeClassName=gvisor")
    assert one(rendered(*words), "Deployment")["spec"]["template"]["spec"]["runtimeClassName"] == "gvisor"
    none = rendered(*words, "--set-json", "extraPodSpec.topologySpreadConstraints=[]")
    assert one(none, "Deployment")["spec"]["template"]["spec"]["topologySpreadConstraints"] == []


def test_settings_reach_the_service_as_an_admin_writes_them() -> None:
    """Numbers, lists, nothing, files: as variables that the service reads."""
    objects = rendered("--values", CHART / "ci/settings-values.yaml")
    (container,) = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    env = {item["name"]: item.get("value") for item in container["env"]}
    assert env["HUBKILN_BUILDS_AT_ONCE"] == "6" and env["HUBKILN_PYTHON"] == "3.12"
    assert env["HUBKILN_ALLOW_NETWORKS"] == "10.1.0.0/16 fd00:1::/64"
    assert env["HUBKILN_CREDENTIAL_KEY"] == "/etc/hubkiln/files/credential_key/file"
    (policy,) = [item for item in objects if item["kind"] == "NetworkPolicy"]
    assert {"10.1.0.0/16", "fd00:1::/64"} <= set(blocks(policy))


def test_one_replica_keeps_a_file_and_several_share_a_database() -> None:
    """A volume that only one pod can have is handed over; replicas are replaced one by one, spread and protected."""
    alone = rendered("--values", LEAST)
    assert one(alone, "Deployment")["spec"]["strategy"] == {"type": "Recreate"}
    assert one(alone, "PersistentVolumeClaim")["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert "PodDisruptionBudget" not in {item["kind"] for item in alone}  # it may go at any time
    several = rendered("--values", CHART / "ci/replicas-values.yaml")
    assert one(several, "Deployment")["spec"]["strategy"]["type"] == "RollingUpdate"
    budget = one(several, "PodDisruptionBudget")["spec"]
    labels = one(several, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert budget["maxUnavailable"] == 1 and budget["selector"]["matchLabels"].items() <= labels.items()
    assert "PersistentVolumeClaim" not in {item["kind"] for item in several}


def test_no_probe_asks_anybody_but_the_process() -> None:
    """A hub, a database, a registry that is away makes no pod restart."""
    (container,) = one(rendered("--values", LEAST), "Deployment")["spec"]["template"]["spec"]["containers"]
    paths = {name: container[name]["httpGet"]["path"] for name in container if name.endswith("Probe")}
    assert paths == {"startupProbe": "/live", "livenessProbe": "/live", "readinessProbe": "/ready"}


def blocks(policy: dict[str, Any]) -> dict[str, list[str]]:
    """The networks that a policy lets out to, and what it excepts of each."""
    peers = [peer for rule in policy["spec"]["egress"] for peer in rule.get("to", ())]
    return {peer["ipBlock"]["cidr"]: peer["ipBlock"].get("except", []) for peer in peers if "ipBlock" in peer}


@pytest.mark.parametrize(
    "address",
    [
        *("169.254.169.254", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "127.0.0.1"),
        *("fd00:ec2::254", "fe80::a9fe:a9fe", "fc00::1", "::1", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"),
    ],
)
def test_the_policy_lets_nothing_private_out(address: str) -> None:
    """Neither private networks nor link-local ones nor a cloud's metadata, by IPv6 neither."""
    out = blocks(one(rendered("--values", LEAST), "NetworkPolicy"))
    asked = ipaddress.ip_address(address)
    for cidr in ("0.0.0.0/0", "::/0"):
        network = ipaddress.ip_network(cidr)
        if asked in network:
            assert any(asked in ipaddress.ip_network(apart) for apart in out[cidr]), out[cidr]
    assert set(out) == {"0.0.0.0/0", "::/0", "169.254.20.10/32"}  # the last is who knows names, at that port alone


def test_the_hub_makes_the_token_and_nobody_copies_it() -> None:
    """The service reads the hub's Secret by name; with `token.create` the hub reads ours."""
    objects = rendered("--values", LEAST)
    (container,) = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    (token,) = [item for item in container["env"] if item["name"] == "JUPYTERHUB_API_TOKEN"]
    assert token["valueFrom"]["secretKeyRef"] == {"name": "hub", "key": "hub.services.binder.apiToken"}
    assert "Secret" not in {item["kind"] for item in objects}
    objects = rendered("--values", CHART / "ci/other-namespace-values.yaml")
    assert len(base64.b64decode(one(objects, "Secret")["data"]["token"])) == 64
    theirs = hub_part(objects)["hub"]
    assert theirs["extraEnv"]["BINDER_TOKEN"]["valueFrom"]["secretKeyRef"]["name"] == "hubkiln-token"
    assert "services" not in theirs and "http://hubkiln.jhub" not in theirs["extraConfig"]["zz-hubkiln"]


def hub_part(objects: list[dict[str, Any]]) -> dict[str, Any]:
    """The values for zero-to-jupyterhub that the chart has ready."""
    (kept,) = [item for item in objects if item["metadata"]["name"].endswith("-z2jh-values")]
    values: dict[str, Any] = yaml.safe_load(kept["data"]["values.yaml"])
    return values


@pytest.mark.parametrize("secrets", [[], ["hubkiln-registry"]])
def test_the_command_prints_what_the_chart_has_ready(secrets: list[str]) -> None:
    """For whoever has lists of their own: the same values, made by `hubkiln chart values`."""
    values = CHART / ("ci/logins-values.yaml" if secrets else "ci/least-values.yaml")
    words = [word for name in secrets for word in ("--pull-secret", name)]
    printed = CliRunner().invoke(cli, ["chart", "values", "--image", "quay.io/org/hubkiln:0.1.0", *words])
    assert yaml.safe_load(printed.output) == hub_part(rendered("--values", values))


def test_lists_of_an_admin_are_joined_with_whatever_the_chart_has_ready(tmp_path: Path) -> None:
    """A token of ours, a login for our image: all that was chosen in the chart stays, and so do lists of both."""
    values = ("--values", CHART / "ci/other-namespace-values.yaml", "--set", "images.pullSecrets={ours}")
    ready = hub_part(rendered(*values))
    theirs = {"hub": {"extraVolumes": [{"name": "theirs", "emptyDir": {}}], "image": {"pullSecrets": ["theirs"]}}}
    for name, content in (("ours", ready), ("theirs", theirs)):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(content))
    words = ["chart", "values", "--from", str(tmp_path / "ours.yaml"), "--merge", str(tmp_path / "theirs.yaml")]
    both = yaml.safe_load(CliRunner().invoke(cli, words).output)["hub"]
    assert [one["name"] for one in both["extraVolumes"]] == ["hubkiln", "theirs"]
    assert both["image"]["pullSecrets"] == ["ours", "theirs"]
    assert both["extraEnv"] == ready["hub"]["extraEnv"] and both["extraConfig"] == ready["hub"]["extraConfig"]
    neither = CliRunner().invoke(cli, ["chart", "values"])
    assert "Neither --from nor --image" in str(neither.exception)


def test_the_hub_pulls_our_image_as_the_service_does() -> None:
    """Its init container takes the plugin from it; where that needs no login, nothing of the hub's is changed."""
    private = hub_part(rendered("--values", LEAST, "--set", "images.pullSecrets={ours,theirs}"))
    assert private["hub"]["image"] == {"pullSecrets": ["ours", "theirs"]}
    assert "image" not in hub_part(rendered("--values", LEAST))["hub"]


def test_a_login_is_one_secret_for_pushing_and_pulling() -> None:
    """Docker's own form; the service is pointed at it, and users' servers are given its name."""
    objects = rendered("--values", CHART / "ci/logins-values.yaml")
    secret = one(objects, "Secret")
    auths = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))["auths"]
    assert base64.b64decode(auths["quay.io"]["auth"]) == b"org+robot:s3cret"
    assert secret["metadata"]["name"] in hub_part(objects)["hub"]["extraConfig"]["zz-hubkiln"]


def test_a_registry_of_the_chart_is_one_login_for_all_who_use_it() -> None:
    """Service, nodes and the registry itself: one password, where pods and where nodes find it; steps pull with it."""
    objects = rendered(
        "--values", CHART / "ci/internal-values.yaml", "--set", "builds.mode=pods,builds.namespace=steps"
    )
    found = {(item["kind"], item["metadata"]["name"], item["metadata"].get("namespace")): item for item in objects}
    logins = [found["Secret", "hubkiln-registry", where]["data"] for where in ("jhub", "steps")]
    assert logins[0] == logins[1]
    auths = json.loads(base64.b64decode(logins[0][".dockerconfigjson"]))["auths"]
    users = found["Secret", "hubkiln-registry-users", None]["data"]
    login = b"hubkiln:" + base64.b64decode(users["password"])
    assert {base64.b64decode(auths[host]["auth"]) for host in ("hubkiln-registry.jhub:5000", "localhost:30500")} == {
        login
    }
    assert "ghcr.io" in auths and base64.b64decode(users["htpasswd"]).startswith(b"hubkiln:$2")
    (container,) = found["Deployment", "hubkiln", None]["spec"]["template"]["spec"]["containers"]
    env = {item["name"]: item.get("value") for item in container["env"]}
    assert env["HUBKILN_PUSH"] == "hubkiln-registry.jhub:5000/env-{name}"
    assert env["HUBKILN_PULL_FROM"] == "localhost:30500/env-{name}"
    assert env["HUBKILN_PLAIN_HTTP"] == "registry.example.org hubkiln-registry.jhub:5000"
    template = json.loads(found["ConfigMap", "hubkiln-steps", None]["data"]["template.json"])
    assert template["imagePullSecrets"] == [{"name": "hubkiln-registry"}]
    assert "hubkiln-registry" in hub_part(objects)["hub"]["extraConfig"]["zz-hubkiln"]


def test_gitops_gets_the_same_each_time() -> None:
    """Rendered without the cluster nothing is made up, so nothing seems changed and nobody is locked out."""
    words = ("template", "hubkiln", CHART, "--namespace", "jhub", "--values", CHART / "ci/gitops-values.yaml")
    first, again = helm(*words), helm(*words)
    assert first.returncode == 0 and first.stdout == again.stdout


def test_whoever_names_the_api_server_opens_every_port_of_it_and_no_other_address() -> None:
    """Policies see the port behind the Service, which is the cluster's own; without a name, the usual ones are open."""
    server = {"ipBlock": {"cidr": "10.9.8.7/32"}}
    named = policy_rules("--set-json", f"builds={json.dumps({'mode': 'pods', 'apiServer': [server]})}")
    assert {"to": [server]} in named and not [rule for rule in named if 6443 in ports(rule)]
    (usual,) = [rule for rule in policy_rules("--set", "builds.mode=pods") if 6443 in ports(rule)]
    assert ports(usual) == {443, 6443, 8443, 16443}


def policy_rules(*words: str) -> list[dict[str, Any]]:
    """What the service may reach."""
    objects = rendered("--values", LEAST, *words)
    (policy,) = [it for it in objects if (it["kind"], it["metadata"]["name"]) == ("NetworkPolicy", "hubkiln")]
    rules: list[dict[str, Any]] = policy["spec"]["egress"]
    return rules


def ports(rule: dict[str, Any]) -> set[Any]:
    """Those of a rule."""
    return {item["port"] for item in rule.get("ports", ())}


HOW_TO = CHART.parents[1] / "docs/how-to"


def examples() -> Iterator[Any]:
    """Each values file that the pages on Kubernetes show for our chart; those of zero-to-jupyterhub begin otherwise."""
    ours = json.loads((CHART / "files/keys.json").read_text())
    for page in ("kubernetes.md", "from-binderhub.md", "any-hub.md"):
        text = (HOW_TO / page).read_text()
        for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)):
            if (read := yaml.safe_load(block)).keys() <= ours.keys() - {"hub"}:
                yield pytest.param(read, id=f"{page}-{number}")


@pytest.mark.parametrize("values", [*examples()])
def test_what_the_pages_show_is_taken(values: dict[str, Any], tmp_path: Path) -> None:
    """Each example, added to the least that can be said."""
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
    least = yaml.safe_load(LEAST.read_text())
    given = least if "internal" not in values.get("registry", {}) else least | {"registry": {}}
    (tmp_path / "least.yaml").write_text(yaml.safe_dump(given))
    done = helm("template", "hubkiln", CHART, "-f", tmp_path / "least.yaml", "-f", tmp_path / "values.yaml")
    assert done.returncode == 0, done.stderr
