"""What `[sig-network]` conformance tests do: names, Services of every type, endpoints, host ports, the API's proxy.

Source of the steps: test/e2e/network/{dns,dns_common,service,endpointslice,endpointslicemirroring,hostport,proxy,
service_latency}.go, test/e2e/common/network/networking.go.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from e2e_client import AGNHOST, PAUSE, Api, once, pod

pytestmark = [pytest.mark.slow, pytest.mark.kubectl]


def _service(api: Api, name: str, selector: dict[str, str] | None = None, **spec: Any) -> Any:
    spec.setdefault("ports", [{"port": 80, "targetPort": 8080}])
    more = {"selector": selector} if selector else {}
    return api.create("services", {"metadata": {"name": name, "labels": {"e2e": "x"}}, "spec": {**more, **spec}})


def _client(api: Api, name: str = "client") -> str:
    api.create("pods", pod(name, image=AGNHOST))
    api.until_ready(name)
    return name


def test_should_support_a_service_with_several_slices_of_its_own(api: Api) -> None:
    """A Service without a selector leads where its EndpointSlices say: one address with two ports, or two addresses."""
    both = pod("both", "netexec", "--http-port", "8080", "--udp-port", "-1")
    second = {"name": "second", "image": AGNHOST, "args": ["netexec", "--http-port", "9090", "--udp-port", "-1"]}
    both["spec"]["containers"].append(second)
    api.create("pods", both)
    api.create("pods", pod("single", "netexec", "--http-port", "8080", "--udp-port", "-1"))
    api.until_ready("both", "single")
    ip, other = (api.get("pods", name)["status"]["podIP"] for name in ("both", "single"))
    _service(api, "ports", ports=[{"name": "port80", "port": 80}, {"name": "port81", "port": 81}])
    _service(api, "addresses", ports=[{"name": "http", "port": 80}])
    for name, service, port_name, port, address in (
        ("ports-1", "ports", "port80", 8080, ip), ("ports-2", "ports", "port81", 9090, ip),
        ("addresses-1", "addresses", "http", 9090, ip), ("addresses-2", "addresses", "http", 8080, other),
    ):  # fmt: skip
        labels = {"kubernetes.io/service-name": service, "endpointslice.kubernetes.io/managed-by": "e2e-test"}
        ports = [{"name": port_name, "port": port, "protocol": "TCP"}]
        endpoints = [{"addresses": [address]}]
        slice_ = {"metadata": {"name": name, "labels": labels}, "addressType": "IPv4"}
        api.create("endpointslices", {**slice_, "ports": ports, "endpoints": endpoints})
    ask = "for each in 1 2 3 4 5 6 7 8; do curl -s --connect-timeout 2 addresses/hostname; echo; done"
    said = api.run("single", f"curl -s ports:80/hostname; echo; curl -s ports:81/hostname; echo; {ask}").split()
    assert said[:2] == ["both", "both"] and set(said[2:]) == {"both", "single"}


def _servers(api: Api, count: int = 3, name: str = "affinity") -> None:
    container = {"name": "main", "image": AGNHOST, "args": ["serve-hostname"], "ports": [{"containerPort": 9376}]}
    template = {
        "metadata": {"labels": {"name": name}},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
    }
    spec = {"replicas": count, "selector": {"name": name}, "template": template}
    api.create("replicationcontrollers", {"metadata": {"name": name}, "spec": spec})
    api.wait_for_running({"name": name}, count, count)


# ---- dns.go


def _finds(api: Api, *names: str, of: str = "") -> None:
    """What the tests' prober Pods do with dig: each name has an A record, by UDP and by TCP."""
    for name in names:
        for how in ("+notcp", "+tcp"):
            api.until(
                lambda name=name, how=how: api.run("client", f"dig {how} +noall +answer +search {name} A").strip(), name
            )
    if of:
        assert of in api.run("client", f"dig +short {names[0]} A").split()


def test_should_provide_dns_for_the_cluster(api: Api) -> None:
    _client(api)
    _finds(api, "kubernetes.default.svc.cluster.local", of="10.96.0.1")
    _finds(api, "kubernetes.default", "kubernetes.default.svc")


