"""agnhost's `webhook` and `crd-conversion-webhook`: servers over TLS that answer as the tests of webhooks need it.

Source: kubernetes test/images/agnhost/webhook (main.go, pods.go, configmap.go, customresource.go, crd.go, addlabel.go),
test/images/agnhost/crd-conversion-webhook/converter.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from statelab.controlplane import x509
from statelab.controlplane.runtime.applets.resolver import text_of
from statelab.controlplane.runtime.http import Handler, HttpRequest, HttpResponse, Respond, serve
from statelab.controlplane.runtime.network import Connection
from statelab.controlplane.runtime.programs import Task
from statelab.reader import jsonbytes

Fields = dict[str, Any]
_TOOK = "Statelab-Took-Seconds"  # what a client that does not wait is told (apiserver/serving/webhooks.py)
_PLAIN = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
_JSON = {"Content-Type": "application/json"}


def webhook(task: Task, options: Mapping[str, str]) -> None:
    """Decide on requests: at `--port`, with the certificate and key of `--tls-cert-file`, `--tls-private-key-file`."""
    image = options.get("sidecar-image", "")
    _serve(task, options, lambda request, respond: _answer(request, respond, image))


def conversion_webhook(task: Task, options: Mapping[str, str]) -> None:
    """Convert the objects of stable.example.com between v1 (`hostPort`) and v2 (`host` and `port`)."""
    _serve(task, options, _convert)


def _serve(task: Task, options: Mapping[str, str], handler: Handler) -> None:
    port = int(options.get("port") or 443)
    chain, key = (text_of(task.files, options.get(each, "")) for each in ("tls-cert-file", "tls-private-key-file"))
    if problem := x509.is_pair(chain, key):
        task.fail(f"{problem}\n")
        return

    def accept(connection: Connection) -> None:
        if not connection.tls:
            connection.send(_PLAIN)
            connection.close()
            return
        serve(connection, handler)

    try:
        task.network.listen(task.ip, port, accept)
    except OSError:
        task.fail(f"listen tcp :{port}: bind: address already in use\n")
        return
    task.network.show(task.ip, port, chain)
    task.on_end = lambda: task.network.unlisten(task.ip, port)
    task.on_signal = lambda name: task.finish(2) if name in ("TERM", "INT") else None


def _answer(request: HttpRequest, respond: Respond, image: str) -> None:
    if request.path == "/readyz":
        respond(HttpResponse(200, b"ok"))
        return
    decide = _DECISIONS.get(request.path)
    if decide is None:
        respond(HttpResponse(404, b"404 page not found\n", {"Content-Type": "text/plain; charset=utf-8"}))
        return
    try:
        review = jsonbytes.loads(request.body)
        asked: Fields = review["request"]
        response = decide(asked, image)
    except (jsonbytes.JSONDecodeError, KeyError, TypeError, RecursionError) as error:
        respond(HttpResponse(400, f"Request could not be decoded: {error}\n".encode()))
        return
    if response is None:
        return  # it never answers
    about = {"kind": review.get("kind"), "apiVersion": review.get("apiVersion")}
    body = jsonbytes.dumps({**about, "response": {"uid": asked.get("uid"), **response}})
    took = {_TOOK: "5"} if request.path == "/always-allow-delay-5s" else {}
    respond(HttpResponse(200, body, {**_JSON, **took}))


# ---- decisions: the request of a review and the sidecar's image, to a response

_ALLOWED: Fields = {"allowed": True}


def _denied(message: str, reason: str = "") -> Fields:
    return {"allowed": False, "status": {"metadata": {}, "message": message, **({"reason": reason} if reason else {})}}


def _patched(*operations: Fields) -> Fields:
    patch = base64.b64encode(jsonbytes.dumps(list(operations))).decode()
    return {"allowed": True, "patch": patch, "patchType": "JSONPatch"}


def _pods(asked: Fields, image: str) -> Fields | None:
    pod = asked["object"]
    label = (pod["metadata"].get("labels") or {}).get("webhook-e2e-test")
    if label == "wait-forever":
        return None
    problems = "the pod contains unwanted label; " if label == "webhook-disallow" else ""
    if any("webhook-disallow" in each["name"] for each in pod["spec"]["containers"]):
        problems += "the pod contains unwanted container name; "
    return _denied(problems.strip()) if problems else _ALLOWED


def _attach(asked: Fields, image: str) -> Fields:
    if asked.get("name") == "to-be-attached-pod":
        options = asked.get("object") or {}
        if options.get("stdin") or options.get("container") == "container1":
            return _denied("attaching to pod 'to-be-attached-pod' is not allowed")
    return _ALLOWED


def _mutate_pods(asked: Fields, image: str) -> Fields:
    pod = asked["object"]
    if pod["metadata"].get("name") != "webhook-to-be-mutated":
        return _ALLOWED
    added = {"image": "webhook-added-image", "name": "webhook-added-init-container", "resources": {}}
    return _patched({"op": "add", "path": "/spec/initContainers", "value": [added]})


def _add_sidecar(asked: Fields, image: str) -> Fields:
    containers = asked["object"]["spec"]["containers"]
    if not image:
        return _denied("No image specified by the sidecar-image parameter")
    if any(each["name"] == "webhook-added-sidecar" for each in containers):
        return _ALLOWED
    sidecar = {"image": image, "name": "webhook-added-sidecar", "resources": {}}
    return _patched({"op": "add", "path": "/spec/containers/-", "value": sidecar})


def _unwanted(asked: Fields, words: str) -> Fields:
    """Neither with these data, nor to be deleted with them."""
    deleted = asked.get("operation") == "DELETE"
    obj = asked.get("oldObject" if deleted else "object") or {}
    if (obj.get("data") or {}).get("webhook-e2e-test") != "webhook-disallow":
        return _ALLOWED
    return _denied(
        f"the {words} cannot be deleted because it contains unwanted key and value"
        if deleted
        else f"the {words} contains unwanted key and value"
    )


def _config_maps(asked: Fields, image: str) -> Fields:
    return _unwanted(asked, "configmap")


def _custom_resource(asked: Fields, image: str) -> Fields:
    return _unwanted(asked, "custom resource")


def _stages(asked: Fields, image: str) -> Fields:
    """One step of what two webhooks do to an object, one after the other."""
    data = asked["object"].get("data") or {}
    operations = []
    if data.get("mutation-start") == "yes":
        operations.append({"op": "add", "path": "/data/mutation-stage-1", "value": "yes"})
    if data.get("mutation-stage-1") == "yes":
        operations.append({"op": "add", "path": "/data/mutation-stage-2", "value": "yes"})
    return _patched(*operations) if operations else _ALLOWED


def _definition(asked: Fields, image: str) -> Fields:
    labels = asked["object"]["metadata"].get("labels") or {}
    disallowed = labels.get("webhook-e2e-test") == "webhook-disallow"
    return _denied("the crd contains unwanted label") if disallowed else _ALLOWED


def _add_label(asked: Fields, image: str) -> Fields:
    labels = asked["object"]["metadata"].get("labels")
    if not labels:
        return _patched({"op": "add", "path": "/metadata/labels", "value": {"added-label": "yes"}})
    if labels.get("added-label") == "yes":
        return _ALLOWED
    operation = "replace" if "added-label" in labels else "add"
    return _patched({"op": operation, "path": "/metadata/labels/added-label", "value": "yes"})


_DECISIONS: dict[str, Callable[[Fields, str], Fields | None]] = {
    "/always-allow-delay-5s": lambda asked, image: _ALLOWED,
    "/always-deny": lambda asked, image: _denied("this webhook denies all requests"),
    "/add-label": _add_label,
    "/pods": _pods,
    "/pods/attach": _attach,
    "/mutating-pods": _mutate_pods,
    "/mutating-pods-sidecar": _add_sidecar,
    "/configmaps": _config_maps,
    "/mutating-configmaps": _stages,
    "/custom-resource": _custom_resource,
    "/mutating-custom-resource": _stages,
    "/crd": _definition,
}


# ---- conversion


def _convert(request: HttpRequest, respond: Respond) -> None:
    if request.path == "/readyz":
        respond(HttpResponse(200, b"ok"))
        return
    try:
        review = jsonbytes.loads(request.body)
        asked: Fields = review["request"]
        wanted = asked["desiredAPIVersion"]
        converted = [_in_version(each, wanted) for each in asked["objects"]]
        result: Fields = {"metadata": {}, "status": "Success"}
    except ValueError as problem:
        converted, result = [], {"metadata": {}, "status": "Failure", "message": str(problem)}
    except (KeyError, TypeError, RecursionError) as problem:
        respond(HttpResponse(400, f"{problem}\n".encode()))
        return
    response = {"uid": asked.get("uid"), "convertedObjects": converted, "result": result}
    about = {"kind": "ConversionReview", "apiVersion": review.get("apiVersion")}
    respond(HttpResponse(200, jsonbytes.dumps({**about, "response": response}), _JSON))


def _in_version(obj: Fields, wanted: str) -> Fields:
    """Raises ValueError in the program's words."""
    made, version = dict(obj), obj.get("apiVersion")
    if version == wanted:
        raise ValueError(f"conversion from a version to itself should not call the webhook: {wanted}")
    if (version, wanted) == ("stable.example.com/v1", "stable.example.com/v2"):
        if "hostPort" in made:
            host, colon, port = str(made.pop("hostPort")).partition(":")
            if not colon or ":" in port:
                raise ValueError(f"invalid hostPort value `{obj['hostPort']}`")
            made |= {"host": host, "port": port}
    elif (version, wanted) == ("stable.example.com/v2", "stable.example.com/v1"):
        if "host" in made and "port" in made:
            made["hostPort"] = f"{made.pop('host')}:{made.pop('port')}"
    else:
        raise ValueError(f"unexpected conversion version {version}")
    return {**made, "apiVersion": wanted}
