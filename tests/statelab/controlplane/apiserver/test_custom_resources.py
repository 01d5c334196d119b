"""Kinds of one's own: what a CustomResourceDefinition makes the API server do. Recordings are in the goldens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from statelab.controlplane.apiserver.encoding.request import Request, Response
from statelab.controlplane.apiserver.serving.handler import Handler
from statelab.controlplane.controlplane import ControlPlane

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
CACHES = "/apis/course.example.com/v1/namespaces/default/caches"
KEY = "caches.course.example.com"


def definition(spec: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A definition whose spec has the schema `spec`; `more` goes into its version."""
    schema = {"type": "object", "properties": {"spec": spec or {"type": "object"}, "status": {"type": "object"}}}
    schema["properties"]["status"]["x-kubernetes-preserve-unknown-fields"] = True
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}, **more}
    names = {"plural": "caches", "singular": "cache", "kind": "Cache", "shortNames": ["ca"], "categories": ["all"]}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": KEY},
        "spec": {"group": "course.example.com", "scope": "Namespaced", "names": names, "versions": [version]},
    }


def cache(name: str = "one", **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "course.example.com/v1", "kind": "Cache", "metadata": {"name": name}, "spec": spec}


class Server:
    def __init__(self, plane: ControlPlane | None = None) -> None:
        self.plane = plane or ControlPlane()
        self.handler = Handler(self.plane)

    def __call__(self, method: str, path: str, body: Any = None, type: str = "application/json", **query: str) -> Any:
        data = json.dumps(body).encode() if body is not None else b""
        asked = {name: [value] for name, value in query.items()}
        answer = self.handler.handle(Request(method, path, asked, {"content-type": type}, data))
        assert isinstance(answer, Response)
        self.warnings = [value for name, value in answer.headers if name == "Warning"]
        return answer.code, json.loads(answer.body) if answer.content_type.startswith("application/json") else {}

    def define(self, spec: dict[str, Any] | None = None, **more: Any) -> Server:
        code, status = self("POST", DEFINITIONS, definition(spec, **more))
        assert code == 201, status
        self.plane.settle()
        return self

    def refusals(self, spec: dict[str, Any]) -> list[str]:
        """What is wrong with a definition whose spec has that schema."""
        _, status = self("POST", DEFINITIONS, definition(spec), dryRun="All")
        return [f"{each['field']}: {each['message']}" for each in status.get("details", {}).get("causes", [])]

    def wrong(self, **spec: Any) -> list[str]:
        """What is wrong with an object of that spec."""
        code, status = self("POST", CACHES, cache(**spec), fieldValidation="Strict", dryRun="All")
        if code == 201:
            return []
        causes = status.get("details", {}).get("causes", [])
        return [f"{each['field']}: {each['message']}" for each in causes] or [status["message"]]


@pytest.fixture
def server() -> Server:
    return Server()


def integer(**more: Any) -> dict[str, Any]:
    return {"type": "integer", **more}


def an_object(required: list[str] | None = None, rules: list[dict[str, Any]] | None = None, **fields: Any) -> Any:
    schema: dict[str, Any] = {"type": "object", "properties": fields}
    if required:
        schema["required"] = required
    if rules:
        schema["x-kubernetes-validations"] = rules
    return schema


def test_a_kind_is_served_from_when_its_definition_is_established(server: Server) -> None:
    assert server("GET", CACHES)[0] == 404
    server.define(an_object(size=integer()))
    assert server("POST", CACHES, cache(size=1))[0] == 201
    assert [each["kind"] for each in server("GET", CACHES)[1]["items"]] == ["Cache"]
    names = [each["name"] for each in server("GET", "/apis/course.example.com/v1")[1]["resources"]]
    assert names == ["caches"]
    assert "course.example.com" in [each["name"] for each in server("GET", "/apis")[1]["groups"]]
    assert server.plane.get(KEY, "default/one") is not None


def test_what_the_schema_does_not_know_is_pruned_and_told(server: Server) -> None:
    server.define(an_object(size=integer(), free={"type": "object", "x-kubernetes-preserve-unknown-fields": True}))
    code, made = server("POST", CACHES, cache(size=1, colour="red", free={"any": ["thing"]}))
    assert (code, made["spec"]) == (201, {"size": 1, "free": {"any": ["thing"]}})
    assert server.warnings == ['299 - "unknown field \\"spec.colour\\""']


