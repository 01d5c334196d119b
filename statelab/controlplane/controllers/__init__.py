"""kube-controller-manager's controllers: each watches some kinds, and makes one object right at a time.

A module or folder of this package that says `CONTROLLERS` is found by itself: to add a controller is to add its folder.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from statelab.controlplane.manager import Controller


@cache
def all_controllers() -> tuple[Controller, ...]:
    """Every controller, in the order of their modules' names: that in which they hear of a revision."""
    found: list[Controller] = []
    for module in iter_modules(__path__, f"{__name__}."):
        found += getattr(import_module(module.name), "CONTROLLERS", ())
    return tuple(found)
