"""kubectl set: image, env, resources, serviceaccount, selector, subject. Source: pkg/cmd/set/*.go."""

from __future__ import annotations

import base64
import copy
import fnmatch
import re
from collections.abc import Callable, Sequence
from typing import Any

from statelab.controlplane import quantity
from statelab.kubectl.api import PATCHES, Object
from statelab.kubectl.builder import Info, select, types_and_names
from statelab.kubectl.call import Call
from statelab.kubectl.gotext import quote
from statelab.kubectl.printing import result
from statelab.kubectl.problems import Fail, Refused, raise_all
from statelab.kubectl.verbs.common import at, nested, template_path

Change = Callable[[Object], None]  # changes a copy of the Pod spec


def image(call: Call) -> None:
    images = dict(word.split("=", 1) for word in call.args if "=" in word)
    words = [word for word in call.args if "=" not in word]
    if not words and not call.flags.all("filename") and not call.flags.text("kustomize"):
        raise Fail("one or more resources must be specified as <resource> <name> or <resource>/<name>")
    types_and_names(call, words)
    if not images:
        raise Fail("at least one image update is required")
    if len(images) > 1 and "*" in images:
        raise Fail(
            "all containers are already specified by *, but saw more than one container_name=container_image pairs"
        )

    def change(spec: Object) -> None:
        missing = []
        for name, value in images.items():
            found = False
            for field in ("initContainers", "containers"):
                for container in spec.get(field) or ():
                    if name in ("*", container["name"]):
                        container["image"] = value
                        found = True
            if not found:
                missing.append(Fail(f"error: unable to find container named {quote(name)}"))
        raise_all(missing)

    _update(call, words, change, "image updated", failed="failed to patch image update to pod template: ")


def serviceaccount(call: Call) -> None:
    if len(call.args) < 1:
        raise Fail("serviceaccount is required")
    *words, name = call.args

    def change(spec: Object) -> None:
        spec["serviceAccountName"] = name
        spec["serviceAccount"] = name

    _update(call, words, change, "serviceaccount updated")


def resources(call: Call) -> None:
    flags = call.flags
    if not flags.text("limits") and not flags.text("requests"):
        raise Fail("you must specify an update to requests or limits (in the form of --requests/--limits)")
    limits, requests = _amounts(flags.text("limits")), _amounts(flags.text("requests"))

    def change(spec: Object) -> None:
        for container in _chosen(call, spec):
            now = container.setdefault("resources", {})
            for field, amounts in (("limits", limits), ("requests", requests)):
                for name, amount in amounts.items():
                    now.setdefault(field, {})[name] = amount

    _update(call, call.args, change, "resource requirements updated")


