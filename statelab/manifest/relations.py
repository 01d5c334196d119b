"""Static advice on what objects say of each other: selector and labels, mount and volume, set and Service.

The API server accepts most of these; the cluster then does nothing, or waits for ever. Each is a mistake of the notes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from statelab.manifest.added_labels import POD_NAME, pod_names, selects
from statelab.reader import Item, Path_
from statelab.reader.errors import Finding
from statelab.reader.spelling import nearest

WORKLOADS = ("StatefulSet", "Deployment", "ReplicaSet", "DaemonSet", "Job")
_FROZEN = "k8s.gcr.io/"


def at(value: Any, *path: str | int) -> Any:
    """What is at `path`, or None where the way is not there: manifests of learners have any shape."""
    for step in path:
        if isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list) and -len(value) <= step < len(value):
            value = value[step]
        else:
            return None
    return value


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts(values: Iterable[Any]) -> list[str]:
    return [each for each in values if isinstance(each, str)]


def pod_template(item: Item) -> tuple[Path_, dict[str, Any]] | None:
    """Where the Pod's spec is in this object, and its template (metadata and spec)."""
    if item.kind == "Pod":
        return (), item.object
    if item.kind in WORKLOADS:
        return ("spec", "template"), _dict(at(item.object, "spec", "template"))
    if item.kind == "CronJob":
        inner = ("spec", "jobTemplate", "spec", "template")
        return inner, _dict(at(item.object, *inner))
    return None


def _selector_matches_template(item: Item, items: Sequence[Item]) -> Iterator[Finding]:
    if item.kind not in WORKLOADS:
        return
    wanted = _dict(at(item.object, "spec", "selector", "matchLabels"))
    labels = _dict(at(item.object, "spec", "template", "metadata", "labels"))
    for key, value in wanted.items():
        if labels.get(key) != value:
            path: Path_ = ("spec", "selector", "matchLabels", key)
            has = f"{key}: {labels[key]}" if key in labels else f"no label {key}"
            yield Finding(
                "the selector does not match the template's labels", item.place(path), f"the template has {has}", path
            )


def _mounts_have_volumes(item: Item, items: Sequence[Item]) -> Iterator[Finding]:
    found = pod_template(item)
    if found is None:
        return
    base, template = found
    templates = _list(at(item.object, "spec", "volumeClaimTemplates")) if item.kind == "StatefulSet" else []
    claims = _texts(at(each, "metadata", "name") for each in templates)
    names = [*_texts(at(each, "name") for each in _list(at(template, "spec", "volumes"))), *claims]
    mounted: set[str] = set()
    for group in ("initContainers", "containers"):
        for index, container in enumerate(_list(at(template, "spec", group))):
            for number, mount in enumerate(_list(at(container, "volumeMounts"))):
                name = at(mount, "name")
                if not isinstance(name, str):
                    continue
                mounted.add(name)
                if name not in names:
                    path: Path_ = (*base, "spec", group, index, "volumeMounts", number, "name")
                    near = nearest(name, names) or (names[0] if len(names) == 1 else None)
                    advice = f"Did you mean {near}?" if near else "name it under volumes or volumeClaimTemplates"
                    yield Finding(f'no volume is called "{name[:60]}"', item.place_of_value(path), advice, path)
    for index, each in enumerate(templates):
        name = at(each, "metadata", "name")
        if isinstance(name, str) and name not in mounted and "containers" in _dict(at(template, "spec")):
            path = ("spec", "volumeClaimTemplates", index, "metadata", "name")
            yield Finding(
                f'the claim "{name[:60]}" is never mounted',
                item.place_of_value(path),
                "a container needs a volumeMount",
                path,
            )


def _service_is_there(item: Item, items: Sequence[Item]) -> Iterator[Finding]:
    if item.kind != "StatefulSet":
        return
    wanted = at(item.object, "spec", "serviceName")
    services = [each for each in items if each.kind == "Service"]
    if not isinstance(wanted, str) or not wanted:
        if services and _dict(at(item.object, "spec")):
            yield Finding(
                "spec.serviceName is missing", item.place(("spec",)), "without it the Pods have no DNS names", ("spec",)
            )
        return
    if not services or any(each.name == wanted for each in services):
        return
    path: Path_ = ("spec", "serviceName")
    near = nearest(wanted, [each.name for each in services]) or (services[0].name if len(services) == 1 else None)
    advice = f"Did you mean {near}?" if near else "nobody here has that name"
    yield Finding(f'there is no Service "{wanted[:60]}" here', item.place_of_value(path), advice, path)


def _service_selects(item: Item, items: Sequence[Item]) -> Iterator[Finding]:
    if item.kind != "Service":
        return
    selector = _dict(at(item.object, "spec", "selector"))
    if at(item.object, "spec", "clusterIP") in ("none", "NONE", "null"):
        path: Path_ = ("spec", "clusterIP")
        yield Finding("clusterIP is written wrong", item.place_of_value(path), "Did you mean None?", path)
    workloads = [(each, found[1]) for each in items if (found := pod_template(each))]
    if not selector or not workloads or any(selects(selector, *each) for each in workloads):
        return
    path = ("spec", "selector")
    pairs = [f"{key}: {value}" for key, value in _dict(at(workloads[0][1], "metadata", "labels")).items()]
    has = f"the Pods here have {', '.join(pairs)[:80]}" if pairs else "the Pods here have no labels"
    owner = next((each for each, _ in workloads if each.kind == "StatefulSet"), None)
    if POD_NAME in selector and owner is not None:
        names = pod_names(owner)
        has = f"the Pods here are called {names[0][:60]} to {names[-1][:60]}" if names else "there are no Pods here"
    yield Finding(f"Service {item.name[:60]} selects none of these Pods", item.place(path), has, path)


def _images(item: Item, items: Sequence[Item]) -> Iterator[Finding]:
    found = pod_template(item)
    if found is None:
        return
    base, template = found
    for group in ("initContainers", "containers"):
        for index, container in enumerate(_list(at(template, "spec", group))):
            image = at(container, "image")
            if isinstance(image, str) and image.startswith(_FROZEN):
                path: Path_ = (*base, "spec", group, index, "image")
                advice = f"Did you mean registry.k8s.io/{image.removeprefix(_FROZEN)}?"
                yield Finding("k8s.gcr.io is frozen and gets no more images", item.place_of_value(path), advice, path)


def _storage_class(item: Item, items: Sequence[Item]) -> Iterator[Finding]:
    classes = {"standard", ""} | {each.name for each in items if each.kind in ("StorageClass", "PersistentVolume")}
    classes |= {str(at(each.object, "spec", "storageClassName")) for each in items if each.kind == "PersistentVolume"}
    places: list[tuple[Path_, Any]] = []
    if item.kind == "PersistentVolumeClaim":
        places = [((), item.object)]
    elif item.kind == "StatefulSet":
        templates = _list(at(item.object, "spec", "volumeClaimTemplates"))
        places = [(("spec", "volumeClaimTemplates", index), each) for index, each in enumerate(templates)]
    for base, claim in places:
        name = at(claim, "spec", "storageClassName")
        if isinstance(name, str) and name not in classes:
            path: Path_ = (*base, "spec", "storageClassName")
            yield Finding(
                f'this cluster has no StorageClass "{name[:60]}"',
                item.place_of_value(path),
                "Did you mean standard?",
                path,
            )


RELATIONS: tuple[Callable[[Item, Sequence[Item]], Iterator[Finding]], ...] = (
    _selector_matches_template,
    _mounts_have_volumes,
    _service_is_there,
    _service_selects,
    _images,
    _storage_class,
)
