"""Questions to a cluster's DNS whose server is a table: what a search makes of it, and waiting for a name."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import dns.rcode
import dns.rrset
import pytest

from statelab.cluster import dns as asking
from statelab.cluster.cluster import Cluster
from statelab.cluster.connection import Connection
from statelab.cluster.problem import Problem


class Server:
    """CoreDNS without a network beyond the cluster: what is not of the cluster fails. Each question sees `now` next."""

    def __init__(self, *answers: dict[str, list[str]]) -> None:
        self.left = list(answers)
        self.asked: list[str] = []

    def __call__(self, query: dns.message.Message, *where: Any, **more: Any) -> dns.message.Message:
        [question] = query.question
        name = question.name.to_text()
        self.asked.append(name)
        response = dns.message.make_response(query)
        records = self.left[0].get(name, [])
        if name.endswith("default.svc.cluster.local.") and len(self.left) > 1:
            self.left.pop(0)
        if records:
            response.answer.append(dns.rrset.from_text(name, 5, "IN", "A", *records))
        else:
            is_own = name.endswith("cluster.local.")
            response.set_rcode(dns.rcode.NXDOMAIN if is_own else dns.rcode.SERVFAIL)
        return response


def test_a_name_that_is_not_there_is_not_there_whatever_lies_beyond_the_cluster() -> None:
    found = asking.answer_with_search(Server({}), "nobody", "A", "default")
    assert (found.rcode, found.records) == ("NXDOMAIN", ())
    assert [rcode for _, rcode in found.tried] == ["NXDOMAIN", "NXDOMAIN", "NXDOMAIN", "SERVFAIL"]


def test_a_name_of_elsewhere_that_cannot_be_asked_for_is_no_name_that_is_not_there() -> None:
    assert asking.answer_with_search(Server({}), "example.org.", "A", "default").rcode == "SERVFAIL"


def test_a_cluster_whose_own_dns_fails_says_so() -> None:
    def fails(query: dns.message.Message) -> dns.message.Message:
        response = dns.message.make_response(query)
        response.set_rcode(dns.rcode.SERVFAIL)
        return response

    assert asking.answer_with_search(fails, "web", "A", "default").rcode == "SERVFAIL"


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    found = Cluster(Connection("http://127.0.0.1:1"), context="none", kubeconfig=Path("none"))
    monkeypatch.setattr(found, "dns_address", lambda: contextlib.nullcontext(("127.0.0.1", 1)))
    monkeypatch.setattr(asking, "_ASK_AGAIN_S", 0.0)
    return found


def test_a_name_is_asked_for_until_dns_has_heard_of_all_its_pods(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "headless.default.svc.cluster.local."
    server = Server({}, {name: ["10.244.1.5"]}, {name: ["10.244.1.5", "10.244.2.7"]})
    monkeypatch.setattr(dns.query, "tcp", server)
    assert cluster.wait_for_name("headless", at_least=2).records == ("10.244.1.5", "10.244.2.7")
    assert server.asked.count(name) == 3


def test_a_name_that_never_comes_is_told_with_what_to_look_at(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dns.query, "tcp", Server({}))
    with pytest.raises(Problem, match=r"0 of 1 records for web-0\.nginx after 0 s: .*NXDOMAIN") as told:
        cluster.wait_for_name("web-0.nginx", timeout_s=0.0)
    assert "endpointslices" in told.value.next_step
