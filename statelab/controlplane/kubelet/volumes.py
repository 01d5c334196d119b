"""The volumes of a Pod: what files they hold, from ConfigMaps, Secrets, the downward API, the node or a claim.

Source: pkg/volume/{configmap,secret,projected,downwardapi,hostpath,emptydir}, pkg/kubelet/volumemanager/populator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from statelab.controlplane.controllers.volume.localpath import folder_owner
from statelab.controlplane.kinds import Object
from statelab.controlplane.kubelet.env import ConfigError, PodFacts, Reader, data_of, field_value, resource_value
from statelab.controlplane.kubelet.hostfiles import node_hosts

if TYPE_CHECKING:
    from statelab.controlplane.runtime.volumes import Volume

Content = bytes | Callable[[], bytes]  # a token is made when its volume is first looked at
Files = dict[str, tuple[Content, int]]  # path below the volume's root → content, permission bits

_DEFAULT_MODE = 0o644
_TOKEN_MODE = 0o644


class VolumeSource(Protocol):
    """Where Volumes come from: the runtime makes empty ones, and keeps those that outlive Pods, by name."""

    def empty_volume(
        self, *, read_only: bool = False, fill: Callable[[Volume], None] | None = None, medium: str = ""
    ) -> Volume: ...

    def named_volume(self, name: str) -> Volume: ...


class MountError(Exception):
    """A volume cannot be set up now. `message` is what the FailedMount event says."""

    def __init__(self, message: str, needs: tuple[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.needs = needs  # (plural, key) of the object that is missing


@dataclass(frozen=True, slots=True)
class Mounted:
    """A Pod's volume that is set up. `sub_path` is where in `volume` it lies (hostPath, local volumes)."""

    volume: Volume
    sub_path: str = ""
    read_only: bool = False


def mount_all(pod: Object, facts: PodFacts, cluster: Reader, source: VolumeSource, node: str) -> dict[str, Mounted]:
    """Set up every volume that a container of the Pod mounts. Raises MountError for the first that cannot be."""
    return {each["name"]: _mount(pod, each, facts, cluster, source, node) for each in pod["spec"].get("volumes") or ()}


def _mount(pod: Object, spec: Object, facts: PodFacts, cluster: Reader, source: VolumeSource, node: str) -> Mounted:
    if "emptyDir" in spec:
        return Mounted(source.empty_volume(medium=(spec["emptyDir"] or {}).get("medium", "")))
    if path := spec.get("hostPath"):
        return _host_path(spec["name"], path, source, node)
    claim = claim_name(pod, spec)
    if claim is not None:
        return _claim(pod, spec, claim, cluster, source, node)
    if files_builder(spec) is None:
        kinds = sorted(set(spec) - {"name"})
        raise MountError(
            f'MountVolume.SetUp failed for volume "{spec["name"]}" : the embedded cluster does not simulate volumes of '
            f"type {', '.join(kinds)}; a kind cluster is the place to try them"
        )
    files = files_of(pod, spec, facts, cluster)
    medium = "" if "configMap" in spec else "Memory"  # the others never touch a disk
    volume = source.empty_volume(read_only=True, fill=lambda made: write_files(made, {}, files), medium=medium)
    return Mounted(volume, read_only=True)


def write_files(volume: Volume, before: Files, after: Files) -> None:
    """Make a volume hold `after` where it held `before`."""
    for path in before.keys() - after.keys():
        volume.remove(path)
    for path, (made, mode) in after.items():
        content = made() if callable(made) else made
        if before.get(path) != (content, mode):
            volume.write(path, content, mode)


# ---- volumes made of API objects


def files_builder(spec: Object) -> str | None:
    """Which kind of volume made of API objects this is, or None when it is not one."""
    return next((kind for kind in ("configMap", "secret", "projected", "downwardAPI") if kind in spec), None)


def files_of(pod: Object, spec: Object, facts: PodFacts, cluster: Reader) -> Files:
    """The files of a configMap, secret, projected or downwardAPI volume. Raises MountError."""
    kind = files_builder(spec)
    assert kind is not None
    body = spec[kind] or {}
    mode = body.get("defaultMode", _DEFAULT_MODE)
    sources = body.get("sources") or () if kind == "projected" else ({_SOURCE_FIELD.get(kind, kind): body},)
    files: Files = {}
    for source in sources:
        try:
            files |= _projected(pod, source, mode, facts, cluster)
        except (MountError, ConfigError) as error:
            needs = error.needs if isinstance(error, MountError) else None
            raise MountError(f'MountVolume.SetUp failed for volume "{spec["name"]}" : {error}', needs) from None
    return files