def test_defaults_are_filled_in_where_their_parent_is(server: Server) -> None:
    inner = an_object(policy={"type": "string", "default": "LRU"})
    server.define(an_object(size=integer(default=3), deep=inner))
    assert server("POST", CACHES, cache())[1]["spec"] == {"size": 3}
    assert server("POST", CACHES, cache("two", deep={}))[1]["spec"] == {"size": 3, "deep": {"policy": "LRU"}}


@pytest.mark.parametrize(
    ("schema", "value", "said"),
    [
        (integer(minimum=1), 0, "spec.x: Invalid value: 0: spec.x in body should be greater than or equal to 1"),
        (
            integer(maximum=5, exclusiveMaximum=True),
            5,
            "spec.x: Invalid value: 5: spec.x in body should be less than 5",
        ),
        (integer(multipleOf=2), 3, "spec.x: Invalid value: 3: spec.x in body should be a multiple of 2"),
        (
            {"type": "string", "minLength": 3},
            "a",
            'spec.x: Invalid value: "a": spec.x in body should be at least 3 chars long',
        ),
        ({"type": "string", "maxLength": 1}, "ab", "spec.x: Too long: may not be more than 1 bytes"),
        ({"type": "string", "enum": ["a", "b"]}, "c", 'spec.x: Unsupported value: "c": supported values: "a", "b"'),
        (
            {"type": "boolean"},
            "yes",
            'spec.x: Invalid value: "string": spec.x in body must be of type boolean: "string"',
        ),
        (
            {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
            ["a", "a"],
            'spec.x[1]: Duplicate value: "a"',
        ),
        (
            {"type": "string", "format": "date-time"},
            "today",
            'spec.x: Invalid value: "today": spec.x in body must be of type date-time: "today"',
        ),
        (an_object(required=["y"], y=integer()), {}, "spec.x.y: Required value"),
    ],
)
def test_a_value_is_judged_in_the_servers_words(server: Server, schema: Any, value: Any, said: str) -> None:
    assert server.define(an_object(x=schema)).wrong(x=value) == [said]


def test_int_or_string_takes_either(server: Server) -> None:
    server.define(an_object(x={"x-kubernetes-int-or-string": True}))
    assert server.wrong(x=1) == server.wrong(x="1") == []
    assert server.wrong(x=True) == [
        'spec.x: Invalid value: "boolean": spec.x in body must be of type integer,string: "boolean"'
    ]


# ---- rules


def test_a_rule_is_asked_of_what_it_stands_at(server: Server) -> None:
    rules = [{"rule": "self.min <= self.max", "message": "min must not exceed max"}, {"rule": "self.max < 10"}]
    server.define(an_object(rules=rules, min=integer(), max=integer()))
    assert server.wrong(min=1, max=2) == []
    assert server.wrong(min=3, max=2) == ["spec: Invalid value: min must not exceed max"]
    assert server.wrong(min=3, max=12) == ["spec: Invalid value: failed rule: self.max < 10"]


def test_a_rule_about_a_change_is_asked_when_something_changes(server: Server) -> None:
    size = integer(**{"x-kubernetes-validations": [{"rule": "self >= oldSelf", "message": "may only grow"}]})
    server.define(an_object(size=size))
    assert server("POST", CACHES, cache(size=3))[0] == 201
    merge = "application/merge-patch+json"
    assert server("PATCH", f"{CACHES}/one", {"spec": {"size": 4}}, merge)[0] == 200
    code, status = server("PATCH", f"{CACHES}/one", {"spec": {"size": 2}}, merge)
    assert code == 422
    assert status["details"]["causes"][0]["message"] == "Invalid value: 2: may only grow"


def test_what_was_wrong_before_a_change_and_is_not_changed_is_let_be(server: Server) -> None:
    merge = "application/merge-patch+json"
    loose = an_object(size=integer(), title={"type": "string"}, parts={"type": "array", "items": integer()})
    server.define(loose)
    assert server("POST", CACHES, cache(size=12, title="long", parts=[1, 1]))[0] == 201
    rules = [{"rule": "self.size() < 3"}]
    strict = an_object(
        size=integer(maximum=10),
        title={"type": "string", "x-kubernetes-validations": rules},
        parts={"type": "array", "items": integer(maximum=0), "x-kubernetes-list-type": "set"},
        other=integer(),
    )
    code, body = server("PATCH", f"{DEFINITIONS}/{KEY}", {"spec": definition(strict)["spec"]}, merge)
    assert code == 200, body
    server.plane.settle()
    assert server("PATCH", f"{CACHES}/one", {"spec": {"other": 1}}, merge)[0] == 200
    assert server.warnings == ['299 - "spec.title: Invalid value: \\"long\\": failed rule: self.size() < 3"']
    _, status = server("PATCH", f"{CACHES}/one", {"spec": {"size": 11, "title": "other", "parts": [1, 2]}}, merge)
    assert [each["field"] for each in status["details"]["causes"]] == [
        "spec.parts[0]", "spec.parts[1]", "spec.size", "spec.title",
    ]  # fmt: skip


def test_a_rule_with_an_optional_old_value_is_asked_when_something_is_made_too(server: Server) -> None:
    rule = {
        "rule": "oldSelf.hasValue() ? self >= oldSelf.value() : self <= oldSelf.orValue(3)",
        "optionalOldSelf": True,
    }
    server.define(an_object(size=integer(**{"x-kubernetes-validations": [{**rule, "message": "small, then larger"}]})))
    assert server.wrong(size=4) == ["spec.size: Invalid value: 4: small, then larger"]
    assert server("POST", CACHES, cache(size=2))[0] == 201
    merge = "application/merge-patch+json"
    changed = [server("PATCH", f"{CACHES}/one", {"spec": {"size": size}}, merge)[0] for size in (5, 4)]
    assert changed == [200, 422]


def test_rules_know_kubernetes_functions_and_say_their_reason(server: Server) -> None:
    rule = {
        "rule": "quantity(self.size).isGreaterThan(quantity('1Gi')) && self.names.all(n, n.matches('^[a-z]+$'))",
        "messageExpression": "'too small: ' + self.size",
        "reason": "FieldValueForbidden",
        "fieldPath": ".size",
    }
    text = {"type": "string"}
    server.define(an_object(rules=[rule], size=text, names={"type": "array", "items": text}))
    assert server.wrong(size="2Gi", names=["a"]) == []
    assert server.wrong(size="1Mi", names=[]) == ["spec.size: Forbidden: too small: 1Mi"]


def test_rules_are_not_asked_of_what_is_wrong_already(server: Server) -> None:
    server.define(an_object(required=["size"], rules=[{"rule": "self.size > 0"}], size=integer()))
    told = server.wrong()
    assert told[0] == "spec.size: Required value"
    assert "some validation rules were not checked because the object was invalid" in told[1]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("self.size >", "Syntax error: mismatched input '<EOF>' expecting"),
        ("self.sise > 1", "undefined field 'sise'"),
        ("size > 1", "undeclared reference to 'size'"),
        (" ", "Required value: rule is not specified"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_with_its_place(server: Server, rule: str, said: str) -> None:
    (told,) = server.refusals(an_object(rules=[{"rule": rule}], size=integer()))
    assert told.startswith("spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0].rule: ")
    assert said in told


def test_a_rule_that_would_never_end_is_stopped(server: Server) -> None:
    rule = "self.n.all(a, self.n.all(b, self.n.all(c, self.n.all(d, a + b + c + d >= 0))))"
    server.define(an_object(rules=[{"rule": rule}], n={"type": "array", "items": integer()}))
    (told,) = server.wrong(n=list(range(300)))
    assert "running out of cost budget" in told


def test_a_pattern_that_blows_up_does_not(server: Server) -> None:
    schema = an_object(x={"type": "string", "pattern": "^(a+)+$"})
    if server.refusals(schema):  # where there is no linear engine, it is not taken
        assert "might take for ever" in server.refusals(schema)[0]
        return
    assert "should match" in server.define(schema).wrong(x="a" * 5_000 + "b")[0]


def test_a_schema_a_thousand_levels_deep_is_refused(server: Server) -> None:
    for depth in (150, 1_000):
        deep = '{"type":"object","properties":{"x":' * depth + '{"type":"string"}' + "}}" * depth
        text = json.dumps(definition({"here": 0})).replace('{"here": 0}', deep)
        headers = {"content-type": "application/json"}
        answer = server.handler.handle(Request("POST", DEFINITIONS, {}, headers, text.encode()))
        assert isinstance(answer, Response)
        assert answer.code in (400, 422)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "array"}, "items: Required value: must be specified"),
        (an_object(x={"type": "string", "default": 1}), "must be of type string"),
        (an_object(x={"type": "string"}) | {"additionalProperties": False}, "properties are mutual exclusive"),
        (
            an_object(x={"type": "array", "items": {}}),
            "items.type: Required value: must not be empty for specified",
        ),
        ({"type": "object", "x-kubernetes-preserve-unknown-fields": False}, "must be true or undefined"),
        ({"type": "string", "pattern": "a("}, "error parsing regexp: missing closing ): `a(`"),
        ({"type": "array", "items": {"type": "string"}, "uniqueItems": True}, "uniqueItems cannot be set to true"),
        ({"type": "array", "items": an_object(), "x-kubernetes-list-type": "map"}, "must not be empty if"),
        ({"type": "object", "anyOf": [{"type": "object"}]}, "must be empty to be structural"),
    ],
)
def test_a_schema_that_is_none_is_refused(server: Server, schema: Any, said: str) -> None:
    assert said in " ".join(server.refusals(an_object(x=schema)))