def test_should_provide_etc_hosts_entries_for_the_cluster(api: Api) -> None:
    _service(api, "dns-test", {"dns": "x"}, clusterIP="None")
    api.create(
        "pods",
        {
            **pod("querier", hostname="dns-querier", subdomain="dns-test"),
        },
    )
    api.until_ready("querier")
    for name in (f"dns-querier.dns-test.{api.namespace}.svc.cluster.local", "dns-querier"):
        assert api.get("pods", "querier")["status"]["podIP"] in api.run("querier", f"getent hosts {name}")


def test_should_provide_dns_for_services(api: Api) -> None:
    _client(api)
    api.create("pods", pod("backend", "netexec", labels={"dns": "yes"}))
    api.until_ready("backend")
    ports = [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}]
    made = {"headless": _service(api, "headless", {"dns": "yes"}, clusterIP="None", ports=ports),
            "regular": _service(api, "regular", {"dns": "yes"}, ports=ports)}  # fmt: skip
    ip = api.get("pods", "backend")["status"]["podIP"]
    for name, service in made.items():
        full = f"{name}.{api.namespace}.svc.cluster.local"
        _finds(api, full, name, f"{name}.{api.namespace}", f"{name}.{api.namespace}.svc")
        wanted = ip if name == "headless" else service["spec"]["clusterIP"]
        assert wanted in api.run("client", f"dig +short {full} A")
        port = 8080 if name == "headless" else 80
        assert f" {port} " in api.run("client", f"dig +short _http._tcp.{full} SRV")
    reverse = api.run("client", f"dig +short -x {made['regular']['spec']['clusterIP']}")
    assert f"regular.{api.namespace}.svc.cluster.local." in reverse


@pytest.mark.parametrize("what", ["hostname", "subdomain"])
def test_should_provide_dns_for_pods_for(api: Api, what: str) -> None:
    _client(api)
    _service(api, "dns-test", {"dns": "yes"}, clusterIP="None")
    api.create("pods", pod("querier", "netexec", labels={"dns": "yes"}, hostname="dns-querier-2", subdomain="dns-test"))
    api.until_ready("querier")
    zone = f"dns-test.{api.namespace}.svc.cluster.local"
    _finds(
        api, f"dns-querier-2.{zone}" if what == "hostname" else zone, of=api.get("pods", "querier")["status"]["podIP"]
    )


def test_should_provide_dns_for_external_name_services(api: Api) -> None:
    _client(api)
    _service(api, "outside", type="ExternalName", externalName="foo.example.com", ports=[])
    full = f"outside.{api.namespace}.svc.cluster.local"

    def cname(wanted: str) -> None:
        api.until(lambda: api.run("client", f"dig +short {full} CNAME").strip() == wanted, wanted)

    cname("foo.example.com.")
    api.patch("services", "outside", {"spec": {"externalName": "bar.example.com"}})
    cname("bar.example.com.")
    change = {"type": "ClusterIP", "externalName": None, "ports": [{"port": 80, "name": "http", "protocol": "TCP"}]}
    made = api.patch("services", "outside", {"spec": change})
    api.until(lambda: made["spec"]["clusterIP"] in api.run("client", f"dig +short {full} A"), "an address")


def test_should_support_configurable_pod_dns_nameservers(api: Api) -> None:
    config = {"nameservers": ["1.1.1.1"], "searches": ["resolv.conf.local"]}
    api.create("pods", pod("configured", dnsPolicy="None", dnsConfig=config))
    api.until_ready("configured")
    assert api.run("configured", "/agnhost dns-suffix") == "resolv.conf.local"
    assert api.run("configured", "/agnhost dns-server-list") == "1.1.1.1"


# ---- service.go


def test_should_provide_secure_master_service_found_in_all_namespaces(api: Api) -> None:
    found = api.request("GET", "/api/v1/namespaces/default/services/kubernetes")
    assert [each["port"] for each in found["spec"]["ports"]] == [443]
    everywhere = api.request("GET", "/api/v1/services")["items"]
    assert ("default", "kubernetes") in {
        (each["metadata"]["namespace"], each["metadata"]["name"]) for each in everywhere
    }


