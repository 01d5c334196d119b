"""kubectl events. Source: pkg/cmd/events/events.go, event_printer.go."""

from __future__ import annotations

from statelab.controlplane.clock import seconds
from statelab.kubectl.api import Object
from statelab.kubectl.call import Call
from statelab.kubectl.describe.text import interval
from statelab.kubectl.gotext import aligned
from statelab.kubectl.printing import printer
from statelab.kubectl.problems import Fail


def events(call: Call) -> None:
    flags = call.flags
    if flags.on("watch"):
        raise Fail("kubectl events --watch is not carried out here: kubectl get events --watch is, for a while")
    types = flags.all("types")
    for each in types:
        if each.lower() not in ("normal", "warning"):
            raise Fail("valid --types are Normal or Warning")
    selector = _about(call, flags.text("for")) if flags.text("for") else ""
    namespace = "" if call.everywhere else call.namespace
    found = call.list(call.mapper.find("events"), namespace, fieldSelector=selector)
    wanted = {each.lower() for each in types}
    found = [each for each in found if not wanted or str(each.get("type", "")).lower() in wanted]
    if not found:
        if call.everywhere:
            call.err("No events found.\n")
        else:
            call.err(f"No events found in {call.namespace} namespace.\n")
        return
    found.sort(key=_time_s)
    if call.flags.text("output") == "name":
        return  # kubectl's items have no kind there, and no name is printed
    printed = printer(call)
    if printed is not None:
        call.out(printed({"apiVersion": "v1", "kind": "EventList", "metadata": {}, "items": found}))
        return
    _table(call, found)


def _about(call: Call, said: str) -> str:
    """The field selector of one object's events. Raises Fail."""
    type, slash, name = said.partition("/")
    if not slash or not name or "/" in name:
        raise Fail("--for must be in resource/name form")
    resource = call.mapper.find(type)
    return f"involvedObject.kind={resource.kind},involvedObject.name={name}"


def _time_s(event: Object) -> float:
    text = (event.get("series") or {}).get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return seconds(text) if text else 0.0


def _table(call: Call, found: list[Object]) -> None:
    rows = []
    if not call.flags.on("no-headers"):
        head = ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
        rows.append("\t".join(["NAMESPACE", *head] if call.everywhere else head))
    for event in found:
        about = event.get("involvedObject") or {}
        cells = [
            interval(call, event),
            str(event.get("type") or ""),
            str(event.get("reason") or ""),
            f"{about.get('kind', '')}/{about.get('name', '')}",
            str(event.get("message") or "").strip(),
        ]
        if call.everywhere:
            cells.insert(0, event["metadata"].get("namespace", ""))
        rows.append("\t".join(cells))
    call.out(aligned(rows))
