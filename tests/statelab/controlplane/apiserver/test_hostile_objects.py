"""Whatever a client sends, it gets a Kubernetes answer: an object or an ApiError, never another exception."""

from __future__ import annotations

import json
import random
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from statelab.controlplane import quantity
from statelab.controlplane.apiserver import validation
from statelab.controlplane.apiserver.encoding import decoding_slow, go_json, go_types, strict
from statelab.controlplane.apiserver.registry import admission, defaults, strategy
from statelab.controlplane.errors import ApiError, invalid
from statelab.controlplane.kinds import KINDS, Object

_TEXTS = ("", "a", "web", "My Name", "a" * 300, "-1", "None", "80", "25%", "101%", "Always", "Exists", "In", "10.0.0.1",
          "::1", "/a/../b", "..", "a/b", "a/b/c", "\x00", "\ud83d", "é", "1Gi", "-5", "1e400", "0.5", "ClusterIP",
          "2026-01-01T00:00:00Z", "9999-99-99T99:99:99Z", "YQ==", "Gt", "Lt", "NoExecute", "Localhost",
          "LoadBalancer", "ExternalName", "NodePort", "RollingUpdate", "Recreate", "IPv4", "IPv6", "metadata.name",
          "requests.cpu", "limits.memory", "hugepages-2Mi", "hugepages-", "Never", "kubernetes.io/tls",
          "kubernetes.io/dockerconfigjson", "iqn.2020-01.a:b", "naa.", "PreferDualStack")  # fmt: skip
_NUMBERS = (0, 1, -1, 80, 65536, 2**31 - 1, -(2**31), 2**31, 2**63, -(2**70), 600, 100)
_WRONG: tuple[Any, ...] = (None, True, [], {}, "x", 1.5, 7, [None], {"a": None}, [[]], [{}], {"a": {}})