def _amounts(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in text.split(",") if text else ():
        name, equals, amount = part.partition("=")
        if not equals or "=" in amount:
            raise Fail(f"invalid argument syntax {part}, expected <resource>=<value>")
        try:
            found[name] = quantity.canonical(amount)
        except ValueError:
            raise Fail(
                "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
            ) from None
    return found


def _chosen(call: Call, spec: Object) -> list[Any]:
    """The containers that -c chooses; says so on stderr where it chooses none."""
    pattern = call.flags.text("containers") or "*"
    every = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    found = [each for each in every if fnmatch.fnmatchcase(each["name"], pattern)]
    if not found:
        raise Fail(f"unable to find container named {pattern}")
    return found


def selector(call: Call) -> None:
    if not call.args:
        raise Fail("one or more resources must be specified as <resource> <name> or <resource>/<name>")
    *words, said = call.args
    wanted: dict[str, str] = {}
    for part in said.split(","):
        key, equals, value = part.partition("=")
        if not equals:
            raise Fail(f"invalid selector: {said}")
        wanted[key] = value.lstrip("=")
    found = select(call, words, all_flag=call.flags.on("all"))
    for info in found.infos:
        if info.resource.kind != "Service":
            raise Fail("setting a selector is only supported for Services")
        if (info.object["spec"].get("selector") or {}) == wanted:
            continue
        _send(call, info, {"spec": {"selector": {"$patch": "replace", **wanted}}}, "selector updated", {})
    raise_all(found.errors)


def subject(call: Call) -> None:
    flags = call.flags
    if not flags.all("user") and not flags.all("group") and not flags.all("serviceaccount"):
        raise Fail("you must specify at least one value of user, group or serviceaccount")
    found = select(call, call.args, all_flag=flags.on("all"))
    for info in found.infos:
        if info.resource.kind not in ("RoleBinding", "ClusterRoleBinding"):
            raise Fail("setting subjects is only supported for RoleBinding/ClusterRoleBinding")
        subjects = list(info.object.get("subjects") or ())
        for each in new_subjects(call):
            if each not in subjects:
                subjects.append(each)
        if subjects != (info.object.get("subjects") or []):
            _send(call, info, {"subjects": subjects}, "subjects updated", {})
    raise_all(found.errors)


def new_subjects(call: Call) -> list[Object]:
    """Raises Fail."""
    flags = call.flags
    group = "rbac.authorization.k8s.io"
    found: list[Object] = [{"kind": "User", "apiGroup": group, "name": each} for each in flags.all("user")]
    found += [{"kind": "Group", "apiGroup": group, "name": each} for each in flags.all("group")]
    for each in flags.all("serviceaccount"):
        namespace, colon, name = each.partition(":")
        if not colon or ":" in name or not name:
            raise Fail("serviceaccount must be <namespace>:<name>")
        found.append({"kind": "ServiceAccount", "name": name, "namespace": namespace})
    return found


# ---- env


def env(call: Call) -> None:
    flags = call.flags
    words = [word for word in call.args if not _is_env(word)]
    values, gone = _env_changes([*(word for word in call.args if _is_env(word)), *flags.all("env")])
    if "-" in call.args and call.stdin:
        words.remove("-") if "-" in words else None
        values |= dict(line.split("=", 1) for line in call.stdin.splitlines() if "=" in line and line[:1] != "#")
    if not words and not flags.all("filename"):
        raise Fail("one or more resources must be specified as <resource> <name> or <resource>/<name>")
    if flags.on("list"):
        _list_env(call, words)
        return
    additions: list[Object] = [{"name": name, "value": value} for name, value in values.items()]
    if flags.text("from"):
        additions += _env_from(call)

    def change(spec: Object) -> None:
        for container in _chosen(call, spec):
            now = [each for each in container.get("env") or () if each["name"] not in gone]
            for each in additions:
                at_ = next((i for i, has in enumerate(now) if has["name"] == each["name"]), None)
                if at_ is None:
                    now.append(each)
                elif flags.on("overwrite"):
                    now[at_] = each
            if now or container.get("env"):
                container["env"] = now

    _update(call, words, change, "env updated")


def _is_env(word: str) -> bool:
    return "=" in word or (word.endswith("-") and len(word) > 1)


def _env_changes(words: Sequence[str]) -> tuple[dict[str, str], set[str]]:
    values: dict[str, str] = {}
    gone: set[str] = set()
    for word in words:
        name, equals, value = word.partition("=")
        if equals:
            if not re.fullmatch(r"[-._a-zA-Z][-._a-zA-Z0-9]*", name):
                raise Fail(f"invalid environment variable: {word}")
            values[name] = value
        else:
            gone.add(word[:-1])
    return values, gone


def _env_from(call: Call) -> list[Object]:
    flags = call.flags
    type, _, name = flags.text("from").partition("/")
    resource = call.mapper.find(type)
    if resource.kind not in ("ConfigMap", "Secret"):
        raise Fail("unsupported resource specified in --from")
    found = call.get(resource, call.namespace, name)
    keys = [key for key in sorted(found.get("data") or {}) if not flags.all("keys") or key in flags.all("keys")]
    field = "configMapKeyRef" if resource.kind == "ConfigMap" else "secretKeyRef"
    return [
        {
            "name": flags.text("prefix") + re.sub(r"[^a-zA-Z0-9_]", "_", key).upper(),
            "valueFrom": {field: {"key": key, "name": name}},
        }
        for key in keys
    ]


def _list_env(call: Call, words: Sequence[str]) -> None:
    found = select(call, words, all_flag=call.flags.on("all"))
    for info in found.infos:
        spec = at(info.object, *template_path(info)) or {}
        for container in _chosen(call, spec):
            call.out(f"# {info.resource.kind} {info.name}, container {container['name']}\n")
            for each in container.get("env") or ():
                if "value" in each or "valueFrom" not in each:
                    call.out(f"{each['name']}={each.get('value', '')}\n")
                elif call.flags.on("resolve"):
                    call.out(f"{each['name']}={_resolved(call, each['valueFrom'])}\n")
                else:
                    call.out(f"# {each['name']} from {_reference(each['valueFrom'])}\n")
    raise_all(found.errors)


def _reference(source: Object) -> str:
    for field, words in (("configMapKeyRef", "configmap"), ("secretKeyRef", "secret")):
        if field in source:
            return f"{words} {source[field]['name']}, key {source[field]['key']}"
    if "fieldRef" in source:
        return f"field path {source['fieldRef']['fieldPath']}"
    ref = source.get("resourceFieldRef") or {}
    return f"resource field {ref.get('resource', '')}"


def _resolved(call: Call, source: Object) -> str:
    for field, plural in (("configMapKeyRef", "configmaps"), ("secretKeyRef", "secrets")):
        if field in source:
            data = call.get(call.mapper.find(plural), call.namespace, source[field]["name"]).get("data") or {}
            value = str(data.get(source[field]["key"], ""))
            return base64.b64decode(value).decode("utf-8", "replace") if plural == "secrets" else value
    return ""


# ---- the change itself


def _update(call: Call, words: Sequence[str], change: Change, said: str, *, failed: str = "") -> None:
    if call.flags.on("local"):
        raise Fail("--local is not simulated here: --dry-run=client shows what would be changed")
    found = select(call, words, all_flag=call.flags.on("all"))
    errors: list[Exception] = list(found.errors)
    for info in found.infos:
        try:
            path = template_path(info)
            before = at(info.object, *path) or {}
            after = copy.deepcopy(before)
            change(after)
            if after != before:
                try:
                    _send(call, info, nested(path, _difference(before, after)), said, nested(path, after))
                except Refused as refused:
                    errors.append(Fail(f"{failed}{refused.message}") if failed else refused)
        except (Fail, Refused) as error:
            errors.append(error)
    raise_all(errors)


def _difference(before: Object, after: Object) -> Object:
    """The strategic merge patch from one Pod spec to the other: containers by name, their env by name."""
    patch: Object = {}
    for key, value in after.items():
        if value == before.get(key):
            continue
        if key in ("containers", "initContainers"):
            patch[key] = [_container(old, new) for old, new in zip(before[key], value, strict=True) if old != new]
        else:
            patch[key] = value
    return patch


def _container(old: Object, new: Object) -> Object:
    patch: Object = {"name": new["name"]}
    for key, value in new.items():
        if value == old.get(key) or key == "name":
            continue
        if key == "env":
            kept = {each["name"] for each in value}
            was = {each["name"]: each for each in old.get("env") or ()}
            patch["env"] = [
                {**each, **{k: None for k in was.get(each["name"], {}) if k not in each}}
                for each in value
                if each != was.get(each["name"])
            ] + [{"name": name, "$patch": "delete"} for name in was if name not in kept]
            patch["$setElementOrder/env"] = [{"name": each["name"]} for each in value]
        else:
            patch[key] = value
    return patch


def _send(call: Call, info: Info, body: Object, said: str, changed: Object) -> None:
    if call.dry_run == "client":
        result(call, _merged(info.object, changed), said)
        return
    after = call.request("PATCH", info.path, call.write_params(), body, content_type=PATCHES["strategic"])
    result(call, after, said)


def _merged(obj: Any, change: Any) -> Any:
    if isinstance(obj, dict) and isinstance(change, dict):
        return {**obj, **{key: _merged(obj.get(key), value) for key, value in change.items()}}
    return change
