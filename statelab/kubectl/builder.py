"""From a line's words and files to the objects it is about. Source: cli-runtime/pkg/resource/builder.go, visitor.go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from statelab.kubectl.api import Object
from statelab.kubectl.call import Call
from statelab.kubectl.documents import documents
from statelab.kubectl.gotext import quote
from statelab.kubectl.problems import Fail, Refused, raise_all
from statelab.kubectl.resources import Resource

KUSTOMIZE = "-k is not simulated here: kubectl kustomize builds files on your own machine; apply what it writes with -f"
_ONE_EACH = "arguments in resource/name form must have a single resource and name"
NOTHING = """You must provide one or more resources by argument or filename.
Example resource specifications include:
   '-f rsrc.yaml'
   '--filename=rsrc.json'
   '<resource> <name>'
   '<resource>'"""


@dataclass(frozen=True, slots=True)
class Info:
    """One object that a line is about. `object` as the file or the server says it; `source` where it came from."""

    resource: Resource
    namespace: str
    name: str
    object: Object
    source: str = ""

    @property
    def path(self) -> str:
        return self.resource.path(self.namespace, self.name)

    def about(self, object: Object) -> Info:
        return replace(self, object=object)

    @property
    def shown(self) -> str:
        """`pod/web-0`, `statefulset.apps/web`."""
        return f"{self.resource.group_kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects were asked for, before they are looked up."""

    infos: tuple[Info, ...]
    errors: tuple[Exception, ...] = ()
    single: bool = False

    def all(self) -> list[Info]:
        """Raises what went wrong, if anything did."""
        raise_all(self.errors)
        return list(self.infos)


def types_and_names(call: Call, words: Sequence[str]) -> tuple[list[tuple[str, str]], list[str], list[str]]:
    """(type, name) pairs; or the types, and the names that follow. Raises Fail."""
    slashes = sum("/" in word for word in words)
    if slashes and slashes != len(words):
        raise Fail(
            "there is no need to specify a resource type as a separate argument when passing arguments in "
            "resource/name "
            "form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource "
            "resource/<resource_name>'"
        )
    if slashes:
        pairs = []
        for word in words:
            parts = word.split("/")
            if len(parts) != 2:
                raise Fail("arguments in resource/name form may not have more than one slash")
            if not parts[0] or not parts[1] or len(split_types(call, parts[0])) != 1:
                raise Fail(_ONE_EACH)
            pairs.append((parts[0], parts[1]))
        return pairs, [], []
    if not words:
        return [], [], []
    types, names = split_types(call, words[0]), list(words[1:])
    if "," in words[0] and names:  # "deploy,svc web" is deploy/web and svc/web
        if "" in types:
            raise Fail(_ONE_EACH)
        return [(each, name) for each in types for name in names], [], []
    return [], types, names


def split_types(call: Call, text: str) -> list[str]:
    """The types of "pods,svc" or "all", each once; "" where a comma has nothing beside it. Raises Fail."""
    out: dict[str, None] = {}
    for word in text.split(","):
        for each in call.mapper.expand(word):
            out[each] = None
    return list(out)


def select(
    call: Call,
    words: Sequence[str],
    *,
    files: bool = True,
    all_flag: bool = False,
    empty_selects_all: bool = False,
    lookup: bool = True,
    local: bool = False,
    fallback: str = "",
) -> Selection:
    """The objects of a line: files, `TYPE NAME…`, `TYPE/NAME…`, by selector, or all. Raises Fail.

    `lookup`: read each from the server (what is missing is an error of the selection).
    """
    flags = call.flags
    filenames = flags.all("filename") if files else []
    kustomize = flags.text("kustomize") if files and "kustomize" in flags.known else ""
    label = flags.text("selector") if "selector" in flags.known and call.command not in ("expose",) else ""
    field_selector = flags.text("field-selector") if "field-selector" in flags.known else ""
    if filenames or kustomize:
        if words:
            raise Fail(
                "when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well"
            )
        if all_flag:
            raise Fail(
                "when paths, URLs, or stdin is provided as input, you may not specify a resource by arguments as well"
            )
        return _from_files(call, filenames, kustomize, label, lookup=lookup and not local)
    pairs, types, names = types_and_names(call, list(words))
    if not pairs and not types and fallback:
        types = [fallback]
    if fallback and not pairs and words:  # "pod" is a Pod's name there, and no type
        types, names = [fallback], list(words)
    if label or field_selector or all_flag or (empty_selects_all and types and not names):
        if names:
            raise Fail("name cannot be provided when a selector is specified")
        if pairs:
            raise Fail("selectors and the all flag cannot be used when passing resource/name arguments")
        if not types:
            raise Fail("at least one resource must be specified to use a selector")
        return _by_selector(call, types, label, field_selector)
    if pairs:
        return _by_pairs(call, pairs, lookup=lookup)
    if types and names:
        if len(types) > 1:
            raise Fail("you must specify only one resource")
        found = _named(call, [(types[0], name) for name in names], lookup=lookup)
        return replace(found, single=len(names) == 1)
    if types:
        for each in types:
            call.mapper.find(each)
        raise Fail("resource(s) were provided, but no name was specified")
    raise Fail(NOTHING)