_SOURCE_FIELD = {"configMap": "configMap", "secret": "secret", "downwardAPI": "downwardAPI"}
_MISSING_KEY = {
    "configmaps": "configmap references non-existent config",
    "secrets": "references non-existent secret",
}
_PLURALS = {"configMap": "configmaps", "secret": "secrets"}


def _projected(pod: Object, source: Object, mode: int, facts: PodFacts, cluster: Reader) -> Files:
    for field, plural in _PLURALS.items():
        if field in source:
            return _entries(pod, source[field] or {}, plural, mode, cluster)
    if "downwardAPI" in source:
        return dict(_downward(pod, source["downwardAPI"] or {}, mode, facts))
    if "serviceAccountToken" in source:
        body = source["serviceAccountToken"]
        account = pod["spec"].get("serviceAccountName") or "default"
        key = f"{pod['metadata']['namespace']}/{account}"
        if cluster.get("serviceaccounts", key) is None:
            why = f'failed to fetch token: serviceaccounts "{account}" not found'
            raise MountError(why, ("serviceaccounts", key))
        return {body["path"]: (partial(facts.token, pod, body), mode)}
    raise MountError(
        f"the embedded cluster does not simulate projected sources of type {', '.join(sorted(source))}; "
        "a kind cluster is the place to try them"
    )


def _entries(pod: Object, body: Object, plural: str, mode: int, cluster: Reader) -> Files:
    name = body.get("name") or body.get("secretName") or ""
    namespace = pod["metadata"]["namespace"]
    optional = bool(body.get("optional"))
    data = data_of(plural, namespace, name, cluster)
    if data is None:
        if optional:
            return {}
        raise MountError(f'{plural[:-1]} "{name}" not found', (plural, f"{namespace}/{name}"))
    items = body.get("items")
    if not items:
        return {key: (content, mode) for key, content in data.items()}
    files: Files = {}
    for item in items:
        if item["key"] in data:
            files[item["path"]] = (data[item["key"]], item.get("mode", mode))
        elif not optional:
            what = _MISSING_KEY[plural]
            raise MountError(f"{what} key: {item['key']}", (plural, f"{namespace}/{name}"))
    return files


def _downward(pod: Object, body: Object, mode: int, facts: PodFacts) -> Iterator[tuple[str, tuple[bytes, int]]]:
    for item in body.get("items") or ():
        if ref := item.get("fieldRef"):
            text = field_value(pod, ref["fieldPath"], facts)
        else:
            text = resource_value(pod, item["resourceFieldRef"], facts)
        yield item["path"], (text.encode(), item.get("mode", mode))


# ---- the node's own files


def _host_path(name: str, body: Object, source: VolumeSource, node: str) -> Mounted:
    volume = source.named_volume(f"node/{node}")
    path, kind = body["path"], body.get("type") or ""
    relative = path.strip("/")
    if relative == "etc/hosts" and not volume.exists(relative):  # what a node has that somebody may look for
        volume.write(relative, node_hosts(node).encode(), _DEFAULT_MODE)
    if kind in ("DirectoryOrCreate", "") and relative and not volume.exists(relative):
        volume.make_directory(relative)
    elif kind == "FileOrCreate" and not volume.exists(relative):
        volume.write(relative, b"", _DEFAULT_MODE)
    elif kind and not kind.endswith("OrCreate"):
        is_directory = volume.is_directory(relative) if volume.exists(relative) else None
        wanted = {"Directory": ("directory", True), "File": ("file", False)}.get(kind, (kind.lower(), None))
        if is_directory is None or is_directory is not wanted[1]:
            problem = f"hostPath type check failed: {path} is not a {wanted[0]}"
            raise MountError(f'MountVolume.SetUp failed for volume "{name}" : {problem}')
    return Mounted(volume, relative)


