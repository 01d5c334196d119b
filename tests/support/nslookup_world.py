"""What the real busybox was asked, and in which cluster: for `record_nslookup.py` and the test that replays it."""

from __future__ import annotations

from typing import Any

DNS_SERVER = "10.96.0.10"
SILENT = "10.96.0.99"  # an address where something listens and says nothing

_SEARCH = "search default.svc.cluster.local svc.cluster.local cluster.local"
RESOLV_CONF = {
    "pod": f"{_SEARCH}\nnameserver {DNS_SERVER}\noptions ndots:5\n",
    "no search": f"nameserver {DNS_SERVER}\n",
    "one search": f"nameserver {DNS_SERVER}\nsearch default.svc.cluster.local\n",
    "silent first": f"{_SEARCH}\nnameserver {SILENT}\nnameserver {DNS_SERVER}\noptions ndots:5\n",
    "silent": f"{_SEARCH}\nnameserver {SILENT}\noptions ndots:5\n",
    "nobody": "",
}

# (resolv.conf, words after nslookup). Names with one address, so that the order of answers is no question.
CASES: list[tuple[str, list[str]]] = [
    ("pod", []),
    *[
        ("pod", words.split())
        for words in (
            "web",
            "web.",
            "web.default",
            "web.default.svc",
            "web.default.svc.cluster.local",
            "web.default.svc.cluster.local.",
            "WEB.Default.svc.cluster.local",
            "web-0.nginx",
            "web-0.nginx.default.svc.cluster.local",
            "web-7.nginx.default.svc.cluster.local",
            "nosuch",
            "nosuch.",
            "nosuch.default.svc.cluster.local",
            "outside",
            "outside.default.svc.cluster.local",
            "kubernetes.io",
            "10.96.0.80",
            "10.244.1.5",
            "10.1.2.3",
            "-type=a web",
            "-type=aaaa web.default.svc.cluster.local",
            "-type=aaaa web",
            "-querytype=A web.default.svc.cluster.local",
            "-q=a web.default.svc.cluster.local",
            "-type=srv web.default.svc.cluster.local",
            "-type=srv _http._tcp.web.default.svc.cluster.local",
            "-type=SRV nosuch.default.svc.cluster.local",
            "-type=srv web-0.nginx.default.svc.cluster.local",
            "-type=cname outside.default.svc.cluster.local",
            "-type=ptr 10.96.0.80",
            "-type=ptr 80.0.96.10.in-addr.arpa",
            "-type=soa cluster.local",
            "-type=ns cluster.local",
            "-type=txt dns-version.cluster.local",
            "-type=mx web.default.svc.cluster.local",
            "-type=any web.default.svc.cluster.local",
            "-type=a -type=aaaa web.default.svc.cluster.local",
            "-type=nonsense web",
            "-nonsense web",
            "-debug web.default.svc.cluster.local",
            f"web {DNS_SERVER}",
            f"web.default.svc.cluster.local {DNS_SERVER}",
            f"web.default.svc.cluster.local {SILENT}",
            "web.default.svc.cluster.local nosuch-server",
            f"web.default.svc.cluster.local {DNS_SERVER} more",
            f"{'a' * 64}.default.svc.cluster.local",
            "localhost",
        )
    ],
    *[
        (conf, [name])
        for conf in ("no search", "one search")
        for name in ("web", "nosuch", "web.default.svc.cluster.local")
    ],
    *[(conf, ["web.default.svc.cluster.local"]) for conf in ("silent first", "silent", "nobody")],
    ("silent", ["web"]),
]


def objects() -> dict[str, list[dict[str, Any]]]:
    """The Services and EndpointSlices the questions are about."""
    services, slices = [], []
    for name, spec, endpoints in (
        ("web", {"clusterIP": "10.96.0.80"}, [("10.244.1.5", "web-0")]),
        ("nginx", {"clusterIP": "None"}, [("10.244.1.5", "web-0")]),
        ("outside", {"type": "ExternalName", "externalName": "web.default.svc.cluster.local"}, []),
    ):
        port = {"name": "http", "port": 80, "protocol": "TCP"}
        services.append({"metadata": {"name": name, "namespace": "default"}, "spec": {**spec, "ports": [port]}})
        labels = {"kubernetes.io/service-name": name}
        slices.append(
            {
                "metadata": {"name": f"{name}-x", "namespace": "default", "labels": labels},
                "ports": [port],
                "endpoints": [
                    {"addresses": [address], "hostname": host, "conditions": {"ready": True}}
                    for address, host in endpoints
                ],
            }
        )
    return {"namespaces": [{"metadata": {"name": "default"}}], "services": services, "endpointslices": slices}
