"""What an instructor does on stage with a button: each is a line they could have typed, and says so."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from statelab.cluster import Cluster
from statelab.cluster.problem import Problem
from statelab.controlplane.kinds import Object
from statelab.notebook.strings import say

_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,255}")


@dataclass(frozen=True)
class Action:
    """A button. `argv`: the line it stands for; in it, `{value}` is what the field `asks` for (its value at first)."""

    id: str
    label: str
    argv: tuple[str, ...]
    asks: str = ""
    value: str = ""

    def line(self, value: str | None = None) -> str:
        return shlex.join(self.filled(self.value if value is None else value))

    def filled(self, value: str) -> list[str]:
        return [word.replace("{value}", value) for word in self.argv]


def actions(key: str, cluster: Cluster, objects: Mapping[str, Sequence[Object]]) -> list[Action]:
    """What can be done to "pod/web-1"."""
    kind, _, name = key.partition("/")
    if kind == "pod":
        return [Action("delete", say("delete_pod"), ("kubectl", "delete", "pod", name, "--wait=false"))]
    if kind == "node" and cluster.can_stop_nodes:
        return [
            Action("stop", say("stop_node"), ("statelab", "node", "stop", name)),
            Action("start", say("start_node"), ("statelab", "node", "start", name)),
        ]
    if kind in ("statefulset", "deployment", "replicaset"):
        found = next((each for each in objects.get(f"{kind}s", ()) if each["metadata"]["name"] == name), None)
        return _of_workload(kind, name, found) if found is not None else []
    return []


def _of_workload(kind: str, name: str, obj: Object) -> list[Action]:
    replicas = (obj.get("spec") or {}).get("replicas", 1)
    scale = ("kubectl", "scale", kind, name)
    found = [Action("up", say("scale_up"), (*scale, f"--replicas={replicas + 1}"))]
    if replicas > 0:
        found.append(Action("down", say("scale_down"), (*scale, f"--replicas={replicas - 1}")))
    containers = (((obj.get("spec") or {}).get("template") or {}).get("spec") or {}).get("containers") or ()
    if containers and kind != "replicaset":
        argv = ("kubectl", "set", "image", f"{kind}/{name}", containers[0]["name"] + "={value}")
        found.append(Action("image", say("set_image"), argv, say("image"), str(containers[0].get("image", ""))))
    return found


def act(action: Action, cluster: Cluster, value: str = "") -> str:
    """Do it. Returns what was said; raises Problem for a value that is none, RequestRefused as the cluster does."""
    if action.asks and not _IMAGE.fullmatch(value):
        raise Problem(f'"{value[:60]}" is no name of an image.', "Write it as nginx:1.27, for example.")
    words = action.filled(value)
    if words[0] == "kubectl":
        result = cluster.kubectl(words[1:], timeout_s=30.0)
        return str(result).strip()
    (cluster.stop_node if words[2] == "stop" else cluster.start_node)(words[3])
    return f"{words[3]}: {words[2]}"
