"""`statelab node`: take a node of the cluster away, give it back, say something of it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from statelab.cli.asking import AsJson, ClusterName, tell
from statelab.cluster import Cluster, connect, local
from statelab.cluster.paths import find_home
from statelab.cluster.problem import Problem

app = typer.Typer(help="Take a node of the cluster away, give it back, label it.", no_args_is_help=True)


@app.command("stop")
def stop(name: str, cluster: ClusterName = "embedded", as_json: AsJson = False) -> None:
    """Cut a node off, as when its machine loses power. Its Pods' taints expire after five minutes of cluster time.

    On kind, its container is paused.
    """
    _running(cluster).stop_node(name)
    text = f"{name} is silent now; `kubectl get nodes` shows it NotReady in about 40 s of cluster time."
    tell(text, {"node": name, "stopped": True}, as_json)


@app.command("start")
def start(name: str, cluster: ClusterName = "embedded", as_json: AsJson = False) -> None:
    """Give a stopped node back."""
    _running(cluster).start_node(name)
    tell(f"{name} is back.", {"node": name, "stopped": False}, as_json)


@app.command("label")
def label(
    name: str,
    labels: Annotated[list[str] | None, typer.Argument(help="key=value sets one, key- takes it away.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Change a label that has another value.")] = False,
    cluster: ClusterName = "embedded",
    as_json: AsJson = False,
) -> None:
    """Say something of a node: in which zone it is, for one. Without labels, those that it has are listed.

    Topology spread, affinity and nodeSelector go by a node's labels. The words and the answers are kubectl label's.

        statelab node label kind-worker topology.kubernetes.io/zone=a

        statelab node label kind-worker topology.kubernetes.io/zone-

        kubectl get nodes -L topology.kubernetes.io/zone
    """
    for each in labels or ():  # a word that is neither is another node or a flag to kubectl
        if each.startswith("-") or not ("=" in each or each.endswith("-")):
            raise Problem(f"{each!r} is no label.", "Write key=value; key- takes one away.")
    there = _running(cluster)
    more = [*(labels or ["--list"]), *(["--overwrite"] if overwrite else [])]
    done = there.kubectl(["label", f"node/{name}", *more])
    if done.code:
        print(done.stderr.strip(), file=sys.stderr)
        raise typer.Exit(1)
    node = there.get(f"node/{name}") or {}
    tell(str(done), {"node": name, "labels": node["metadata"].get("labels") or {}}, as_json)


def _running(place: str) -> Cluster:
    """The cluster at `place`; an embedded one is not started for this. Raises Problem."""
    if place == "embedded" and local.running(find_home()) is None:
        raise Problem("The embedded cluster does not run.", "Start it with `statelab up`.")
    return connect(place)
