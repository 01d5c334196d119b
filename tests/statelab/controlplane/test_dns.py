"""CoreDNS: the questions recorded from a real cluster, and the rules behind them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import pytest

from statelab.controlplane.dns import addresses_of, answer, pod_search, resolve, search_path
from statelab.controlplane.dns_records import IndexedRecords, ScannedRecords
from statelab.controlplane.store import Cause, Store

RECORDED = json.loads((Path(__file__).parents[2] / "conformance" / "dns.json").read_text())
NS = "shop"
PODS = {"web-0": "10.244.1.5", "web-1": "10.244.1.6", "dep-1": "10.244.1.7", "dep-2": "10.244.1.8"}
PODS |= {"db-0": "10.244.1.9", "db-1": "10.244.1.10"}
VIP = "10.96.33.44"
CAUSE = Cause("test", "setting the scene")


def put(store: Store, plural: str, obj: dict[str, Any]) -> None:
    metadata = obj["metadata"]
    key = f"{metadata['namespace']}/{metadata['name']}" if "namespace" in metadata else metadata["name"]
    store.create(plural, key, obj, CAUSE, 1_795_402_329.0)


def service(store: Store, name: str, **spec: Any) -> None:
    put(store, "services", {"metadata": {"name": name, "namespace": NS}, "spec": spec})


def endpoint_slice(
    store: Store, of: str, pods: dict[str, str | None], *, ready: bool = True, ports: bool = True
) -> None:
    """`pods`: Pod name to hostname."""
    endpoints = [
        {"addresses": [PODS[pod]], "conditions": {"ready": ready}, **({"hostname": hostname} if hostname else {})}
        for pod, hostname in pods.items()
    ]
    metadata = {"name": f"{of}-abcde", "namespace": NS, "labels": {"kubernetes.io/service-name": of}}
    obj = {"metadata": metadata, "addressType": "IPv4", "endpoints": endpoints}
    put(store, "endpointslices", obj | ({"ports": [{"name": "web", "port": 80, "protocol": "TCP"}]} if ports else {}))


@pytest.fixture(params=["scanned", "indexed", "store"])
def cluster(request: pytest.FixtureRequest) -> Any:
    """The objects that dns.json describes."""
    store = Store()
    records = IndexedRecords(store)
    web = [{"name": "web", "port": 80, "protocol": "TCP"}]
    put(store, "namespaces", {"metadata": {"name": NS}})
    for headless in ("nginx", "dep-headless", "db", "db-all", "empty"):
        service(store, headless, clusterIP="None", clusterIPs=["None"], ports=web)
    service(store, "normal", clusterIP=VIP, clusterIPs=[VIP], ports=web)
    service(store, "ext", type="ExternalName", externalName="example.org")
    endpoint_slice(store, "nginx", {"web-0": "web-0", "web-1": "web-1"})
    endpoint_slice(store, "normal", {"web-0": None, "web-1": None})
    endpoint_slice(store, "dep-headless", {"dep-1": None, "dep-2": None})
    endpoint_slice(store, "db", {"db-0": "db-0", "db-1": "db-1"}, ready=False)
    endpoint_slice(store, "db-all", {"db-0": None, "db-1": None})
    # Yielded, not returned: an index does not keep its Store, whose cluster may go; the test has to.
    yield {"scanned": ScannedRecords(store), "store": store}.get(request.param, records)


def store_of(cluster: Any) -> Any:
    return getattr(cluster, "_store", None) or getattr(cluster, "_source", cluster)


def lookup(cluster: Any, name: str, type: str = "A") -> dns.message.Message:
    return answer(dns.message.make_query(name + ".", type, id=0), cluster)


def texts(section: list[Any], *, owners: bool = False) -> list[str]:
    """The records as text; a SOA's serial is when the cluster last changed, so it is taken out."""
    lines = (f"{rrset.name} {each}" if owners else str(each) for rrset in section for each in rrset)
    return sorted(re.sub(r"(hostmaster\.cluster\.local\.) \d+", r"\1 $SERIAL", line) for line in lines)


def concrete(text: str) -> list[str]:
    """Put the test's names and addresses into a recorded text; `$HASH-$RAND` can stand for either Pod."""
    found = []
    for dep in ("dep-1", "dep-2"):
        made = text.replace("1795402329", "$SERIAL").replace("$NS", NS).replace("dep-$HASH-$RAND", dep)
        made = made.replace("$VIP(normal)", VIP).replace("$REVERSED_VIP(normal)", ".".join(reversed(VIP.split("."))))
        made = re.sub(r"\$REVERSED_IP\((.*?)\)", lambda m: ".".join(reversed(PODS[m[1]].split("."))), made)
        made = re.sub(r"\$DASHED_IP\((.*?)\)", lambda m: PODS[m[1]].replace(".", "-"), made)
        found.append(re.sub(r"\$IP\((.*?)\)", lambda m: PODS[m[1]], made))
    return found