# ---- what the rest of the cluster does with it


def test_owners_namespaces_and_quotas_know_it(server: Server) -> None:
    server.define(an_object(size=integer()))
    plane = server.plane
    plane.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apart"}})
    plane.create(cache("owner", size=1))
    owner = plane.get(KEY, "default/owner")
    assert owner is not None
    reference = {"apiVersion": owner["apiVersion"], "kind": "Cache", "name": "owner", "uid": owner["metadata"]["uid"]}
    owned = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owned", "ownerReferences": [reference]}}
    plane.create(owned)
    plane.create({**cache("there", size=1), "metadata": {"name": "there", "namespace": "apart"}})
    plane.settle()
    plane.delete(KEY, "default/owner")
    plane.delete("namespaces", "apart")
    plane.settle()
    assert plane.get("configmaps", "default/owned") is None
    assert plane.get("namespaces", "apart") is None
    assert plane.list(KEY) == []
    hard = {"count/caches.course.example.com": "1"}
    plane.create({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}, "spec": {"hard": hard}})
    plane.settle()
    assert server("POST", CACHES, cache("a", size=1))[0] == 201
    code, status = server("POST", CACHES, cache("b", size=1))
    assert (code, "exceeded quota: few" in status["message"]) == (403, True)


def test_its_objects_go_before_the_definition_does(server: Server) -> None:
    server.define(an_object(size=integer()))
    server.plane.create(cache(size=1))
    assert server("DELETE", f"{DEFINITIONS}/{KEY}")[0] == 200
    server.plane.settle()
    assert server("GET", f"{DEFINITIONS}/{KEY}")[0] == 404
    assert server("GET", CACHES)[0] == 404
    assert server.plane.store.list(KEY) == []