def _endpoints(api: Api, service: str) -> dict[str, list[int]]:
    """The ready Pods behind a Service, and at which ports: by its slices and by its Endpoints alike."""
    by_slices: dict[str, list[int]] = {}
    for each in api.list("endpointslices", f"kubernetes.io/service-name={service}")["items"]:
        for endpoint in each.get("endpoints") or ():
            if endpoint["conditions"]["ready"]:
                ports = [port["port"] for port in each.get("ports") or ()]
                by_slices.setdefault(endpoint["targetRef"]["name"], []).extend(ports)
    by_endpoints: dict[str, list[int]] = {}
    for subset in (api.get("endpoints", service).get("subsets") or ()) if api.exists("endpoints", service) else ():
        for address in subset.get("addresses") or ():
            by_endpoints.setdefault(address["targetRef"]["name"], []).extend(each["port"] for each in subset["ports"])
    sort = {name: sorted(ports) for name, ports in by_slices.items()}
    return sort if sort == {name: sorted(ports) for name, ports in by_endpoints.items()} else {"differ": []}


@pytest.mark.parametrize("multi", [False, True], ids=["a basic endpoint", "multiport endpoints"])
def test_should_serve_endpoints_from_pods(api: Api, multi: bool) -> None:
    ports: Any = [{"port": 80, "targetPort": 80, "name": "one"}]
    if multi:
        ports = [
            {"port": 80, "targetPort": "portname1", "name": "one"},
            {"port": 81, "targetPort": "portname2", "name": "two"},
        ]
    _service(api, "tested", {"testid": "x"}, ports=ports)
    api.until(lambda: _endpoints(api, "tested") == {}, "nobody yet")

    def start(name: str, port_name: str, port: int) -> None:
        container = {"ports": [{"containerPort": port, **({"name": port_name} if multi else {})}]}
        api.create("pods", pod(name, "netexec", f"--http-port={port}", labels={"testid": "x"}, container=container))
        api.until_ready(name)

    start("pod1", "portname1", 80 if not multi else 100)
    first = [80] if not multi else [100]
    api.until(lambda: _endpoints(api, "tested") == {"pod1": first}, "the first")
    start("pod2", "portname2", 80 if not multi else 101)
    second = [80] if not multi else [101]
    api.until(lambda: _endpoints(api, "tested") == {"pod1": first, "pod2": second}, "both")
    api.delete("pods", "pod1")
    api.until(lambda: _endpoints(api, "tested") == {"pod2": second}, "the second")
    api.delete("pods", "pod2")
    api.until(lambda: _endpoints(api, "tested") == {}, "nobody again")


def _reached(api: Api, host: str, port: int, tries: int = 1) -> list[str]:
    script = f"for i in $(seq {tries}); do curl -q -s --connect-timeout 2 http://{host}:{port}/ && echo; done"
    return api.run("client", script).split()


def _node_ips(api: Api) -> list[str]:
    return [each["address"] for node in api.list("nodes")["items"] for each in node["status"]["addresses"]
            if each["type"] == "InternalIP"]  # fmt: skip


def test_should_be_able_to_create_a_functioning_node_port_service(api: Api) -> None:
    _servers(api, 2)
    _client(api)
    made = _service(
        api, "nodeport-test", {"name": "affinity"}, type="NodePort", ports=[{"port": 80, "targetPort": 9376}]
    )
    number = made["spec"]["ports"][0]["nodePort"]
    assert api.until(lambda: _reached(api, "nodeport-test", 80), "by its name")
    assert _reached(api, made["spec"]["clusterIP"], 80)
    for ip in _node_ips(api):
        assert _reached(api, ip, number), ip


@pytest.mark.parametrize("type", ["ClusterIP", "NodePort"])
@pytest.mark.parametrize("switched", [False, True], ids=["works", "is switched"])
def test_session_affinity(api: Api, type: str, switched: bool) -> None:
    _servers(api)
    _client(api)
    made = _service(api, "affinity", {"name": "affinity"}, type=type, sessionAffinity="ClientIP",
                    ports=[{"port": 80, "targetPort": 9376}])  # fmt: skip
    host, port = made["spec"]["clusterIP"], 80
    if type == "NodePort":
        host, port = _node_ips(api)[1], made["spec"]["ports"][0]["nodePort"]
    if switched:
        api.patch("services", "affinity", {"spec": {"sessionAffinity": "None"}})
        api.until(lambda: len(set(_reached(api, host, port, 15))) > 1, "anybody answers")
        api.patch("services", "affinity", {"spec": {"sessionAffinity": "ClientIP"}})
    answers = api.until(
        lambda: (found := _reached(api, host, port, 15)) and len(set(found)) == 1 and found, "one answers"
    )
    assert len(answers) == 15


