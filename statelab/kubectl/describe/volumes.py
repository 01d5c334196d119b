"""The volumes of a Pod, and where each is from."""

from __future__ import annotations

from collections.abc import Sequence

from statelab.kubectl.api import Object
from statelab.kubectl.describe.text import Text, boolean


def volumes(text: Text, found: Sequence[Object], space: str = "") -> None:
    if not found:
        text.put(0, f"{space}Volumes:\t<none>\n")
        return
    text.put(0, f"{space}Volumes:\n")
    for volume in found:
        text.put(1, f"{' ' if space else ''}{volume['name']}:\n")
        for line in volume_source(volume):
            text.put(0, f"    {line}\n")


def volume_source(volume: Object) -> list[str]:
    """A volume's source, line by line."""
    if "hostPath" in volume:
        source = volume["hostPath"]
        return [
            "Type:\tHostPath (bare host directory volume)",
            f"Path:\t{source['path']}",
            f"HostPathType:\t{source.get('type') or ''}",
        ]
    if "emptyDir" in volume:
        source = volume["emptyDir"] or {}
        return [
            "Type:\tEmptyDir (a temporary directory that shares a pod's lifetime)",
            f"Medium:\t{source.get('medium') or ''}",
            f"SizeLimit:\t{source.get('sizeLimit') or '<unset>'}",
        ]
    if "secret" in volume:
        source = volume["secret"]
        return [
            "Type:\tSecret (a volume populated by a Secret)",
            f"SecretName:\t{source.get('secretName', '')}",
            f"Optional:\t{boolean(source.get('optional'))}",
        ]
    if "configMap" in volume:
        source = volume["configMap"]
        return [
            "Type:\tConfigMap (a volume populated by a ConfigMap)",
            f"Name:\t{source.get('name', '')}",
            f"Optional:\t{boolean(source.get('optional'))}",
        ]
    if "persistentVolumeClaim" in volume:
        source = volume["persistentVolumeClaim"]
        return [
            "Type:\tPersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
            f"ClaimName:\t{source['claimName']}",
            f"ReadOnly:\t{boolean(source.get('readOnly'))}",
        ]
    if "downwardAPI" in volume:
        lines = ["Type:\tDownwardAPI (a volume populated by information about the pod)", "Items:"]
        for item in volume["downwardAPI"].get("items") or ():
            where = (item.get("fieldRef") or {}).get("fieldPath") or (item.get("resourceFieldRef") or {}).get(
                "resource"
            )
            lines.append(f"  {where} -> {item['path']}")
        return lines
    if "projected" in volume:
        return _projected(volume["projected"])
    if "csi" in volume:
        source = volume["csi"]
        return [
            "Type:\tCSI (a Container Storage Interface (CSI) volume source)",
            f"Driver:\t{source.get('driver', '')}",
            f"FSType:\t{source.get('fsType') or ''}",
            f"ReadOnly:\t{boolean(source.get('readOnly'))}",
        ]
    if "nfs" in volume:
        source = volume["nfs"]
        return [
            "Type:\tNFS (an NFS mount that lasts the lifetime of a pod)",
            f"Server:\t{source.get('server', '')}",
            f"Path:\t{source.get('path', '')}",
            f"ReadOnly:\t{boolean(source.get('readOnly'))}",
        ]
    return ["<unknown>"]


def _projected(source: Object) -> list[str]:
    lines = ["Type:\tProjected (a volume that contains injected data from multiple sources)"]
    for each in source.get("sources") or ():
        if "serviceAccountToken" in each:
            lines.append(f"TokenExpirationSeconds:\t{each['serviceAccountToken'].get('expirationSeconds', 3600)}")
        elif "configMap" in each:
            ref = each["configMap"]
            lines += [f"ConfigMapName:\t{ref.get('name', '')}", f"Optional:\t{boolean(ref.get('optional'))}"]
        elif "secret" in each:
            ref = each["secret"]
            lines += [f"SecretName:\t{ref.get('name', '')}", f"Optional:\t{boolean(ref.get('optional'))}"]
        elif "downwardAPI" in each:
            lines.append("DownwardAPI:\ttrue")
    return lines
