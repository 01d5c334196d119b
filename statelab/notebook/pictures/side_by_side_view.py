"""SideBySide: a Deployment and a StatefulSet given the same treatment at the same moment, and what each kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import traitlets

from statelab.cluster import Cluster, Problem, RequestRefused
from statelab.cluster.beside import in_background
from statelab.controlplane.kinds import Object
from statelab.notebook.pictures.actions import Action
from statelab.notebook.pictures.cluster_view import fitting, news
from statelab.notebook.pictures.drawing import still
from statelab.notebook.pictures.live import mirror_of
from statelab.notebook.pictures.modules import answering, css, lasting, module
from statelab.notebook.pictures.picture import Picture, draw, frame_of
from statelab.notebook.pictures.scene import PodShown, Scene, make_scene, natural
from statelab.notebook.pictures.style import STYLE
from statelab.notebook.pictures.widget import Widget
from statelab.notebook.strings import ENGLISH, say

SIDES = {"web-deployment": "Deployment", "web-statefulset": "StatefulSet"}
_LABEL = "side"
_IMAGES = ("nginx:1.27", "nginx:1.28")
_MOST_REPLICAS = 6
_HALF = 470


@dataclass(frozen=True)
class Kept:
    """One row: what a Pod had before, and what the one in its place has now. `is_kept` for each fact."""

    before: str
    after: str
    facts: tuple[tuple[str, bool], ...]


class SideBySide(Widget):
    """Two workloads in the current namespace, `web-deployment` and `web-statefulset`; each button treats both."""

    _esm = module("side_by_side")
    _css = css()
    sheet = traitlets.Unicode(STYLE).tag(sync=True)
    text = traitlets.Dict(ENGLISH).tag(sync=True)
    left = traitlets.Dict().tag(sync=True)
    right = traitlets.Dict().tag(sync=True)
    actions = traitlets.List().tag(sync=True)
    kept = traitlets.Dict().tag(sync=True)
    titles = traitlets.List().tag(sync=True)
    news = traitlets.Unicode("").tag(sync=True)
    status = traitlets.Unicode("").tag(sync=True)

    def __init__(self, cluster: Cluster) -> None:
        super().__init__()
        self._mirror = mirror_of(cluster)
        self._cluster = self._mirror.cluster
        self._views = 0
        self._width = _HALF
        self._before: dict[str, tuple[PodShown, ...]] = {}
        self._treatment = ""
        self._scenes = self._look()
        self.titles = [[f"{kind} {name}", say(f"promise_{kind}")] for name, kind in SIDES.items()]
        self._paint()
        self._stop = self._mirror.listen(self._on_change)
        self.on_msg(answering(self._on_message))

    def _look(self) -> dict[str, Scene]:
        objects = self._mirror.objects()
        return {name: make_scene(of_side(objects, name), self._mirror.namespace) for name in SIDES}

    def _on_change(self) -> None:
        if self._views:
            self._paint()

    def _paint(self) -> None:
        before, self._scenes = self._scenes, self._look()
        told = " ".join(filter(None, (news(before[name], self._scenes[name]) for name in SIDES)))
        frames = [frame_of(draw(self._scenes[name], width=self._width)) for name in SIDES]
        with self.hold_sync():
            self.left, self.right = frames
            self.actions = [{**asdict(each), "line": each.line()} for each in treatments(self._mirror.objects())]
            self.kept = self._compared()
            if told:
                self.news = told
            self.status = say("reconnecting") if self._mirror.is_away else self.status

    def _compared(self) -> dict[str, Any]:
        if not self._before:
            return {}
        sides = [
            {
                "title": f"{SIDES[name]} {name}",
                "rows": [asdict(row) for row in kept(self._before[name], self._scenes[name])],
            }
            for name in SIDES
        ]
        return {"title": say("kept_and_lost", action=self._treatment), "sides": sides}

    # ---- what the browser tells

    def _on_message(self, message: dict[str, Any]) -> None:
        if "shown" in message:
            self._views = max(0, self._views + (1 if message["shown"] else -1))
            self._on_change()
        elif "width" in message and isinstance(message["width"], (int, float)):
            both = message["width"] / 2 - 10
            self._width = _HALF if both >= _HALF - 40 else fitting(message["width"] if message["width"] < 680 else both)
            self._paint()
        elif "act" in message:
            self.treat(str(message["act"]))

    def treat(self, id: str) -> None:
        """Do one of "start", "kill", "scale", "update", "clean" to both, at the same moment."""
        for action in treatments(self._mirror.objects()):
            if action.id == id:
                self._before = {name: scene.pods for name, scene in self._look().items()} if id != "start" else {}
                self._treatment = action.label
                self.status = f"$ {action.line()}"
                in_background(partial(self._run, action), f"side by side: {id}")

    def _run(self, action: Action) -> None:
        """kubectl takes a second; the kernel stays free meanwhile."""
        try:
            stdin = manifest() if action.id == "start" else None
            result = self._cluster.kubectl(list(action.argv[1:]), stdin=stdin, timeout_s=60.0)
            self.status = f"$ {action.line()}\n{str(result).strip()}"
        except (Problem, RequestRefused) as problem:
            self.status = str(problem)

    def close(self) -> None:
        self._stop()
        super().close()

    def pictures(self) -> list[Picture]:
        return [draw(self._scenes[name], width=_HALF) for name in SIDES]

    def _repr_mimebundle_(self, **more: Any) -> Any:
        one, two = self.pictures()
        return lasting(super()._repr_mimebundle_(**more), f"{one.sentence}\n{two.sentence}", svg=beside(one, two))


def beside(one: Picture, two: Picture) -> str:
    """Two pictures as one document."""
    body = "".join(piece.svg(f"left/{key}") for key, piece in one.pieces.items())
    body += f'<g transform="translate({one.width + 10} 0)">'
    body += "".join(piece.svg(f"right/{key}") for key, piece in two.pieces.items()) + "</g>"
    sentence = f"{one.sentence} {two.sentence}"
    return still(one.width + two.width + 10, max(one.height, two.height), body, sentence)


def of_side(objects: Mapping[str, Sequence[Object]], name: str) -> dict[str, list[Object]]:
    """The objects of one side; nodes are on both."""
    found: dict[str, list[Object]] = {}
    for plural, each in objects.items():
        if plural == "nodes":
            found[plural] = list(each)
        else:
            found[plural] = [obj for obj in each if (obj["metadata"].get("labels") or {}).get(_LABEL) == name]
    return found


def kept(before: Sequence[PodShown], after: Scene) -> list[Kept]:
    """Pod by Pod, what the one that is in a Pod's place now has of what that one had.

    A StatefulSet's Pod is followed by the one of its name. Of a Deployment nobody follows anybody: those that are new
    are put beside those that are gone, in their order, and are what they are: strangers.
    """
    now = {pod.name: pod for pod in after.pods}
    strangers = sorted((pod for pod in after.pods if pod.name not in {each.name for each in before}), key=_by_name)
    rows = []
    for old in sorted(before, key=_by_name):
        new = now.get(old.name) or (strangers.pop(0) if strangers else None)
        if new is None:
            rows.append(Kept(old.name, "", ()))
            continue
        has_claims = bool(old.claims)
        facts = [
            (say("name"), old.name == new.name),
            (say("uid"), old.uid == new.uid),
            (say("ip"), bool(old.ip) and old.ip == new.ip),
            (say("data"), (has_claims and old.claims == new.claims) or old.uid == new.uid),
        ]
        rows.append(Kept(old.name, new.name, tuple(facts)))
    rows += [Kept("", pod.name, ()) for pod in strangers]
    return rows


def _by_name(pod: PodShown) -> tuple[str, int]:
    return natural(pod.name)


def treatments(objects: Mapping[str, Sequence[Object]]) -> list[Action]:
    """What can be done to both now."""
    sides = {name: of_side(objects, name) for name in SIDES}
    deployments, sets = sides["web-deployment"]["deployments"], sides["web-statefulset"]["statefulsets"]
    if not deployments or not sets:
        return [Action("start", say("start"), ("kubectl", "apply", "-f", "-"))]
    victims = [_last_pod(side["pods"]) for side in sides.values()]
    found = []
    if all(victims):
        found.append(Action("kill", say("kill"), ("kubectl", "delete", "pod", *victims, "--wait=false")))
    replicas = sets[0]["spec"].get("replicas", 1)
    wanted = replicas + 1 if replicas < _MOST_REPLICAS else 1
    both = ("deployment/web-deployment", "statefulset/web-statefulset")
    found.append(Action("scale", say("scale"), ("kubectl", "scale", *both, f"--replicas={wanted}")))
    image = sets[0]["spec"]["template"]["spec"]["containers"][0]["image"]
    fresh = _IMAGES[1] if image == _IMAGES[0] else _IMAGES[0]
    found.append(Action("update", say("update"), ("kubectl", "set", "image", *both, f"nginx={fresh}")))
    clean = ("kubectl", "delete", "deployment,statefulset,service,pvc", "-l", _LABEL, "--wait=false")
    found.append(Action("clean", say("clean_up"), clean))
    return found


def _last_pod(pods: Sequence[Object]) -> str:
    names = [pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    return max(names, key=natural, default="")


def manifest() -> str:
    """Both workloads, as alike as two kinds can be."""
    import yaml

    def template(name: str, volumes: list[Object]) -> Object:
        container = {"name": "nginx", "image": _IMAGES[0], "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
        labels = {"app": name, _LABEL: name}
        return {
            "metadata": {"labels": labels},
            "spec": {"containers": [container], **({"volumes": volumes} if volumes else {})},
        }

    def metadata(name: str) -> Object:
        return {"name": name, "labels": {_LABEL: name}}

    one, two = SIDES
    shared = {"replicas": 3}
    objects = [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata(two),
            "spec": {"clusterIP": "None", "selector": {"app": two}, "ports": [{"port": 80}]},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata(one),
            "spec": {"selector": {"app": one}, "ports": [{"port": 80}]},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata(one),
            "spec": {
                **shared,
                "selector": {"matchLabels": {"app": one}},
                "template": template(one, [{"name": "data", "emptyDir": {}}]),
            },
        },
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": metadata(two),
            "spec": {
                **shared,
                "serviceName": two,
                "selector": {"matchLabels": {"app": two}},
                "template": template(two, []),
                "volumeClaimTemplates": [
                    {
                        "metadata": {"name": "data", "labels": {_LABEL: two}},
                        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
                    }
                ],
            },
        },
    ]
    return str(yaml.safe_dump_all(objects, sort_keys=False))


def side_by_side() -> SideBySide:
    """A Deployment and a StatefulSet in the current namespace, to be treated alike: kill a Pod of each and compare.

    Raises Problem or RequestRefused when the cluster cannot be read.
    """
    from statelab.notebook import current

    return SideBySide(current())