@pytest.mark.parametrize(("before", "after"), [("ExternalName", "ClusterIP"), ("ExternalName", "NodePort"),
                                              ("ClusterIP", "ExternalName"), ("NodePort", "ExternalName")])  # fmt: skip
def test_should_be_able_to_change_the_type(api: Api, before: str, after: str) -> None:
    _servers(api, 2)
    _client(api)
    ports = [{"port": 80, "targetPort": 9376, "protocol": "TCP", "name": "http"}]
    if before == "ExternalName":
        made = _service(api, "changes", type="ExternalName", externalName="example.com", ports=[])
        assert "clusterIP" not in made["spec"]
        change: Any = {"type": after, "externalName": None, "ports": ports, "selector": {"name": "affinity"}}
        made = api.patch("services", "changes", {"spec": change})
        assert made["spec"]["clusterIP"].startswith("10.96.")
        assert api.until(lambda: _reached(api, "changes", 80), "by its name")
        assert _reached(api, made["spec"]["clusterIP"], 80)
        if after == "NodePort":
            assert _reached(api, _node_ips(api)[0], made["spec"]["ports"][0]["nodePort"])
        return
    made = _service(api, "changes", {"name": "affinity"}, type=before, ports=ports)
    _service(api, "externalsvc", {"name": "affinity"}, ports=ports)
    target = f"externalsvc.{api.namespace}.svc.cluster.local"
    change = {"type": "ExternalName", "externalName": target, "clusterIP": None, "clusterIPs": None}
    if before == "NodePort":
        change["ports"] = None
    made = api.patch("services", "changes", {"spec": change})
    assert "clusterIP" not in made["spec"] and not any("nodePort" in each for each in made["spec"].get("ports") or ())
    said = api.until(lambda: api.run("client", f"nslookup changes.{api.namespace}.svc.cluster.local"), "it is found")
    assert target in said and api.get("services", "externalsvc")["spec"]["clusterIP"] in said


