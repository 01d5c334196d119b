"""What the API server does with its own FlowSchemas: nobody waits for a turn here, so that is all.

Source: apiserver/pkg/util/flowcontrol/apf_controller.go, pkg/registry/flowcontrol/ensurer.
"""

from __future__ import annotations

from collections.abc import Iterable

from statelab.controlplane.apiserver.validation import flowcontrol_default
from statelab.controlplane.apiserver.validation.flowcontrol_default import LEVELS, SCHEMAS, SPECS
from statelab.controlplane.clock import timestamp
from statelab.controlplane.kinds import Object
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View


def _of_schema(revision: Revision, view: View) -> Iterable[str]:
    return (f"{SCHEMAS}/{revision.key}",)


def _of_level(revision: Revision, view: View) -> Iterable[str]:
    """The level itself, which may have to come back, and every FlowSchema that leads to it."""
    yield f"{LEVELS}/{revision.key}"
    if revision.type != "MODIFIED":
        for schema in view.list(SCHEMAS):
            if _level_of(schema) == revision.key:
                yield f"{SCHEMAS}/{schema['metadata']['name']}"


def _level_of(schema: Object) -> str:
    return str(schema["spec"]["priorityLevelConfiguration"]["name"])


def reconcile(key: str, view: View) -> None:
    """Make one that every cluster has again; say of a FlowSchema whether its level is there."""
    plural, _, name = key.partition("/")
    found, now = view.get(plural, name), timestamp(view.now_s)
    if found is None:
        if (plural, name) in SPECS:
            view.create(plural, flowcontrol_default.default_object(plural, name, now), why="every cluster has it")
    elif plural == SCHEMAS:
        _tell(found, view, now)


def _tell(schema: Object, view: View, now: str) -> None:
    level = _level_of(schema)
    wanted = flowcontrol_default.dangling(level, now, is_there=view.get(LEVELS, level) is not None)
    status = schema.get("status") or {}
    conditions = status.get("conditions") or []
    known = next((each for each in conditions if each["type"] == "Dangling"), None)
    if known is not None and (known["status"], known.get("message")) == (wanted["status"], wanted["message"]):
        return
    others = [each for each in conditions if each["type"] != "Dangling"]
    changed = {**schema, "status": {**status, "conditions": [*others, wanted]}}
    view.update_status(SCHEMAS, changed, why=f"whether there is a priority level {level}")


CONTROLLER = Controller(
    "api-priority-and-fairness-config-consumer-v1", reconcile, {SCHEMAS: _of_schema, LEVELS: _of_level}
)
