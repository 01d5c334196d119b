"""Selectors choose what upstream's choose, and refuse in upstream's words."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statelab.controlplane.errors import ApiError
from statelab.controlplane.labels import (
    parse_field_selector,
    parse_label_selector,
    parse_requirements,
    selector_of,
    selector_text,
)

WEB = {"app": "web", "tier": "front", "generation": "7"}


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("", True),
        ("app=web", True),
        ("app==web", True),
        ("app!=web", False),
        ("app", True),
        ("!app", False),
        ("!absent", True),
        ("absent!=x", True),
        ("app in (web, db)", True),
        ("app notin (web)", False),
        ("absent notin (web)", True),
        ("absent in (web)", False),
        ("generation>5,generation<8", True),
        ("generation>7", False),
        ("app>1", False),
        ("generation<00000000000000000000000000008", True),
        (" app = web , tier in ( front ) ", True),
        ("app in (in,notin,web)", True),
        ("tier notin ()", True),
        ("app in (,web)", True),
        ("app=", False),
    ],
)
def test_query_text_chooses_as_upstream(text: str, chosen: bool) -> None:
    assert parse_label_selector(text)(WEB) is chosen


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("=web", "found '=', expected: !, identifier, or 'end of string'"),
        ("app=web,", "found '', expected: identifier after ','"),
        ("app=web tier", "found 'tier', expected: ',' or 'end of string'"),
        ("app web", "unable to parse requirement: found 'web', expected: in, notin, =, ==, !=, gt, lt"),
        ("app in web", "unable to parse requirement: found 'web' expected: '('"),
        ("app in (", "unable to parse requirement: found '', expected: ',', ')' or identifier"),
        ("app in (a", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("app in (a,=)", "unable to parse requirement: found '=', expected: ',', or identifier"),
        ("app=(", "unable to parse requirement: found '(', expected: identifier"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("!app=web", "found '=', expected: ',' or 'end of string'"),
        (
            "generation>old",
            "unable to parse requirement: values[0]: Invalid value: \"old\": for 'Gt', 'Lt' operators, "
            "the value must be an integer",
        ),
        (
            "app=a/b",
            'unable to parse requirement: values[0][app]: Invalid value: "a/b": a valid label must be an empty string '
            "or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
            "character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
            "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
        ),
        (
            "a/b/c=x",
            'unable to parse requirement: <nil>: Invalid value: "a/b/c": a qualified name must consist of alphanumeric '
            "characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or "
            "'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with "
            "an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
        ),
    ],
)
def test_a_selector_that_cannot_be_read_is_refused_in_upstreams_words(text: str, message: str) -> None:
    with pytest.raises(ApiError) as refusal:
        parse_label_selector(text)
    assert (refusal.value.code, refusal.value.reason, refusal.value.message) == (400, "BadRequest", message)


keys = st.from_regex(
    r"([a-z][a-z0-9.]{0,5}[a-z0-9]/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,5}[A-Za-z0-9])?", fullmatch=True
).filter(lambda key: key not in ("in", "notin") and ".." not in key and not re.search(r"\.$|\./|/in$", key))
values = st.from_regex(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,5}[A-Za-z0-9])?)?", fullmatch=True)
label_maps = st.dictionaries(keys, values, max_size=4)


@given(label_maps, label_maps)
def test_match_labels_choose_exactly_the_supersets(wanted: dict[str, str], carried: dict[str, str]) -> None:
    assert selector_of({"matchLabels": wanted})(carried) is (wanted.items() <= carried.items())
    assert selector_of({"matchLabels": wanted})({**carried, **wanted})


@given(
    label_maps,
    st.lists(
        st.one_of(
            st.fixed_dictionaries(
                {
                    "key": keys,
                    "operator": st.sampled_from(["In", "NotIn"]),
                    "values": st.lists(values, min_size=1, max_size=3, unique=True),
                }
            ),
            st.fixed_dictionaries({"key": keys, "operator": st.sampled_from(["Exists", "DoesNotExist"])}),
        ),
        max_size=3,
    ),
    label_maps,
)
def test_a_label_selector_means_the_same_as_an_object_and_as_text(
    wanted: dict[str, str], expressions: list[dict[str, object]], carried: dict[str, str]
) -> None:
    selector = {"matchLabels": wanted, "matchExpressions": expressions}
    assert parse_label_selector(selector_text(selector))(carried) is selector_of(selector)(carried)


@given(st.text(max_size=30))
def test_any_text_is_a_selector_or_a_bad_request(text: str) -> None:
    for parse in (parse_label_selector, lambda each: parse_field_selector(each, "pods")):
        try:
            parse(text)
        except ApiError as refusal:
            assert refusal.code == 400


@given(st.text(alphabet="ab=!,()<> \tinotx", max_size=14))
def test_what_was_read_prints_as_text_that_reads_the_same(text: str) -> None:
    try:
        requirements = parse_requirements(text)
    except ApiError:
        return
    printed = ",".join(map(str, requirements))
    again = parse_requirements(printed)
    assert again == requirements


def test_no_selector_chooses_nothing_and_an_empty_one_everything() -> None:
    assert not selector_of(None)(WEB)
    assert selector_of({})(WEB)


POD = {
    "metadata": {"name": "web-0", "namespace": "shop"},
    "spec": {"nodeName": "kind-worker", "restartPolicy": "Always"},
    "status": {"phase": "Running", "podIP": "10.244.1.2"},
}


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("metadata.name=web-0", True),
        ("metadata.name!=web-0", False),
        ("spec.nodeName==kind-worker,status.phase=Running", True),
        ("spec.host=kind-worker", True),
        ("status.phase!=Running,status.phase!=Pending", False),
        ("spec.hostNetwork=false", True),
        ("status.nominatedNodeName=", True),
        ("metadata.name=web\\,0", False),
        ("", True),
    ],
)
def test_field_selectors_of_pods(text: str, chosen: bool) -> None:
    assert parse_field_selector(text, "pods")(POD) is chosen


@pytest.mark.parametrize(
    ("plural", "text", "message"),
    [
        ("pods", "spec.image=nginx", "field label not supported: spec.image"),
        ("namespaces", "metadata.namespace=x", "field label not supported: metadata.namespace"),
        (
            "deployments",
            "spec.replicas=3",
            '"spec.replicas" is not a known field selector: only "metadata.name", "metadata.namespace"',
        ),
        ("pods", "metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"),
        ("pods", "metadata.name=a=b", "invalid field selector: unescaped character in value: 61"),
        ("pods", "metadata.name=a\\b", "invalid field selector: invalid escape sequence: \\b"),
        ("pods", "metadata.name=a\\", "invalid field selector: invalid escape sequence: \\"),
    ],
)
def test_a_field_that_cannot_be_asked_for_is_refused(plural: str, text: str, message: str) -> None:
    with pytest.raises(ApiError) as refusal:
        parse_field_selector(text, plural)
    assert (refusal.value.code, refusal.value.message) == (400, message)


def test_an_events_source_is_its_component_or_its_reporter() -> None:
    selector = parse_field_selector("source=kubelet,involvedObject.name=web-0", "events")
    assert selector({"source": {"component": "kubelet"}, "involvedObject": {"name": "web-0"}})
    assert selector({"reportingComponent": "kubelet", "involvedObject": {"name": "web-0"}})
    assert not selector({"source": {"component": "scheduler"}, "involvedObject": {"name": "web-0"}})
