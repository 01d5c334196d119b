"""ConfigMaps and Secrets."""

from __future__ import annotations

import base64
import hashlib
import re

from statelab.kubectl import gojson
from statelab.kubectl.api import Object
from statelab.kubectl.call import Call
from statelab.kubectl.gotext import quote
from statelab.kubectl.problems import Fail
from statelab.kubectl.verbs.creating.making import create, metadata, name_of, pairs_of

_KEY = re.compile(r"[-._a-zA-Z0-9]+\Z")
_KEY_RULE = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)


def configmap(call: Call) -> None:
    name = name_of(call)
    found = _sources(call, name)
    data, binary = dict[str, str](), dict[str, str]()
    for key, value in found.items():
        try:
            data[key] = value.decode()
        except UnicodeDecodeError:
            binary[key] = base64.b64encode(value).decode()
    obj: Object = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata(call, name)}
    if data:
        obj["data"] = {key: data[key] for key in sorted(data)}
    if binary:
        obj["binaryData"] = {key: binary[key] for key in sorted(binary)}
    _append_hash(call, obj, {"data": obj.get("data") or {}, "kind": "ConfigMap", "name": name})
    create(call, "configmaps", obj, noun="configmap")


def _sources(call: Call, name: str, *, secret: bool = False) -> dict[str, bytes]:
    """What --from-literal, --from-file and --from-env-file say, for an object of that name. Raises Fail."""
    flags = call.flags
    if flags.all("from-env-file") and (flags.all("from-file") or flags.all("from-literal")):
        raise Fail("from-env-file cannot be combined with from-file or from-literal")
    found: dict[str, bytes] = {}

    def put(key: str, value: bytes) -> None:
        if not _KEY.match(key):
            said = "not valid key name for a Secret" if secret else "not a valid key name for a ConfigMap:"
            raise Fail(f"{quote(key)} is {said} {_KEY_RULE}")
        if key in found:
            twice = f"cannot add key {key if secret else quote(key)}, another key by that name already exists"
            raise Fail(twice if secret else f"{twice} in Data for ConfigMap {quote(name)}")
        found[key] = value

    for key, value in pairs_of(flags.all("from-literal")):
        put(key, value.encode())
    for said in flags.all("from-file"):
        for key, data in _files(call, said).items():
            put(key, data)
    for path in flags.all("from-env-file"):
        for line in call.files.read(path).decode("utf-8", "replace").splitlines():
            if line.strip() and not line.lstrip().startswith("#"):
                key, _, text = line.partition("=")
                put(key.strip(), text.encode())
    return found


def _files(call: Call, said: str) -> dict[str, bytes]:
    """`path`, `key=path`, or a folder's files. Raises Fail."""
    key, equals, path = said.partition("=")
    if not equals:
        key, path = "", said
    if "=" in path or (equals and not key):
        raise Fail("key names or file paths cannot contain '='" if key else f"key name for file path {path} missing")
    try:
        names = call.files.names(path)
        if names is None:
            return {key or path.rpartition("/")[2]: call.files.read(path)}
        if key:
            raise Fail("cannot give a key name for a directory path")
        inside = [f"{path.rstrip('/')}/{name}" for name in names if _KEY.match(name)]
        return {each.rpartition("/")[2]: call.files.read(each) for each in inside if call.files.names(each) is None}
    except FileNotFoundError:
        raise Fail(f"error reading {path}: no such file or directory") from None


def _append_hash(call: Call, obj: Object, about: Object) -> None:
    if call.flags.on("append-hash"):
        digest = hashlib.sha256(gojson.compact(about).encode()).hexdigest()[:10]
        table = str.maketrans({"0": "g", "1": "h", "3": "k", "a": "m", "e": "t"})
        obj["metadata"]["name"] += "-" + digest.translate(table)


def _secret(call: Call, name: str, data: dict[str, bytes], type: str) -> None:
    obj: Object = {"kind": "Secret", "apiVersion": "v1", "metadata": metadata(call, name)}
    if data:
        obj["data"] = {key: base64.b64encode(data[key]).decode() for key in sorted(data)}
    if type:
        obj["type"] = type
    _append_hash(call, obj, {"data": obj.get("data") or {}, "kind": "Secret", "name": name, "type": type})
    create(call, "secrets", obj, noun="secret")


def secret_generic(call: Call) -> None:
    name = name_of(call)
    _secret(call, name, _sources(call, name, secret=True), call.flags.text("type"))


def secret_docker(call: Call) -> None:
    flags = call.flags
    name = name_of(call)
    kind = "kubernetes.io/dockerconfigjson"
    if flags.all("from-file"):
        data = {key: value for said in flags.all("from-file") for key, value in _files(call, said).items()}
        _secret(call, name, data, kind)
        return
    if not flags.text("docker-username") or not flags.text("docker-password") or not flags.text("docker-server"):
        raise Fail(
            "either --from-file or the combination of --docker-username, --docker-password and --docker-server is "
            "required"
        )
    user, password, email = (flags.text(f"docker-{each}") for each in ("username", "password", "email"))
    entry: Object = {"username": user, "password": password}
    if email:
        entry["email"] = email
    entry["auth"] = base64.b64encode(f"{user}:{password}".encode()).decode()
    text = gojson.compact({"auths": {flags.text("docker-server"): entry}}, sort=False)
    _secret(call, name, {".dockerconfigjson": text.encode()}, kind)


def secret_tls(call: Call) -> None:
    flags = call.flags
    name = name_of(call)
    if not flags.text("key") or not flags.text("cert"):
        raise Fail("key and cert must be specified")
    data = {"tls.crt": call.files.read(flags.text("cert")), "tls.key": call.files.read(flags.text("key"))}
    _secret(call, name, data, "kubernetes.io/tls")