def _by_pairs(call: Call, pairs: Sequence[tuple[str, str]], *, lookup: bool) -> Selection:
    found = _named(call, pairs, lookup=lookup)
    return replace(found, single=len(pairs) == 1)


def _named(call: Call, pairs: Sequence[tuple[str, str]], *, lookup: bool) -> Selection:
    infos: list[Info] = []
    errors: list[Exception] = []
    resources = [call.mapper.find(type) for type, _ in pairs]
    for resource, (_, name) in zip(resources, pairs, strict=True):
        if resource.namespaced and call.everywhere:
            raise Fail("a resource cannot be retrieved by name across all namespaces")
        namespace = call.namespace if resource.namespaced else ""
        wrong = wrong_name(name)
        if wrong:
            errors.append(Fail(wrong))
            continue
        info = Info(resource, namespace, name, {})
        try:
            infos.append(info.about(call.get(resource, namespace, name)) if lookup else info)
        except Refused as refused:
            errors.append(refused)
    return Selection(tuple(infos), tuple(errors))


def wrong_name(name: str) -> str:
    """Why a name cannot be part of a path; "" when it can."""
    if not name:
        return "resource name may not be empty"
    if name in (".", ".."):
        return f"invalid resource name {quote(name)}: [may not be '{name}']"
    for bad in ("/", "%"):
        if bad in name:
            return f"invalid resource name {quote(name)}: [may not contain '{bad}']"
    return ""


def _by_selector(call: Call, types: Sequence[str], label: str, field_selector: str) -> Selection:
    infos: list[Info] = []
    errors: list[Exception] = []
    for resource in [call.mapper.find(each) for each in types]:
        namespace = "" if call.everywhere or not resource.namespaced else call.namespace
        try:
            found = call.list(resource, namespace, labelSelector=label, fieldSelector=field_selector)
        except Refused as refused:
            errors.append(_hint(refused, resource, label, field_selector))
            continue
        for obj in found:
            metadata = obj["metadata"]
            infos.append(Info(resource, metadata.get("namespace", ""), metadata["name"], obj))
    return Selection(tuple(infos), tuple(errors))


def _hint(refused: Refused, resource: Resource, label: str, field_selector: str) -> Exception:
    """Source: resource/selector.go EnhanceListError."""
    if refused.reason == "BadRequest" and field_selector and not label:
        return refused.about(
            f"Unable to find {quote(resource_text(resource))} that match label selector "
            f"{quote(label)}, field selector {quote(field_selector)}: "
        )
    if refused.reason in ("BadRequest", "NotFound"):
        return refused.about(
            f"Unable to find {quote(resource_text(resource))} that match label selector {quote(label)}, field selector "
            f"{quote(field_selector)}: "
        )
    return refused


def resource_text(resource: Resource) -> str:
    """As Go prints a GroupVersionResource."""
    return f"{resource.group}/{resource.version}, Resource={resource.plural}"


# ---- files


def _from_files(call: Call, filenames: Sequence[str], kustomize: str, label: str, *, lookup: bool) -> Selection:
    infos: list[Info] = []
    errors: list[Exception] = []
    for info_or_error in file_infos(call, filenames, kustomize, label):
        if isinstance(info_or_error, Exception):
            errors.append(info_or_error)
            continue
        info = info_or_error
        if lookup:
            try:
                info = info.about(call.get(info.resource, info.namespace, info.name))
            except Refused as refused:
                errors.append(refused)
                continue
        infos.append(info)
    return Selection(tuple(infos), tuple(errors), single=len(filenames) == 1 and len(infos) == 1)


def file_infos(
    call: Call, filenames: Sequence[str], kustomize: str = "", label: str = ""
) -> Iterator[Info | Exception]:
    """The objects of files and of standard input, lists opened; an Exception for each that cannot be one."""
    for source, obj in _objects(call, filenames, kustomize):
        if isinstance(obj, Exception):
            yield obj
            continue
        if label and not _matches(label, obj):
            continue
        yield info_of(call, source, obj)


