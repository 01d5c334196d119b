"""kubectl label and kubectl annotate. Source: pkg/cmd/label/label.go, pkg/cmd/annotate/annotate.go."""

from __future__ import annotations

from statelab.kubectl.api import PATCHES, Object
from statelab.kubectl.builder import Info, select
from statelab.kubectl.call import Call
from statelab.kubectl.gotext import quote
from statelab.kubectl.printing import result
from statelab.kubectl.problems import Fail, raise_all
from statelab.kubectl.verbs.common import pairs

_LABEL_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start "
    "and end "
    "with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


def label(call: Call) -> None:
    _change(call, "label", "labels")


def annotate(call: Call) -> None:
    _change(call, "annotation", "annotations")


def _change(call: Call, what: str, field: str) -> None:
    flags = call.flags
    words, values, gone = pairs(call.args, what)
    if what == "label":
        _check_values(values)
    if flags.on("all") and flags.text("selector"):
        raise Fail("cannot set --all and --selector at the same time")
    if not words and not flags.all("filename") and not flags.text("kustomize"):
        raise Fail("one or more resources must be specified as <resource> <name> or <resource>/<name>")
    if not values and not gone and not flags.on("list"):
        raise Fail(f"at least one {what} update is required")
    if flags.on("local"):
        raise Fail("--local is not simulated here: --dry-run=client shows what would be said")
    found = select(call, words, all_flag=flags.on("all"))
    if flags.text("resource-version") and len(found.infos) > 1:
        raise Fail("--resource-version may only be used with a single resource")
    for info in found.infos:
        _one(call, info, what, field, values, gone)
    raise_all(found.errors)


def _check_values(values: dict[str, str]) -> None:
    import re

    for key, value in values.items():
        if len(value) > 63:
            raise Fail(f"invalid label value: {quote(f'{key}={value}')}: must be no more than 63 bytes")
        if not re.fullmatch(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?", value):
            raise Fail(f"invalid label value: {quote(f'{key}={value}')}: {_LABEL_VALUE}")


def _one(call: Call, info: Info, what: str, field: str, values: dict[str, str], gone: list[str]) -> None:
    flags = call.flags
    has = dict((info.object.get("metadata") or {}).get(field) or {})
    if flags.on("list") and not values and not gone:
        for key in sorted(has):
            call.out(f"{key}={has[key]}\n")
        return
    if not flags.on("overwrite"):
        _refuse_overwriting(info, what, has, values)
    change: dict[str, str | None] = {key: value for key, value in values.items() if has.get(key) != value}
    for key in gone:
        if key not in has:
            if what == "label":
                call.out(f"label {quote(key)} not found.\n")
            continue
        change[key] = None
    after: Object = info.object
    if change and call.dry_run != "client":
        metadata: Object = {field: change}
        if flags.text("resource-version"):
            metadata["resourceVersion"] = flags.text("resource-version")
        after = call.request(
            "PATCH", info.path, call.write_params(), {"metadata": metadata}, content_type=PATCHES["merge"]
        )
    elif change:
        kept = {key: value for key, value in {**has, **change}.items() if value is not None}
        after = {**info.object, "metadata": {**info.object["metadata"], field: kept}}
    if what == "annotation":
        result(call, after, "annotated")
        return
    only_gone = change and all(value is None for value in change.values())
    result(call, after, "unlabeled" if only_gone else "labeled" if change else "not labeled")
    if flags.on("list"):
        now = (after.get("metadata") or {}).get(field) or {}
        for key in sorted(now):
            call.out(f"{key}={now[key]}\n")


def _refuse_overwriting(info: Info, what: str, has: dict[str, str], values: dict[str, str]) -> None:
    wrong = [
        f"'{key}' already has a value ({has[key]})"
        for key, value in sorted(values.items())
        if key in has and has[key] != value
    ]
    if not wrong:
        return
    if what == "label":
        raise Fail(", ".join(f"{each}, and --overwrite is false" for each in wrong))
    raise Fail(f"--overwrite is false but found the following declared annotation(s): {'; '.join(wrong)}")