def test_a_definition_waits_for_finalizers_and_takes_nothing_new(server: Server) -> None:
    server.define(an_object(size=integer()))
    kept = cache(size=1)
    kept["metadata"]["finalizers"] = ["course.example.com/kept"]
    assert server("POST", CACHES, kept)[0] == 201
    server("DELETE", f"{DEFINITIONS}/{KEY}")
    server.plane.settle()
    told = server("GET", f"{DEFINITIONS}/{KEY}")[1]["status"]["conditions"][-1]
    assert (told["type"], told["reason"]) == ("Terminating", "InstanceDeletionInProgress")
    code, status = server("POST", CACHES, cache("two"))
    assert (code, status["message"]) == (405, "create not allowed while custom resource definition is terminating")
    server("PATCH", f"{CACHES}/one", {"metadata": {"finalizers": None}}, "application/merge-patch+json")
    server.plane.settle()
    assert server("GET", f"{DEFINITIONS}/{KEY}")[0] == 404


def test_a_scale_is_the_paths_of_the_definition(server: Server) -> None:
    scale = {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}
    server.define(an_object(size=integer()), subresources={"scale": scale})
    made = cache()
    made["metadata"]["finalizers"] = ["course.example.com/kept"]
    assert server("POST", CACHES, made)[0] == 201
    code, status = server("GET", f"{CACHES}/one/scale")
    missing = 'Internal error occurred: the spec replicas field ".spec.size" does not exist'
    assert (code, status["message"]) == (500, missing)
    wanted = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "one"}, "spec": {"replicas": 2}}
    code, now = server("PUT", f"{CACHES}/one/scale", wanted)
    assert (code, now["spec"]) == (200, {"replicas": 2})
    wanted["spec"] = {"replicas": -2}
    code, status = server("PUT", f"{CACHES}/one/scale", wanted)
    words = ".spec.size: Invalid value: -2: should be a non-negative integer"
    assert (code, status["message"]) == (422, f'Cache.course.example.com "one" is invalid: {words}')
    code, status = server("GET", f"{CACHES}/one/status")
    assert (code, status["details"]) == (404, {"name": "one", "group": "course.example.com", "kind": "caches"})
    server("DELETE", f"{CACHES}/one")
    code, status = server("POST", CACHES, cache())
    assert (code, status["message"]) == (409, f'object is being deleted: {KEY} "one" already exists')


