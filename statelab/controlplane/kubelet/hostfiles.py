"""What the kubelet writes for a Pod's containers: its host name, /etc/hosts and /etc/resolv.conf.

Source: pkg/kubelet/kubelet_pods.go (GeneratePodHostNameAndDomain, managedHostsFileContent), pkg/kubelet/network/dns.
"""

from __future__ import annotations

from statelab.controlplane.kinds import Object

CLUSTER_DNS = "10.96.0.10"
CLUSTER_DOMAIN = "cluster.local"
_NODE_DNS = "172.18.0.1"
_LONGEST_HOSTNAME = 63


def hostname_and_domain(pod: Object) -> tuple[str, str]:
    """`("web-0", "nginx.default.svc.cluster.local")`; no domain without `spec.subdomain`."""
    spec, metadata = pod["spec"], pod["metadata"]
    if spec.get("hostnameOverride"):
        return str(spec["hostnameOverride"]), ""
    hostname = str(spec.get("hostname") or metadata["name"])[:_LONGEST_HOSTNAME].rstrip("-.")
    domain = f"{spec['subdomain']}.{metadata['namespace']}.svc.{CLUSTER_DOMAIN}" if spec.get("subdomain") else ""
    return hostname, domain


def files_for(pod: Object, pod_ip: str) -> dict[str, str]:
    """The files every container of the Pod sees, by path."""
    hostname, domain = hostname_and_domain(pod)
    files = {"/etc/hostname": f"{hostname}\n", "/etc/resolv.conf": resolv_conf(pod)}
    if pod["spec"].get("hostNetwork"):
        files["/etc/hosts"] = node_hosts(pod["spec"].get("nodeName", ""))
        return files
    names = f"{hostname}.{domain}\t{hostname}" if domain else hostname
    lines = [
        "# Kubernetes-managed hosts file.",
        "127.0.0.1\tlocalhost",
        "::1\tlocalhost ip6-localhost ip6-loopback",
        "fe00::0\tip6-localnet",
        "fe00::0\tip6-mcastprefix",
        "fe00::1\tip6-allnodes",
        "fe00::2\tip6-allrouters",
        f"{pod_ip}\t{names}",
    ]
    if aliases := pod["spec"].get("hostAliases"):
        lines += ["", "# Entries added by HostAliases."]
        lines += ["\t".join([each["ip"], *(each.get("hostnames") or ())]) for each in aliases]
    files["/etc/hosts"] = "\n".join(lines) + "\n"
    return files


def node_hosts(node: str) -> str:
    """A node's own /etc/hosts: that of a container, as kind's nodes are."""
    lines = ("127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback", f"127.0.0.1\t{node}")
    return "".join(f"{each}\n" for each in lines)


def resolv_conf(pod: Object) -> str:
    """Source: KEP and Configurer.GetPodDNS: ClusterFirst, Default, None, with `dnsConfig` added."""
    spec = pod["spec"]
    policy = spec.get("dnsPolicy") or "ClusterFirst"
    if spec.get("hostNetwork") and policy == "ClusterFirst":
        policy = "Default"
    servers: list[str] = []
    searches: list[str] = []
    options: dict[str, str | None] = {}
    if policy in ("ClusterFirst", "ClusterFirstWithHostNet"):
        namespace = pod["metadata"]["namespace"]
        servers = [CLUSTER_DNS]
        searches = [f"{namespace}.svc.{CLUSTER_DOMAIN}", f"svc.{CLUSTER_DOMAIN}", CLUSTER_DOMAIN]
        options = {"ndots": "5"}
    elif policy == "Default":
        servers = [_NODE_DNS]
        options = {"ndots": "0"}
    config = spec.get("dnsConfig") or {}
    servers = list(dict.fromkeys([*servers, *(config.get("nameservers") or ())]))
    searches = list(dict.fromkeys([*searches, *(config.get("searches") or ())]))
    options |= {each["name"]: each.get("value") for each in config.get("options") or ()}
    lines = [f"search {' '.join(searches)}"] if searches else []
    lines += [f"nameserver {each}" for each in servers]
    if options:
        lines.append(
            "options " + " ".join(name if value is None else f"{name}:{value}" for name, value in options.items())
        )
    return "\n".join(lines) + "\n"