def _local(name: str, path: str, source: VolumeSource, node: str) -> Mounted:
    """A local volume is a folder that its node has already: nobody makes it."""
    volume = source.named_volume(f"node/{node}")
    if not volume.exists(path.strip("/")):
        problem = f'path "{path}" does not exist'
        raise MountError(f'MountVolume.NewMounter initialization failed for volume "{name}" : {problem}')
    return Mounted(volume, path.strip("/"))


# ---- claims


def claim_name(pod: Object, spec: Object) -> str | None:
    """The PersistentVolumeClaim behind a volume, or None. A generic ephemeral volume has one of its own."""
    if claim := spec.get("persistentVolumeClaim"):
        return str(claim["claimName"])
    if "ephemeral" in spec:
        return f"{pod['metadata']['name']}-{spec['name']}"
    return None


def claim_names(pod: Object) -> list[str]:
    found = (claim_name(pod, each) for each in pod["spec"].get("volumes") or ())
    return [each for each in found if each is not None]


def _claim(pod: Object, spec: Object, claim: str, cluster: Reader, source: VolumeSource, node: str) -> Mounted:
    key = f"{pod['metadata']['namespace']}/{claim}"

    def unprocessed(why: str) -> MountError:
        return MountError(
            f"Unable to attach or mount volumes: unmounted volumes=[{spec['name']}], unattached volumes=[], failed to "
            f"process volumes=[{spec['name']}]: error processing PVC {key}: {why}",
            ("persistentvolumeclaims", key),
        )

    pvc = cluster.get("persistentvolumeclaims", key)
    if pvc is None:
        raise unprocessed(f'failed to fetch PVC from API server: persistentvolumeclaims "{claim}" not found')
    if pvc["metadata"].get("deletionTimestamp") and pod["metadata"].get("deletionTimestamp"):
        raise unprocessed("PVC is being deleted")
    volume_name = pvc["spec"].get("volumeName")
    if not volume_name or (pvc.get("status") or {}).get("phase") != "Bound":
        raise unprocessed("PVC is not bound")
    pv = cluster.get("persistentvolumes", volume_name)
    if pv is None:
        raise unprocessed(
            f'failed to fetch PV {volume_name} from API server: persistentvolumes "{volume_name}" not found'
        )
    if pv["spec"].get("volumeMode") == "Block" and spec["name"] in _mount_names(pod):
        raise MountError(
            f"Unable to attach or mount volumes: unmounted volumes=[{spec['name']}], unattached volumes=[], failed to "
            f"process volumes=[{spec['name']}]: volume {spec['name']} has volumeMode Block, but is specified in "
            "volumeMounts"
        )
    read_only = bool((spec.get("persistentVolumeClaim") or {}).get("readOnly"))
    mounted = persistent_volume(pv, source, node)
    return Mounted(mounted.volume, mounted.sub_path, read_only)


def _mount_names(pod: Object) -> set[str]:
    containers = [*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]]
    return {mount["name"] for each in containers for mount in each.get("volumeMounts") or ()}


def persistent_volume(pv: Object, source: VolumeSource, node: str) -> Mounted:
    """Where the files of a PersistentVolume are: in a Volume of its own if it was provisioned, else on its node."""
    path = (pv["spec"].get("hostPath") or pv["spec"].get("local") or {}).get("path")
    owner = folder_owner(path) if path else None
    if owner is not None:  # made by hand over the folder of one that was provisioned and retained
        return Mounted(source.named_volume(f"pv/{owner}"))
    if path and "pv.kubernetes.io/provisioned-by" not in (pv["metadata"].get("annotations") or {}):
        if "local" in pv["spec"]:
            return _local(pv["metadata"]["name"], path, source, node)
        return _host_path(pv["metadata"]["name"], pv["spec"]["hostPath"], source, node)
    return Mounted(source.named_volume(f"pv/{pv['metadata']['name']}"))


def references(pod: Object, plural: str, name: str) -> bool:
    """Whether a volume of the Pod is made of that ConfigMap or Secret."""
    field, key = ("configMap", "name") if plural == "configmaps" else ("secret", "secretName")

    def named(body: Object | None) -> bool:
        return bool(body) and name in (body.get(key), body.get("name"))  # type: ignore[union-attr]

    for spec in pod["spec"].get("volumes") or ():
        sources = (spec.get("projected") or {}).get("sources") or ()
        if named(spec.get(field)) or any(named(each.get(field)) for each in sources):
            return True
    return False