@pytest.mark.parametrize("recorded", RECORDED["queries"], ids=lambda each: f"{each['name']} {each['type']}")
def test_a_question_is_answered_as_coredns_answered_it(recorded: dict[str, Any], cluster: Any) -> None:
    name = concrete(recorded["name"])[0]
    reply = lookup(cluster, name, recorded["type"])
    assert dns.rcode.to_text(reply.rcode()) == recorded["rcode"]
    # Two equal lines of a recording stand for the two Pods of the Deployment.
    expected = {each for line in recorded["answers"] for each in concrete(line)}
    if recorded["answers"] and len(set(recorded["answers"])) == len(recorded["answers"]):
        expected = {concrete(line)[0] for line in recorded["answers"]}
    assert set(texts(reply.answer)) == expected
    assert len(texts(reply.answer)) == len(recorded["answers"])
    if "additional" in recorded:
        assert set(texts(reply.additional, owners=True)) == {
            e for line in recorded["additional"] for e in concrete(line)
        }
    if recorded["ttl"] is None:
        assert [rrset.to_text().split()[3] for rrset in reply.authority] == ["SOA"]
    else:
        assert {rrset.ttl for rrset in reply.answer} == {recorded["ttl"]}
        assert {rrset.name.to_text() for rrset in reply.answer} == set(concrete(recorded["owner"])[:1])
    assert reply.flags & dns.flags.AA


def test_a_pod_of_a_cluster_ip_service_is_found_by_its_dashed_address_only(cluster: Any) -> None:
    assert texts(lookup(cluster, f"10-244-1-5.normal.{NS}.svc.cluster.local").answer) == ["10.244.1.5"]
    assert lookup(cluster, f"10-244-1-7.normal.{NS}.svc.cluster.local").rcode() == dns.rcode.NXDOMAIN


def test_a_port_that_the_service_does_not_have_is_no_name(cluster: Any) -> None:
    assert lookup(cluster, f"_web._udp.nginx.{NS}.svc.cluster.local", "SRV").rcode() == dns.rcode.NXDOMAIN
    assert lookup(cluster, f"_redis._tcp.normal.{NS}.svc.cluster.local", "SRV").rcode() == dns.rcode.NXDOMAIN


def test_any_other_type_of_an_existing_name_is_no_data(cluster: Any) -> None:
    for type in ("MX", "ANY", "NS", "SOA", "CAA"):
        reply = lookup(cluster, f"nginx.{NS}.svc.cluster.local", type)
        assert (reply.rcode(), reply.answer) == (dns.rcode.NOERROR, [])
        assert lookup(cluster, f"nowhere.{NS}.svc.cluster.local", type).rcode() == dns.rcode.NXDOMAIN


def test_a_headless_service_without_ports_has_addresses_and_no_srv(cluster: Any) -> None:
    store = store_of(cluster)
    service(store, "bare", clusterIP="None")
    endpoint_slice(store, "bare", {"web-0": "web-0"}, ports=False)
    assert texts(lookup(cluster, f"web-0.bare.{NS}.svc.cluster.local").answer) == ["10.244.1.5"]
    reply = lookup(cluster, f"bare.{NS}.svc.cluster.local", "SRV")
    assert (reply.rcode(), reply.answer) == (dns.rcode.NOERROR, [])


def test_an_external_name_inside_the_cluster_is_followed(cluster: Any) -> None:
    store = store_of(cluster)
    service(store, "alias", type="ExternalName", externalName=f"web-0.nginx.{NS}.svc.cluster.local")
    service(store, "loop", type="ExternalName", externalName=f"loop.{NS}.svc.cluster.local")
    reply = lookup(cluster, f"alias.{NS}.svc.cluster.local")
    assert texts(reply.answer) == ["10.244.1.5", f"web-0.nginx.{NS}.svc.cluster.local."]
    assert texts(lookup(cluster, f"loop.{NS}.svc.cluster.local").answer) == []