class Maker:
    """Random values of a Go struct: mostly of the right shape, and sometimes not."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.wrong = dice.choice((0.0, 0.0, 0.0, 0.01))  # most objects must get past the decoder to be of use

    def struct(self, definition: str, depth: int) -> dict[str, Any]:
        fields = go_types.fields_of(definition)
        share = 0.5 if depth < 4 else 0.2 if depth < 8 else 0.05
        made = {field.json: self.field(field, depth) for field in fields if self.dice.random() < share}
        if self.dice.random() < self.wrong:
            made["unheardOf"] = self.dice.choice(_WRONG)
        return made

    def field(self, field: go_types.GoField, depth: int) -> Any:
        if self.dice.random() < self.wrong:
            return self.dice.choice(_WRONG)
        if field.kind == "struct":
            return self.struct(field.definition, depth + 1)
        if field.kind == "slice":
            count = self.dice.choice((0, 1, 1, 2, 3))
            if field.definition:
                return [self.struct(field.definition, depth + 1) for _ in range(count)]
            return [self.scalar(field.element_kind) for _ in range(count)]
        if field.kind == "map":
            count = self.dice.choice((0, 1, 2))
            if field.definition:
                return {self.key(): self.struct(field.definition, depth + 1) for _ in range(count)}
            return {self.key(): self.scalar(field.element_kind) for _ in range(count)}
        return self.scalar(field.kind)

    def key(self) -> str:
        return self.dice.choice((*_TEXTS, "cpu", "memory", "storage", "example.com/gpu", "app", "disk"))

    def scalar(self, kind: str) -> Any:
        if kind in ("int32", "int64"):
            return self.dice.choice(_NUMBERS[:7])
        if kind == "bool":
            return self.dice.random() < 0.5
        if kind == "quantity":
            return self.dice.choice(("1", "1Gi", "-1", "500m", "0", "0.1", "3", "1e3", 2, 1.5))
        if kind == "int-or-string":
            return self.dice.choice((*_TEXTS, *_NUMBERS[:7]))
        if kind in ("time", "micro-time"):
            return "2026-01-01T00:00:00Z"
        if kind == "bytes":
            return self.dice.choice(("YQ==", "", "e30="))
        return self.dice.choice(_TEXTS)


def an_object(dice: random.Random, plural: str) -> dict[str, Any]:
    kind = KINDS[plural]
    made = Maker(dice).struct(kind.definition, 0)
    made["apiVersion"], made["kind"] = kind.api_version, kind.name
    metadata = made.get("metadata")
    if isinstance(metadata, dict) and dice.random() < 0.8:
        metadata["name"] = "web"
    return made


class SomeCluster:
    """What admission reads."""

    def get(self, plural: str, key: str) -> Object | None:
        return {"metadata": {"name": "default"}} if plural == "serviceaccounts" else None

    def list(self, plural: str, namespace: str = "") -> list[Object]:
        if plural != "resourcequotas":
            return []
        hard = {"pods": "1", "requests.cpu": "1", "count/configmaps": "0", "requests.storage": "1Gi", "services": "0"}
        return [{"metadata": {"name": "few", "namespace": "ns"}, "spec": {"hard": hard}}]


def created(raw: bytes, plural: str) -> Object:
    """Through the whole request path. Raises ApiError."""
    kind = KINDS[plural]
    obj, _ = strict.decode(raw, kind, "Ignore")
    if kind.namespaced:
        obj["metadata"]["namespace"] = "ns"
    defaults.apply(plural, obj)
    admission.mutate(plural, obj, "CREATE", None, SomeCluster())
    strategy.prepare_create(plural, obj)
    validation.warnings_of(plural, obj)
    findings = validation.create(plural, obj)
    if findings:
        raise invalid(kind, obj["metadata"].get("name", ""), findings)
    admission.check(plural, obj, "CREATE", None, SomeCluster())
    return obj


@pytest.mark.parametrize("plural", sorted(KINDS))
@settings(max_examples=25)
@given(seed=st.integers(0, 2**48))
def test_an_object_of_any_shape_is_taken_or_refused_in_words(plural: str, seed: int) -> None:
    dice = random.Random(seed)
    body = an_object(dice, plural)
    raw = json.dumps(body).encode("utf-8", "surrogatepass")
    try:
        orjson.dumps(created(raw, plural))
    except ApiError as refusal:
        # A binding of what is no role is 500 on a real cluster too (rejections-more.json).
        assert 400 <= refusal.code < 500 or refusal.message.startswith("unsupported role reference kind: ")
        orjson.dumps(refusal.status())


@pytest.mark.parametrize("plural", sorted(KINDS))
@settings(max_examples=15)
@given(seed=st.integers(0, 2**48))
def test_any_two_objects_can_be_asked_to_replace_each_other(plural: str, seed: int) -> None:
    dice = random.Random(seed)
    kind = KINDS[plural]
    pair = []
    for _ in range(2):
        raw = json.dumps(an_object(dice, plural)).encode("utf-8", "surrogatepass")
        try:
            obj, _ = strict.decode(raw, kind, "Ignore")
            obj["metadata"].update(name="web", uid="u")
            defaults.apply(plural, obj)
        except ApiError:
            return
        pair.append(obj)
    new, old = pair
    try:
        admission.mutate(plural, new, "UPDATE", old, SomeCluster())
        strategy.prepare_update(plural, new, old)
        orjson.dumps([[finding.message] for finding in validation.update(plural, new, old)])
        validation.warnings_of(plural, new, old)
        admission.check(plural, new, "UPDATE", old, SomeCluster())
        strategy.prepare_status_update(plural, new, old)
        validation.update_status(plural, new, old)
    except ApiError as refusal:
        orjson.dumps(refusal.status())


@settings(max_examples=300)
@given(
    raw=st.binary(max_size=40)
    | st.text(alphabet='{}[]":,0123456789.eE+-\\u truefalsn\n\x00é', max_size=40).map(str.encode)
)
def test_bytes_are_json_for_us_when_they_are_for_others(raw: bytes) -> None:
    try:
        ours: Any = go_json.plain(go_json.parse(raw))
    except ValueError:
        ours = ValueError
    try:
        theirs = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return  # Go is laxer about bytes that are no UTF-8 and surrogates without a partner
    assert ours == theirs
    try:
        strict.decode(raw, KINDS["pods"])
    except ApiError as refusal:
        assert refusal.code in (400, 422)


@pytest.mark.parametrize("plural", ["pods", "services", "statefulsets", "events", "persistentvolumes", "nodes"])
@settings(max_examples=40)
@given(seed=st.integers(0, 2**48))
def test_the_fast_decoder_and_the_exact_one_agree(plural: str, seed: int) -> None:
    dice = random.Random(seed)
    kind = KINDS[plural]
    body = orjson.loads(json.dumps(an_object(dice, plural)).encode().replace(b"\\ud83d", b""))
    try:
        fast, _ = strict.check(body, kind, "Strict")
    except ApiError:
        return
    exact, findings = decoding_slow.decode(kind.definition, body)
    assert findings.error is None
    assert fast == exact
    again, _ = strict.check(fast, kind, "Strict")
    assert again == fast, "what is in normal form stays as it is"


@given(
    st.from_regex(
        r"[+-]?[0-9]{0,12}(\.[0-9]{0,12})?(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?[0-9]{1,3})?", fullmatch=True
    )
)
def test_a_quantity_written_back_is_the_same_amount(text: str) -> None:
    try:
        amount = quantity.parse(text)
    except ValueError as problem:
        assert str(problem) in (quantity.FORMAT_WRONG, quantity.SUFFIX_WRONG)
        return
    assert quantity.parse(amount.text).nanos == amount.nanos
    assert quantity.parse(amount.text).text == amount.text
