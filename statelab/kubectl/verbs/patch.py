"""kubectl patch. Source: pkg/cmd/patch/patch.go."""

from __future__ import annotations

import json

from statelab.kubectl import gojson
from statelab.kubectl.api import PATCHES, Object
from statelab.kubectl.builder import Info, select
from statelab.kubectl.call import Call
from statelab.kubectl.documents import value_of
from statelab.kubectl.printing import result
from statelab.kubectl.problems import Fail, Refused, raise_all


def patch(call: Call) -> None:
    flags = call.flags
    if flags.text("patch") and flags.text("patch-file"):
        raise Fail("cannot specify --patch and --patch-file together")
    if not flags.text("patch") and not flags.text("patch-file"):
        raise Fail("must specify --patch or --patch-file containing the contents of the patch")
    kind = flags.text("type").lower()
    if kind not in ("json", "merge", "strategic"):
        raise Fail(f'--type must be one of [json merge strategic], not "{flags.text("type")}"')
    if flags.on("local"):
        raise Fail("--local is not simulated here: --dry-run=server shows what the patch would make")
    body = _body(call)
    found = select(call, call.args, lookup=False)
    for info in found.infos:
        _patch(call, info, kind, body)
    if not found.infos:
        raise_all(found.errors)
        raise Fail("no objects passed to patch")
    raise_all(found.errors)


def _body(call: Call) -> bytes:
    """The patch as it is sent: JSON as it was written, YAML turned into it. Raises Fail."""
    text = call.flags.text("patch")
    if not text:
        name = call.flags.text("patch-file")
        try:
            text = call.files.read(name).decode("utf-8", "replace")
        except OSError as error:
            raise Fail(f"unable to read patch file: open {name}: {(error.strerror or '').lower()}") from None
    if text.lstrip().startswith(("{", "[")) and call.flags.text("type") != "x":
        bare = text.lstrip()
        if bare.startswith("{"):
            return text.encode()
    try:
        return gojson.compact(value_of(text)).encode()
    except ValueError as error:
        raise Fail(f"unable to parse {json.dumps(text)}: yaml: {error}") from None


def _patch(call: Call, info: Info, kind: str, body: bytes) -> None:
    subresource = call.flags.text("subresource")
    try:
        before: Object = call.request("GET", info.resource.path(info.namespace, info.name, subresource))
    except Refused as refused:
        raise call.of_namespace(refused, info.namespace) from None
    if call.dry_run == "client":
        result(call, {**before}, "patched", note="")
        return
    path = info.resource.path(info.namespace, info.name, subresource)
    try:
        after: Object = call.request("PATCH", path, call.write_params(), body, content_type=PATCHES[kind])
    except Refused as refused:
        if refused.reason != "UnsupportedMediaType":
            raise
        about = f"{info.resource.api_version}, Kind={info.resource.kind}"
        raise Fail(f"{PATCHES[kind]} is not supported by {about}: {refused.message}") from None
    same = after == before
    result(call, after, "patched (no change)" if same else "patched", info.name, note="")
