"""Adding a kind touches its row, its rules, its printer and its controller's folder: docs/adding-a-kind.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from statelab.controlplane.apiserver.printing.printers import printer_of
from statelab.controlplane.apiserver.validation import rules_of
from statelab.controlplane.controllers import all_controllers
from statelab.controlplane.kinds import KINDS

HERE = Path(__file__).parents[3] / "statelab" / "controlplane"
# What a kind may touch beside its row and its controller's own folder: one module of each of the two rooms.
ROOMS = ("apiserver/validation/", "apiserver/printing/")
# Who is controlled by another kind is told by that kind's controller, which names it.
FOLDERS = {
    "jobs": ("controllers/job/", "controllers/cronjob/"),
    "cronjobs": ("controllers/cronjob/",),
    "daemonsets": ("controllers/daemonset/",),
}


def files_that_name(plural: str) -> set[str]:
    """Containers know nothing of kinds: a shell's `jobs` is another thing."""
    paths = (path for path in HERE.rglob("*.py") if "runtime" not in path.parts)
    return {str(path.relative_to(HERE)) for path in paths if f'"{plural}"' in path.read_text(encoding="utf-8")}


@pytest.mark.parametrize("plural", FOLDERS)
def test_a_kind_is_a_row_a_module_of_rules_one_of_printing_and_a_folder(plural: str) -> None:
    found = files_that_name(plural)
    assert "kinds.py" in found
    for room in ROOMS:
        assert len([path for path in found if path.startswith(room)]) == 1, found
    allowed = ("kinds.py", *ROOMS, *FOLDERS[plural])
    assert not [path for path in found if not path.startswith(allowed)]


@pytest.mark.parametrize("plural", KINDS)
def test_every_kind_has_rules_and_a_printer(plural: str) -> None:
    assert rules_of(plural).create
    assert printer_of(plural).columns[0][0] in ("Name", "Last Seen")


def test_every_controller_is_found_once() -> None:
    names = [controller.name for controller in all_controllers()]
    assert {"job-controller", "cronjob-controller", "daemonset-controller", "replication-controller"} <= set(names)
    assert len(names) == len(set(names)) + 1  # the Job controller has a second loop, for Pods without a Job