def _objects(call: Call, filenames: Sequence[str], kustomize: str) -> Iterator[tuple[str, Object | Exception]]:
    if kustomize:
        raise Fail(KUSTOMIZE)
    if "-" in filenames and len(filenames) > 1 and filenames.count("-") > 1:
        raise Fail("standard input cannot be used for multiple arguments")
    for name in filenames:
        if name == "-":
            yield from _opened("STDIN", call.stdin or "")
            continue
        if name.startswith(("http://", "https://")):
            raise Fail(f"{name} is an address: it is not read from here. Save it as a file first")
        for path in call.files.manifests(name, call.flags.on("recursive")):
            text = call.files.read(path).decode("utf-8", "replace")
            yield from _opened(path, text)


def _opened(source: str, text: str) -> Iterator[tuple[str, Object | Exception]]:
    for value in documents(text, source):
        if isinstance(value, Exception):
            yield source, value
            return
        if value is None:
            continue
        if isinstance(value, dict) and str(value.get("kind") or "").endswith("List") and "items" in value:
            for item in value["items"] or ():
                yield source, item
            continue
        yield source, value


def info_of(call: Call, source: str, obj: Any) -> Info | Exception:
    """What a decoded document is about; an Exception where it cannot be told."""
    from statelab.kubectl.gojson import compact

    if not isinstance(obj, dict):
        return Fail(
            f"unable to decode {quote(source)}: json: cannot unmarshal {_go_kind(obj)} into Go value of type "
            "unstructured.detector"
        )
    for field in ("kind", "apiVersion"):
        if not obj.get(field):
            shown = compact(obj, escape=False)
            named = "Kind" if field == "kind" else "apiVersion"
            prefix = f"unable to decode {quote(source)}: " if source else ""
            if field == "kind":
                return Fail(f"{prefix}Object '{named}' is missing in '{shown}'")
            return Fail(
                f"error validating {quote(source)}: error validating data: apiVersion not set; if you choose to "
                "ignore these errors, turn validation off with --validate=false"
            )
    metadata = obj.get("metadata")
    wrong = _wrong_metadata(metadata)
    if wrong:
        return Fail(f"unable to decode {quote(source)}: json: cannot unmarshal {wrong}")
    metadata = metadata if isinstance(metadata, dict) else {}
    name, namespace = metadata.get("name") or "", metadata.get("namespace") or ""
    resource = call.mapper.of_kind(str(obj["apiVersion"]), str(obj["kind"]))
    if resource is None:
        return Fail(
            f"resource mapping not found for name: {quote(str(name))} namespace: {quote(str(namespace))} from "
            f"{quote(source)}: no matches for kind {quote(str(obj['kind']))} in version "
            f"{quote(str(obj['apiVersion']))}\nensure CRDs are installed first"
        )
    if not resource.namespaced:
        return Info(resource, "", str(name), obj, source)
    if call.enforce_namespace and namespace and namespace != call.namespace:
        return Fail(
            f"the namespace from the provided object {quote(str(namespace))} does not match the namespace "
            f"{quote(call.namespace)}. You must pass '--namespace={namespace}' to perform this operation."
        )
    if not namespace:
        obj = {**obj, "metadata": {**metadata, "namespace": call.namespace}}
    return Info(resource, str(namespace or call.namespace), str(name), obj, source)


def _wrong_metadata(metadata: Any) -> str:
    """What kubectl, which looks at nothing else of an object, cannot read of it: names and labels are text."""
    if metadata is None:
        return ""
    if not isinstance(metadata, dict):
        return f"{_go_kind(metadata)} into Go struct field metadataOnlyObject.metadata of type v1.ObjectMeta"
    for field in ("name", "generateName", "namespace"):
        if metadata.get(field) is not None and not isinstance(metadata[field], str):
            return f"{_go_kind(metadata[field])} into Go struct field ObjectMeta.metadata.{field} of type string"
    for field in ("labels", "annotations"):
        values = metadata.get(field)
        if values is not None and not isinstance(values, dict):
            return f"{_go_kind(values)} into Go struct field ObjectMeta.metadata.{field} of type map[string]string"
        for value in (values or {}).values():
            if value is not None and not isinstance(value, str):
                return f"{_go_kind(value)} into Go struct field ObjectMeta.metadata.{field} of type string"
    return ""


def _go_kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return {str: "string", int: "number", float: "number", list: "array", dict: "object"}.get(type(value), "value")


def _matches(label: str, obj: Any) -> bool:
    from statelab.controlplane.labels import parse_label_selector

    metadata = obj.get("metadata") if isinstance(obj, dict) else None
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return parse_label_selector(label)(labels or {})
