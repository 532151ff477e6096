"""NetworkPolicies that hold on the node (:mod:`kubelet`), as where a cluster's network enforces them.

Besides the node there are addresses that pods could reach, were nobody in the way: `OUTWARD`. All answer at one port.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from kubelet import HOST_ADDRESS, NODE, Kubernetes

PROGRAM = Path(__file__).parents[1] / "cluster/policies/hubkiln-policies"
QUEUE = 100
PUBLIC, LINK_LOCAL, PRIVATE = "198.51.100.7", "169.254.77.7", HOST_ADDRESS
OUTWARD = (PUBLIC, LINK_LOCAL, PRIVATE)
"""Of the internet, as a cloud's metadata has one, and of a private network."""
_JUDGED = (
    ("-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED", "-j", "ACCEPT"),
    ("-m", "owner", "--uid-owner", "0", "-j", "ACCEPT"),  # the node's own: probes, pulls
    ("-j", "NFQUEUE", "--queue-num", str(QUEUE)),
)
"""After Services have become pods, before addresses are hidden: what is new goes to the judge. It would say so itself,
in nftables' words, but not every kernel has its `queue`."""

needs_policies = pytest.mark.skipif(not PROGRAM.exists(), reason="`make test-cluster` builds what enforces policies")


def enforce(cluster: Kubernetes) -> None:
    """From now on; where the judge is not there, nothing new passes."""
    _run(*cluster.inside("sysctl", "-q", "-w", "net.bridge.bridge-nf-call-iptables=1"))
    for rule in _JUDGED:
        _run(*cluster.inside("iptables", "-w", "-t", "mangle", "-A", "POSTROUTING", *rule))
    argv = [str(PROGRAM), f"--kubeconfig={cluster.kubeconfig}", f"--node={NODE}"]
    cluster.spawn("policies", cluster.inside(*argv))
    queues = cluster.inside("cat", "/proc/net/netfilter/nfnetlink_queue")
    cluster.until(lambda: str(QUEUE) in _run(*queues).split(), "nobody judges what passes")


@contextmanager
def answering(cluster: Kubernetes) -> Iterator[int]:
    """The port at which all of `OUTWARD` answer, which pods have a way to."""
    for address in (PUBLIC, LINK_LOCAL):
        _run("ip", "address", "add", f"{address}/32", "dev", "hubkiln0")
        _run(*cluster.inside("ip", "route", "add", f"{address}/32", "via", HOST_ADDRESS))
    with ExitStack() as stack:
        port = 0
        for address in OUTWARD:
            server = stack.enter_context(ThreadingHTTPServer((address, port), BaseHTTPRequestHandler))
            port = server.server_port
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
        yield port


def _run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (argv, done.stderr)
    return done.stdout