def test_should_complete_a_service_status_lifecycle(api: Api) -> None:
    _service(api, "lives", type="LoadBalancer")
    ingress = {"loadBalancer": {"ingress": [{"ip": "203.0.113.1"}]}}
    patch = {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": ingress}
    found = api.patch("services", "lives", patch, "status")
    assert found["status"]["loadBalancer"]["ingress"][0]["ip"] == "203.0.113.1"
    condition = {"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set from e2e test",
                 "lastTransitionTime": "2020-01-01T00:00:00Z"}  # fmt: skip
    found = api.update_status("services", "lives", lambda obj: obj["status"].update(conditions=[condition]))
    assert found["status"]["conditions"][0]["type"] == "StatusUpdate"
    assert api.patch("services", "lives", {"metadata": {"labels": {"test-service": "patched"}}})["metadata"]["labels"]


# ---- endpointslice.go, endpointslicemirroring.go


def test_should_have_endpoints_and_endpoint_slices_pointing_to_the_api_server(api: Api) -> None:
    base = "/api/v1/namespaces/default/endpoints/kubernetes"
    [subset] = api.request("GET", base)["subsets"]
    listed = api.request("GET", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices")["items"]
    [found] = [each for each in listed if each["metadata"]["labels"].get("kubernetes.io/service-name") == "kubernetes"]
    assert [each["ip"] for each in subset["addresses"]] == [each["addresses"][0] for each in found["endpoints"]]


def test_should_create_and_delete_endpoints_and_slices_with_their_service(api: Api) -> None:
    _service(api, "selects", {"does-not": "exist"})
    api.until(lambda: api.exists("endpoints", "selects"), "its Endpoints")
    chosen = "kubernetes.io/service-name=selects"
    api.until(lambda: api.list("endpointslices", chosen)["items"], "its slice")
    api.delete("services", "selects")
    api.until_gone("endpoints", "selects")
    api.until(lambda: not api.list("endpointslices", chosen)["items"], "its slice goes")


def test_should_mirror_a_custom_endpoints_resource(api: Api) -> None:
    _service(api, "custom", ports=[{"port": 80, "protocol": "TCP", "name": "example"}])
    subset = {"addresses": [{"ip": "10.1.2.3"}], "ports": [{"port": 80, "name": "example", "protocol": "TCP"}]}
    api.create("endpoints", {"metadata": {"name": "custom"}, "subsets": [subset]})
    chosen = "kubernetes.io/service-name=custom"

    def mirrored() -> list[tuple[list[str], int]]:
        return [(each["endpoints"][0]["addresses"], each["ports"][0]["port"])
                for each in api.list("endpointslices", chosen)["items"] if each.get("endpoints")]  # fmt: skip

    api.until(lambda: mirrored() == [(["10.1.2.3"], 80)], "it is mirrored")
    subset["addresses"] = [{"ip": "10.2.3.4"}]
    api.update("endpoints", "custom", lambda obj: obj.update(subsets=[subset]))
    api.until(lambda: mirrored() == [(["10.2.3.4"], 80)], "its change is mirrored")
    api.delete("endpoints", "custom")
    api.until(lambda: not mirrored(), "it goes")


# ---- hostport.go


def test_there_is_no_conflict_between_pods_with_same_host_port_but_different_host_ip_and_protocol(api: Api) -> None:
    api.create("pods", pod("first", image=PAUSE))
    api.until_ready("first")
    node = api.get("pods", "first")["spec"]["nodeName"]
    ip = api.get("pods", "first")["status"]["hostIP"]
    for number, (host_ip, protocol) in enumerate((("127.0.0.1", "TCP"), (ip, "TCP"), (ip, "UDP")), 1):
        port = {"hostPort": 54323, "containerPort": 8080, "protocol": protocol, "hostIP": host_ip}
        made = pod(
            f"pod{number}", "netexec", container={"ports": [port]}, nodeSelector={"kubernetes.io/hostname": node}
        )
        api.create("pods", made)
        api.until_ready(f"pod{number}")


# ---- proxy.go


def test_should_proxy_through_a_service_and_a_pod(api: Api) -> None:
    env = {"SERVE_PORT_80": '<a href="/rewriteme">test</a>', "SERVE_PORT_160": "foo", "SERVE_PORT_162": "bar"}
    container = {
        "env": [{"name": name, "value": value} for name, value in env.items()],
        "ports": [{"containerPort": 160, "name": "dest1"}, {"containerPort": 162, "name": "dest2"}],
    }
    api.create("pods", pod("proxied", "porter", labels={"proxied": "yes"}, container=container))
    api.until_ready("proxied")
    ports = [
        {"name": "portname1", "port": 80, "targetPort": "dest1"},
        {"name": "portname2", "port": 81, "targetPort": 162},
    ]
    _service(api, "proxy-service", {"proxied": "yes"}, ports=ports)
    api.until(lambda: _endpoints(api, "proxy-service"), "its endpoint")
    base = f"/api/v1/namespaces/{api.namespace}"
    for path, wanted in {
        f"{base}/pods/proxied:160/proxy/": "foo",
        f"{base}/pods/http:proxied:162/proxy/": "bar",
        f"{base}/services/proxy-service:portname1/proxy/": "foo",
        f"{base}/services/http:proxy-service:portname2/proxy/": "bar",
    }.items():
        assert api.request("GET", path) == wanted.encode(), path


@pytest.mark.parametrize("method", ["DELETE", "OPTIONS", "PATCH", "POST", "PUT", "GET", "HEAD"])
@pytest.mark.parametrize("path", ["", "/some/path/with/{method}"], ids=["Proxy", "ProxyWithPath"])
def test_a_set_of_valid_responses_are_returned_for_both_pod_and_service(api: Api, method: str, path: str) -> None:
    made = pod("agnhost", "porter", "--json-response", labels={"test": "response"})
    env = [{"name": "SERVE_PORT_80", "value": "foo"}]
    made["spec"]["containers"][0] |= {"env": env, "ports": [{"containerPort": 80}]}
    api.create("pods", made)
    api.until_ready("agnhost")
    _service(api, "test-service", {"test": "response"}, ports=[{"port": 80, "targetPort": 80}])
    api.until(lambda: _endpoints(api, "test-service"), "its endpoint")
    for what in ("pods/agnhost", "services/test-service"):
        where = f"/api/v1/namespaces/{api.namespace}/{what}/proxy{path.format(method=method) or '?method=' + method}"
        found = api.request(method, where)
        if method != "HEAD":
            said = found if isinstance(found, dict) else json.loads(found)
            assert said["Method"] == method and said["Body"] == "foo"


# ---- service_latency.go, networking.go


def test_service_endpoints_latency_should_not_be_very_high(api: Api) -> None:
    api.create("pods", pod("backend", image=PAUSE, labels={"name": "svc-latency"}))
    api.until_ready("backend")
    for number in range(200):
        _service(api, f"latency-{number}", {"name": "svc-latency"})
        api.until(lambda number=number: _endpoints(api, f"latency-{number}"), "its endpoint")


@pytest.mark.parametrize("protocol", ["http", "udp"])
@pytest.mark.parametrize("on_host", [False, True], ids=["intra-pod", "node-pod"])
def test_granular_checks_pods_should_function_for_communication(api: Api, on_host: bool, protocol: str) -> None:
    args = ("netexec", "--http-port=8080", "--udp-port=8081")
    for number, node in enumerate(("kind-worker", "kind-worker2")):
        made = pod(f"netserver-{number}", *args, container={"ports": [{"containerPort": 8080, "name": "http"}]})
        api.create("pods", {**made, "spec": {**made["spec"], "nodeSelector": {"kubernetes.io/hostname": node}}})
    api.create("pods", pod("client", hostNetwork=True) if on_host else pod("client", "netexec"))
    api.until_ready("netserver-0", "netserver-1", "client")
    for number in range(2):
        ip, port = api.get("pods", f"netserver-{number}")["status"]["podIP"], 8080 if protocol == "http" else 8081
        if on_host:
            ask = f"curl -g -q -s --max-time 15 http://{ip}:{port}/hostName"
            if protocol == "udp":
                ask = f"echo hostName | nc -w 1 -u {ip} {port}"
            assert api.run("client", ask) == f"netserver-{number}"
            continue
        own = api.get("pods", "client")["status"]["podIP"]
        url = f"http://{own}:8080/dial?request=hostname&protocol={protocol}&host={ip}&port={port}&tries=1"
        assert json.loads(api.run("client", f"curl -g -q -s '{url}'")) == {"responses": [f"netserver-{number}"]}


def test_should_serve_endpoints_on_same_port_and_different_protocols(api: Api) -> None:
    both = [{"name": f"{each.lower()}-port", "port": 80, "targetPort": 80, "protocol": each} for each in ("TCP", "UDP")]
    made = _service(api, "multi", {"test": "multi"}, ports=both)
    api.create("pods", pod("server", "netexec", "--http-port=80", "--udp-port=80", labels={"test": "multi"}))
    _client(api)
    api.until_ready("server")
    ip = made["spec"]["clusterIP"]

    def reached() -> tuple[bool, bool]:
        tcp = api.run("client", f"curl -s --connect-timeout 1 http://{ip}:80/hostname || true")
        return tcp == "server", api.run("client", f"echo hostName | nc -w 1 -u {ip} 80 || true") == "server"

    api.until(lambda: reached() == (True, True), "by both")
    for kept, wanted in ((both[0], (True, False)), (both[1], (False, True))):
        api.update("services", "multi", lambda obj, kept=kept: obj["spec"].update(ports=[kept]))
        api.until(lambda wanted=wanted: reached() == wanted, f"by {kept['protocol']} alone")


def test_a_script_of_the_tests_own_finds_what_it_looks_for(api: Api) -> None:
    """nslookup of the tests' busybox (1.36) asks for a whole name."""
    assert "10.96.0.1" in api.output(once("asks", "nslookup kubernetes.default.svc.cluster.local"))
