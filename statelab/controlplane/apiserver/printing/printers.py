"""The printer of each kind. A module of this package that says `PRINTERS` is found by itself."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from statelab.controlplane.apiserver import printing
from statelab.controlplane.apiserver.printing.cells import CREATED_AT, NAME, Printer, Since, since
from statelab.controlplane.kinds import Object


def _found() -> dict[str, Printer]:
    printers: dict[str, Printer] = {}
    for module in iter_modules(printing.__path__, f"{printing.__name__}."):
        if module.name != __name__:
            printers |= getattr(import_module(module.name), "PRINTERS", {})
    return printers


def _name_and_birth(obj: Object, _since: Since) -> list[Any]:
    return [obj["metadata"]["name"], obj["metadata"].get("creationTimestamp")]


_PRINTERS: dict[str, Printer] = {}  # by plural
_OTHERS = Printer((NAME, CREATED_AT), _name_and_birth)


def printer_of(plural: str) -> Printer:
    """How objects of that kind are shown; a kind without columns of its own shows its name and when it was made."""
    if not _PRINTERS:  # only now: some printers need table.py, which needs this module
        _PRINTERS.update(_found())
    return _PRINTERS.get(plural, _OTHERS)


def cells(plural: str, obj: Object, now_s: float) -> list[Any]:
    """The cells of one row, wide columns included."""
    return printer_of(plural).cells(obj, lambda timestamp: since(timestamp, now_s))


def row_conditions(plural: str, obj: Object) -> list[Object]:
    """What a row says of itself: a Pod that is done is marked so."""
    conditions = printer_of(plural).conditions
    return conditions(obj) if conditions is not None else []