def test_a_write_changes_the_next_answer(cluster: Any) -> None:
    store = store_of(cluster)
    old = store.get("endpointslices", f"{NS}/nginx-abcde")
    less = {**old, "metadata": dict(old["metadata"]), "endpoints": old["endpoints"][:1]}
    store.update("endpointslices", f"{NS}/nginx-abcde", less, CAUSE, 0.0)
    assert texts(lookup(cluster, f"nginx.{NS}.svc.cluster.local").answer) == ["10.244.1.5"]
    assert lookup(cluster, f"web-1.nginx.{NS}.svc.cluster.local").rcode() == dns.rcode.NXDOMAIN
    store.delete("endpointslices", f"{NS}/nginx-abcde", CAUSE, 0.0)
    assert lookup(cluster, f"nginx.{NS}.svc.cluster.local").rcode() == dns.rcode.NXDOMAIN
    store.delete("services", f"{NS}/normal", CAUSE, 0.0)
    assert lookup(cluster, "44.33.96.10.in-addr.arpa", "PTR").rcode() == dns.rcode.NXDOMAIN


def test_the_name_server_of_the_zone_has_an_address(cluster: Any) -> None:
    reply = lookup(cluster, "cluster.local", "NS")
    assert texts(reply.answer) == ["ns.dns.cluster.local."]
    assert texts(reply.additional) == texts(lookup(cluster, "ns.dns.cluster.local").answer) == ["10.96.0.10"]


def test_names_of_the_internet_cannot_be_told_and_others_do_not_exist(cluster: Any) -> None:
    assert lookup(cluster, "example.org").rcode() == dns.rcode.SERVFAIL
    assert lookup(cluster, "web-0.nginx").rcode() == dns.rcode.NXDOMAIN


def test_a_question_that_is_none_gets_an_error_not_an_exception(cluster: Any) -> None:
    query = dns.message.make_query("nginx.", "A")
    query.question = []
    assert answer(query, cluster).rcode() == dns.rcode.FORMERR
    assert lookup(cluster, "cluster.local", "AXFR").rcode() == dns.rcode.REFUSED


def test_queries_turn_the_addresses_round(cluster: Any) -> None:
    name = f"nginx.{NS}.svc.cluster.local"
    firsts = {resolve(name, reader=cluster, query_id=n).addresses[0] for n in range(4)}
    assert firsts == {"10.244.1.5", "10.244.1.6"}


def test_a_pods_resolver_walks_its_search_list(cluster: Any) -> None:
    found = resolve("web-0.nginx", reader=cluster, search=pod_search(NS))
    assert [step.name for step in found.steps] == [f"web-0.nginx.{NS}.svc.cluster.local"]
    assert found.addresses == ("10.244.1.5",)
    other = resolve(f"web-0.nginx.{NS}", reader=cluster, search=pod_search("default"))
    assert [step.rcode for step in other.steps] == ["NXDOMAIN", "NOERROR"]
    lost = resolve("web-0.ngnix", reader=cluster, search=pod_search(NS))
    assert [step.name for step in lost.steps][-1] == "web-0.ngnix"
    assert (lost.found, lost.rcode, lost.addresses) == (False, "NXDOMAIN", ())


def test_a_name_with_enough_dots_is_asked_as_it_is_first() -> None:
    assert search_path("a.b.c", ["x"], ndots=2) == ["a.b.c", "a.b.c.x"]
    assert search_path("a.b", ["x", "y"], ndots=2) == ["a.b.x", "a.b.y", "a.b"]
    assert search_path("a.", ["x"], ndots=5) == ["a"]


def test_what_is_no_name_is_refused_with_words(cluster: Any) -> None:
    with pytest.raises(ValueError, match=r"a\.\.b"):
        resolve("a..b", reader=cluster)
    with pytest.raises(ValueError, match="NOPE"):
        resolve("a", "NOPE", reader=cluster)


def test_addresses_alone_are_found_as_by_a_search_with_all_its_messages(cluster: Any) -> None:
    names = {concrete(each["name"])[0] for each in RECORDED["queries"]}
    names |= {"nginx", "Normal.shop.", "dep-headless", "ext", "web-1.nginx", "no.such", "example.org"}
    names |= {"a..b", "x" * 64, "ü.de", "a\\.b", ""}
    for name in sorted(names):
        for query_id in (0, 1, 65_537):
            assert told(addresses_of, name, cluster, query_id) == told(all_messages, name, cluster, query_id), name


def all_messages(name: str, **more: Any) -> tuple[str, ...]:
    return resolve(name, **more).addresses


def told(ask: Any, name: str, cluster: Any, query_id: int) -> tuple[str, ...]:
    try:
        found: tuple[str, ...] = ask(name, reader=cluster, search=pod_search(NS), query_id=query_id)
    except ValueError as error:
        return ("refused", str(error))
    return found
