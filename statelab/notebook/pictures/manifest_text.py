"""Changing one value in a manifest's text, leaving every other character, comment and line as it was written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from statelab.manifest import Item, Manifest
from statelab.reader import Node

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Knob:
    """One thing to turn: a number in a range, or one of some choices. `value` is what the manifest says, or implies."""

    id: str
    label: str
    kind: str  # "number" | "choice"
    path: Path
    value: Any
    choices: tuple[str, ...] = ()
    least: int = 0
    most: int = 10


_WORKLOADS = ("StatefulSet", "Deployment")


def knobs(item: Item) -> list[Knob]:
    """What can be turned in a workload."""
    obj = item.object
    if item.kind not in _WORKLOADS:
        return []
    replicas = _number(_at(obj, ("spec", "replicas")), 1)
    found = [Knob("replicas", "replicas", "number", ("spec", "replicas"), replicas, most=max(10, replicas))]
    if item.kind == "Deployment":
        path: Path = ("spec", "strategy", "type")
        found.append(_choice("strategy", path, obj, ("RollingUpdate", "Recreate")))
        return found
    policy: Path = ("spec", "podManagementPolicy")
    found.append(_choice("podManagementPolicy", policy, obj, ("OrderedReady", "Parallel")))
    strategy: Path = ("spec", "updateStrategy", "type")
    found.append(_choice("updateStrategy", strategy, obj, ("RollingUpdate", "OnDelete")))
    if _at(obj, strategy) != "OnDelete":
        partition: Path = ("spec", "updateStrategy", "rollingUpdate", "partition")
        found.append(
            Knob("partition", "partition", "number", partition, _number(_at(obj, partition), 0), most=max(1, replicas))
        )
    retention: Path = ("spec", "persistentVolumeClaimRetentionPolicy")
    templates = _at(obj, ("spec", "volumeClaimTemplates"))
    if isinstance(templates, list) and templates:
        for when in ("whenDeleted", "whenScaled"):
            found.append(_choice(when, (*retention, when), obj, ("Retain", "Delete")))
        for number, template in enumerate(templates[:4]):
            size: Path = ("spec", "volumeClaimTemplates", number, "spec", "resources", "requests", "storage")
            name = _at(template, ("metadata", "name")) if isinstance(template, dict) else None
            said = _at(obj, size)
            sizes = ("100Mi", "1Gi", "2Gi", "5Gi", "10Gi")
            value = str(said) if said is not None else "1Gi"
            label = f"{name or number}: storage"
            found.append(Knob(f"size-{number}", label, "choice", size, value, tuple(dict.fromkeys((value, *sizes)))))
    return found


def _choice(name: str, path: Path, obj: Any, choices: tuple[str, ...]) -> Knob:
    said = _at(obj, path)
    value = said if isinstance(said, str) else choices[0]
    return Knob(name, name, "choice", path, value, tuple(dict.fromkeys((*choices, value))))


def _number(value: Any, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else default


def _at(obj: Any, path: Path) -> Any:
    for step in path:
        if isinstance(step, int):
            obj = obj[step] if isinstance(obj, list) and step < len(obj) else None
        else:
            obj = obj.get(step) if isinstance(obj, dict) else None
    return obj


def with_value(manifest: Manifest, item: Item, path: Path, value: str | int) -> str:
    """The text with `value` at `path` of one object. Raises ValueError where the text has no place for it."""
    lines = manifest.text.split("\n")
    node, depth = item.document.root, 0
    whole = item.path + path
    for step in whole:
        below = _child(node, step)
        if below is None:
            break
        node, depth = below, depth + 1
    written = _scalar(value)
    if depth == len(whole):
        if node.kind != "scalar":
            raise ValueError("there is a mapping or a list where a value belongs")
        _replace(lines, node, written)
        return "\n".join(lines)
    missing = whole[depth:]
    if node.kind == "scalar" and node.content is None and depth:
        raise ValueError("write a value there first")
    if node.kind != "mapping" or any(isinstance(step, int) for step in missing):
        raise ValueError("there is no place for it in this manifest")
    _insert(lines, node, [str(step) for step in missing], written)
    return "\n".join(lines)


def _child(node: Node, step: str | int) -> Node | None:
    if node.kind == "sequence" and isinstance(step, int):
        return node.content[step] if step < len(node.content) else None
    if node.kind == "mapping":
        return next((value for key, value in node.content if key.content == step), None)
    return None


def _replace(lines: list[str], node: Node, written: str) -> None:
    line = lines[node.line - 1]
    before, rest = line[: node.column - 1], line[node.column - 1 :]
    if node.content is None and not re.match(r"(~|null)\b", rest):
        raise ValueError("write a value there first")
    lines[node.line - 1] = before + written + rest[node.length :]


def _insert(lines: list[str], mapping: Node, keys: list[str], written: str) -> None:
    """New keys as the last of a mapping, written as the mapping is: in lines, or between braces."""
    line = lines[mapping.line - 1]
    is_flow = line[mapping.column - 1 : mapping.column] == "{"
    if is_flow:
        nested = written
        for key in reversed(keys[1:]):
            nested = f"{{{key}: {nested}}}"
        comma = ", " if mapping.content else ""
        at = mapping.column
        lines[mapping.line - 1] = f"{line[:at]}{keys[0]}: {nested}{comma}{line[at:]}"
        return
    if not mapping.content:
        raise ValueError("there is no place for it in this manifest")
    first_key = mapping.content[0][0]
    indent = first_key.column - 1
    # Before the second key, or after all that belongs to the only one: no comment is torn from its line.
    if len(mapping.content) > 1:
        where = mapping.content[1][0].line - 1
        while where > first_key.line and lines[where - 1].lstrip().startswith("#"):
            where -= 1
    else:
        where = first_key.line
        while where < len(lines) and (not lines[where].strip() or _indent(lines[where]) > indent):
            where += 1
    new = [" " * (indent + 2 * depth) + f"{key}:" for depth, key in enumerate(keys)]
    new[-1] += f" {written}"
    lines[where:where] = new


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _scalar(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    text = str(yaml.safe_dump(value, default_flow_style=True, width=1000)).split("\n")[0]
    return text
