"""Objects of kinds that a cluster has learned, in a picture: a hexagon with what their definition's columns show."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from statelab.cluster.custom import kind_of_definition
from statelab.controlplane.kinds import KINDS, Kind, Object
from statelab.notebook.pictures.drawing import Piece, elided, escaped, shortened, text
from statelab.notebook.pictures.shown import CustomShown
from statelab.notebook.strings import say

DEFINITIONS = "customresourcedefinitions"
_MOST_KINDS, _MOST_OBJECTS, _MOST_COLUMNS = 8, 24, 6
_STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\[(\d+)\]")
_SIMPLE = re.compile(rf"(?:{_STEP.pattern})+")
_H, _CUT, _LETTER_W, _SMALL_W = 30, 12, 8.6, 7.2
_LONGEST_VALUE = 24


def kinds_defined(definitions: Sequence[Object]) -> dict[str, Kind]:
    """The kinds of a namespace's objects that these definitions teach, by plural and group; not more than a few."""
    found = [kind_of_definition(each) for each in definitions]
    kinds = [kind for kind in found if kind is not None and kind.namespaced]
    return {kind.plural: kind for kind in kinds[:_MOST_KINDS]}


def is_custom(plural: str) -> bool:
    """Whether it is a custom kind's: its group stands behind its plural."""
    return plural not in KINDS and "." in plural


def singular_of(plural: str, obj: Object) -> str:
    """What an object is called: "pod"; of a custom kind its own name, "redisgroup"."""
    return KINDS[plural].singular if plural in KINDS else str(obj.get("kind") or plural.partition(".")[0]).lower()


def customs_shown(objects: Mapping[str, Sequence[Object]]) -> tuple[CustomShown, ...]:
    """The custom resources among objects by plural; their definitions have to be among them."""
    shown = []
    for plural, kind in sorted(kinds_defined(objects.get(DEFINITIONS, ())).items()):
        for obj in sorted(objects.get(plural, ()), key=lambda each: str(each["metadata"]["name"])):
            values = [
                (str(each.get("name", "")), _value(obj, str(each.get("jsonPath", "")))) for each in _columns(kind)
            ]
            columns = tuple((name, value) for name, value in values if value)
            shown.append(CustomShown(kind.name, str(obj["metadata"]["name"]), columns[:_MOST_COLUMNS]))
    return tuple(shown)


def _columns(kind: Kind) -> Sequence[Object]:
    return [each for each in kind.custom.columns if each.get("type") != "date" and not each.get("priority")]


def _value(obj: Any, path: str) -> str:
    """What is at ".status.primary"; "" for nothing, and for a path that asks for more than one thing."""
    if not _SIMPLE.fullmatch(path):
        return ""
    for key, place in _STEP.findall(path):
        if place and isinstance(obj, list) and int(place) < len(obj):
            obj = obj[int(place)]
        elif key and isinstance(obj, dict):
            obj = obj.get(key)
        else:
            return ""
    if obj is None or isinstance(obj, dict | list):
        return ""
    return shortened(str(obj).lower() if isinstance(obj, bool) else str(obj), _LONGEST_VALUE)


def said(each: CustomShown) -> str:
    """One of them for someone who does not see it."""
    values = ", ".join(say("said_column", name=name, value=value) for name, value in each.columns)
    return say("said_custom" if values else "said_custom_empty", kind=each.kind, name=each.name, values=values)


def customs(shown: Sequence[CustomShown], pieces: dict[str, Piece], x: float, y: float, width: float) -> float:
    """Put each into `pieces`, side by side from (x, y) on; returns y below."""
    at, height = x, 0.0
    for each in shown[:_MOST_OBJECTS]:
        name = f"{each.kind} {elided(each.name, 30)}"
        values = " · ".join(f"{title} {value}" for title, value in each.columns)
        values = shortened(values, max(0, int((width - 2 * _CUT - 8) / _SMALL_W)))
        long = min(width, max(_LETTER_W * len(name), _SMALL_W * len(values)) + 2 * _CUT + 8)
        if at > x and at + long > x + width:
            at, y = x, y + height + 8
        height = _H + (16 if values else 0)
        pieces[each.key] = Piece(at, y, _hexagon(long, height, name, values), "custom", said(each))
        at += long + 10
    return y + height + 10 if shown else y


def _hexagon(width: float, height: float, name: str, values: str) -> str:
    middle = height / 2
    edge = f"M0 {middle:g} L{_CUT} 0 H{width - _CUT:g} L{width:g} {middle:g} L{width - _CUT:g} {height:g} H{_CUT} Z"
    inner = f'<path class="box" d="{escaped(edge)}"/>' + text(_CUT + 4, 19, name, "strong")
    return inner + (text(_CUT + 4, 37, values, "small") if values else "")