def test_formats_are_what_they_say_and_a_resource_inside_says_what_it_is(server: Server) -> None:
    formats = {"ip": "ipv4", "six": "ipv6", "net": "cidr", "mac": "mac", "url": "uri", "long": "duration"}
    fields = {key: {"type": "string", "format": form} for key, form in formats.items()}
    inner = {"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True}
    server.define(an_object(**fields, inner=inner))
    good = {"ip": "10.0.0.1", "six": "::1", "net": "10.0.0.0/8", "mac": "0a:00:00:00:00:01", "url": "http://a/b"}
    for long in ("1h30m", "2 days", "1.5s", "0"):
        assert server.wrong(**good, long=long, inner={"apiVersion": "v1", "kind": "Pod"}) == []
    bad = {"ip": "999.0.0.1", "six": "10.0.0.1", "net": "10.0.0.0", "mac": "x", "url": "a b", "long": "soon"}
    told = server.wrong(**bad, inner={"kind": ""})
    words = 'spec.{0}: Invalid value: "{2}": spec.{0} in body must be of type {1}: "{2}"'
    for key, form in formats.items():
        assert words.format(key, form, bad[key]) in told
    assert told[-2:] == [
        "spec.inner.apiVersion: Required value: must not be empty",
        'spec.inner.kind: Invalid value: "": must not be empty',
    ]


def test_it_survives_a_restart(tmp_path: Path) -> None:
    first = Server(ControlPlane(state=tmp_path))
    first.define(an_object(size=integer(default=2)))
    first.plane.create(cache())
    assert first.plane.journal is not None
    first.plane.journal.close()
    again = Server(ControlPlane(state=tmp_path))
    assert again("GET", f"{CACHES}/one")[1]["spec"] == {"size": 2}
    assert again("POST", CACHES, cache("two", size="x"))[0] == 422


def test_names_that_another_kind_has_are_not_accepted(server: Server) -> None:
    server.define(an_object(size=integer()))
    other = definition()
    other["metadata"]["name"] = "stores.course.example.com"
    other["spec"]["names"] = {"plural": "stores", "singular": "store", "kind": "Cache", "shortNames": ["st"]}
    assert server("POST", DEFINITIONS, other)[0] == 201
    server.plane.settle()
    made = server("GET", f"{DEFINITIONS}/stores.course.example.com")[1]
    conditions = {each["type"]: (each["status"], each["reason"]) for each in made["status"]["conditions"]}
    assert conditions == {"NamesAccepted": ("False", "ListKindConflict"), "Established": ("False", "NotAccepted")}
    assert made["status"]["acceptedNames"] == {
        "plural": "stores",
        "singular": "store",
        "kind": "",
        "shortNames": ["st"],
    }
    assert server("GET", "/apis/course.example.com/v1/namespaces/default/stores")[0] == 404


def test_versions_show_the_same_object_under_their_own_name(server: Server) -> None:
    both = definition(an_object(size=integer()))
    second = {**both["spec"]["versions"][0], "name": "v2", "storage": False}
    both["spec"]["versions"].append(second)
    assert server("POST", DEFINITIONS, both)[0] == 201
    server.plane.settle()
    assert server("POST", CACHES, cache(size=1))[0] == 201
    newer = CACHES.replace("/v1/", "/v2/")
    assert server("GET", f"{newer}/one")[1]["apiVersion"] == "course.example.com/v2"
    assert [each["apiVersion"] for each in server("GET", newer)[1]["items"]] == ["course.example.com/v2"]
    assert server("POST", newer, {**cache("two", size=2), "apiVersion": "course.example.com/v2"})[0] == 201
    assert server("GET", f"{CACHES}/two")[1]["apiVersion"] == "course.example.com/v1"
    # What was stored in another version than is stored now can be changed, in any.
    versions = [{**each, "storage": each["name"] == "v2"} for each in both["spec"]["versions"]]
    merge = "application/merge-patch+json"
    name = both["metadata"]["name"]
    assert server("PATCH", f"{DEFINITIONS}/{name}", {"spec": {"versions": versions}}, merge)[0] == 200
    for size, path in ((3, CACHES), (4, newer)):
        code, changed = server("PATCH", f"{path}/one", {"spec": {"size": size}}, merge)
        assert (code, changed["spec"]["size"]) == (200, size), changed
    assert server.plane.store.list(name)[0]["apiVersion"] == "course.example.com/v2"


def test_server_side_apply_goes_by_the_schema(server: Server) -> None:
    peers = {"type": "array", "items": an_object(name={"type": "string"}, port=integer())}
    peers |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
    peers["items"]["required"] = ["name"]
    server.define(an_object(peers=peers))
    apply = "application/apply-patch+yaml"
    for manager, name in (("a", "first"), ("b", "second")):
        body = cache(peers=[{"name": name, "port": 1}])
        code, made = server("PATCH", f"{CACHES}/one", body, apply, fieldManager=manager)
        assert code in (200, 201), made
    assert [each["name"] for each in made["spec"]["peers"]] == ["first", "second"]


def test_openapi_tells_of_it(server: Server) -> None:
    server.define(an_object(size={**integer(), "description": "How many."}))
    code, document = server("GET", "/openapi/v3/apis/course.example.com/v1")
    assert code == 200
    schema = document["components"]["schemas"]["com.example.course.v1.Cache"]
    assert schema["properties"]["spec"]["properties"]["size"]["description"] == "How many."


def test_lists_and_watches_choose_by_the_fields_that_a_definition_names():
    properties = {"color": {"type": "string"}, "big": {"type": "boolean"}, "size": {"type": "integer"}}
    fields = [{"jsonPath": f".spec.{name}"} for name in ("color", "big")]
    server = Server().define({"type": "object", "properties": properties}, selectableFields=fields)
    for name, spec in (("one", {"color": "blue", "big": True}), ("two", {"color": "red"}), ("three", {})):
        assert server("POST", CACHES, cache(name, **spec))[0] == 201

    def names(selector: str) -> list[str]:
        code, found = server("GET", CACHES, fieldSelector=selector)
        assert code == 200, found
        return [each["metadata"]["name"] for each in found["items"]]

    assert names("spec.color=blue") == ["one"]
    assert names("spec.color!=blue") == ["three", "two"]
    assert names("spec.big=true") == ["one"]
    assert names("spec.color=") == ["three"]
    assert names("metadata.name=two,metadata.namespace=default") == ["two"]
    code, refused = server("GET", CACHES, fieldSelector="spec.size=1")
    assert (code, refused["message"]) == (400, "field label not supported: spec.size")
    assert server("DELETE", CACHES, fieldSelector="spec.color=red")[0] == 200
    assert names("") == ["one", "three"]
