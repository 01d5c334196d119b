"""A kind of one's own at StateLab's kubectl: known as soon as it is served, whatever lines came before."""

from __future__ import annotations

from statelab.controlplane import ControlPlane
from statelab.kubectl import Kubectl
from statelab.kubectl.in_process import InProcess
from tests.clients.test_custom_kinds import CACHE, DEFINITION


def test_one_is_applied_listed_scaled_and_deleted() -> None:
    api = InProcess(ControlPlane())
    kubectl = Kubectl(api, api.wait)

    def said(line: str, stdin: str = "") -> str:
        result = kubectl.run(line.split(), stdin=stdin)
        assert result.code == 0, result
        return result.stdout

    said("get pods")
    said("apply -f -", DEFINITION)
    said("wait --for=condition=Established crd/caches.course.example.com --timeout=10s")
    assert said("apply -f -", CACHE % 3) == "cache.course.example.com/one created\n"
    assert said("get ca").split() == ["NAME", "SIZE", "one", "3"]
    assert "How many." in said("explain cache.spec.size")
    said("scale cache/one --replicas=5")
    assert said("get cache one -o jsonpath={.spec.size}") == "5"
    assert "Size:  5" in said("describe cache one")
    refused = kubectl.run(["apply", "-f", "-"], stdin=CACHE % 0)
    assert refused.code == 1
    assert "should be greater than or equal to 1" in refused.stderr
    said("delete crd caches.course.example.com")
    assert kubectl.run(["get", "caches"]).code == 1


def test_a_column_that_an_object_has_nothing_for_is_blank_as_the_real_kubectl_shows_it() -> None:
    api = InProcess(ControlPlane())
    kubectl = Kubectl(api, api.wait)
    column = "{name: Size, type: integer, jsonPath: .status.size}"
    columns = DEFINITION.replace("{name: Size, type: integer, jsonPath: .spec.size}", column)
    for text in (columns, CACHE % 3):
        assert kubectl.run(["apply", "-f", "-"], stdin=text).code == 0
        kubectl.run(["wait", "--for=condition=Established", "crd/caches.course.example.com", "--timeout=10s"])
    assert [line.split() for line in kubectl.run(["get", "caches"]).stdout.splitlines()] == [["NAME", "SIZE"], ["one"]]
