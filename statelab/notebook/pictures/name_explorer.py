"""NameExplorer: type a name, see each step on the way to its answer, and the DNS message itself."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

import dns.exception
import dns.message
import dns.rcode
import traitlets

from statelab.cluster import Cluster, Problem, RequestRefused
from statelab.cluster.dns import candidates
from statelab.controlplane.dns_lookup import CLUSTER_DOMAIN
from statelab.controlplane.kinds import Object
from statelab.notebook.pictures.live import mirror_of
from statelab.notebook.pictures.modules import answering, css, lasting, module
from statelab.notebook.pictures.style import STYLE
from statelab.notebook.pictures.widget import Widget
from statelab.notebook.strings import ENGLISH, say

_TYPES = ("A", "AAAA", "SRV", "CNAME", "PTR", "TXT")
_LONGEST = 253

Ask = Callable[[dns.message.Message], dns.message.Message]
Objects_ = dict[str, list[Object]]


class NameExplorer(Widget):
    """Two names beside each other: by default a Service with an address, and a headless one."""

    _esm = module("name_explorer")
    _css = css()
    sheet = traitlets.Unicode(STYLE).tag(sync=True)
    text = traitlets.Dict(ENGLISH).tag(sync=True)
    types = traitlets.List(list(_TYPES)).tag(sync=True)
    known = traitlets.List().tag(sync=True)
    names = traitlets.List().tag(sync=True)
    answers = traitlets.List([{}, {}]).tag(sync=True)
    status = traitlets.Unicode("").tag(sync=True)

    def __init__(self, cluster: Cluster, names: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._mirror = mirror_of(cluster)
        self._cluster = self._mirror.cluster
        self._stop = self._mirror.listen(self._on_change)
        self._asked: list[tuple[str, str]] = []
        objects = self._mirror.objects()
        self.known = known_names(objects)
        self._asked = [(name, "A") for name in (names or proposed(objects))[:2]]
        self.names = [name for name, _ in self._asked]
        self._ask_all()
        self.on_msg(answering(self._on_message))

    def _on_change(self) -> None:
        objects = self._mirror.objects()
        names = known_names(objects)
        if names != self.known:
            self.known = names
            self._ask_all()

    def _ask_all(self) -> None:
        self.answers = [self._explored(name, type) for name, type in self._asked]

    def _explored(self, name: str, type: str) -> dict[str, Any]:
        if not name:
            return {}
        try:
            with self._cluster.asking_dns() as ask:
                return explore(name, type, self._mirror.namespace, self._find(name), ask)
        except (Problem, RequestRefused) as problem:
            return {"problem": str(problem)}
        except (dns.exception.DNSException, ValueError, OSError) as error:
            return {"problem": f'"{name[:80]}": {error}'}

    def _find(self, name: str) -> Callable[[str], Objects_]:
        """Services and endpoints of a namespace: ours are known, others are asked for."""

        def found(namespace: str) -> Objects_:
            if namespace == self._mirror.namespace:
                return self._mirror.objects()
            return {
                plural: self._cluster.list(plural, namespace=namespace) for plural in ("services", "endpointslices")
            }

        return found

    def _on_message(self, message: dict[str, Any]) -> None:
        if not isinstance(message.get("ask"), dict):
            return
        asked = message["ask"]
        place, type = asked.get("place"), str(asked.get("type", "A"))
        if place in (0, 1) and type in _TYPES:
            while len(self._asked) <= place:
                self._asked.append(("", "A"))
            self._asked[place] = (str(asked.get("name", "")).strip()[: _LONGEST + 50], type)
            self._ask_all()

    def close(self) -> None:
        self._stop()
        super().close()

    def _repr_mimebundle_(self, **more: Any) -> Any:
        lines = [line for answer in self.answers for line in as_text(answer)]
        return lasting(super()._repr_mimebundle_(**more), "\n".join(lines), svg=picture(lines))


def explore(name: str, type: str, namespace: str, find: Callable[[str], Objects_], ask: Ask) -> dict[str, Any]:
    """Every question a Pod's resolver asks for `name`, and for each what the answer rests on.

    Raises ValueError or DNSException for what is no domain name, OSError when nobody answers.
    """
    if len(name) > _LONGEST:
        raise ValueError("a name has at most 253 characters")
    tried, message, full = [], None, ""
    for candidate in candidates(name, namespace):
        message = ask(dns.message.make_query(candidate, type))
        full = candidate
        records = [rdata.to_text() for rrset in message.answer for rdata in rrset]
        tried.append({"name": candidate, "rcode": dns.rcode.to_text(message.rcode()), "records": records})
        if records:
            break
    best = next((each for each in tried if each["records"]), None)
    explained = best["name"] if best else next((n for n in candidates(name, namespace)), full)
    assert message is not None
    steps = reasons(str(explained), find)
    answers = [str(each) for each in best["records"]] if best else []
    return {
        "name": name,
        "type": type,
        "tried": tried,
        "steps": steps,
        "path": path_of_name(name, tried, steps, best is not None, answers),
        "meant": [] if best else meant(name, namespace, find),
        "answer": answers,
        "rcode": str(tried[-1]["rcode"]) if best is None else "NOERROR",
        "message": message.to_text(),
        "wire": _hex(message.to_wire()),
    }


def path_of_name(
    name: str, tried: list[dict[str, Any]], steps: list[list[str]], is_answered: bool, records: list[str]
) -> list[list[Any]]:
    """The way from who asks to who answers, as far as it went: [what it is, what is so, whether it was reached]."""
    path: list[list[Any]] = [[say("client"), name, True]]
    asked = next((each for each in reversed(tried) if each["records"]), tried[-1])
    path.append([say("search_path"), f"{asked['name']} ({len(tried)})", True])
    named = {say("service"), say("endpoints"), say("pod")}
    here = [[step, what] for step, what in steps if step in named]
    for number, (step, what) in enumerate(here):
        is_last = number == len(here) - 1
        path.append([step, what, is_answered or not is_last])
    path.append([say("answer"), ", ".join(records[:6]) or str(asked["rcode"]), is_answered])
    return path


def meant(name: str, namespace: str, find: Callable[[str], Objects_]) -> list[str]:
    """Names that are there and look like the one that is not."""
    head = name.rstrip(".").split(f".{namespace}.svc")[0]
    return difflib.get_close_matches(head, known_names(find(namespace)), n=3, cutoff=0.6)


def reasons(full: str, find: Callable[[str], Objects_]) -> list[list[str]]:
    """What an absolute name means, part by part: [step, what is so]."""
    labels = full.rstrip(".").split(".")
    if len(labels) < 3 or ".".join(labels[-2:]).lower() != CLUSTER_DOMAIN:
        return [[say("zone"), say("zone_outside", name=full, zone=CLUSTER_DOMAIN)]]
    steps = [[say("zone"), say("zone_inside", zone=CLUSTER_DOMAIN)]]
    *below, kind = labels[:-2]
    if kind != "svc" or len(below) < 2:
        return [*steps, [say("service"), say("no_service_part")]]
    *host, service_name, namespace = below
    objects = find(namespace)
    service = next((each for each in objects["services"] if each["metadata"]["name"] == service_name), None)
    if service is None:
        others = ", ".join(each["metadata"]["name"] for each in objects["services"][:8])
        told = say("no_service", service=service_name, namespace=namespace)
        return [*steps, [say("service"), told + (f" {say('there_are', names=others)}" if others else "")]]
    spec = service.get("spec") or {}
    steps.append([say("service"), _service_words(service_name, namespace, spec)])
    ready = endpoints(objects, service_name)
    steps.append(
        [
            say("endpoints"),
            ", ".join(f"{ip}{f' ({name})' if name else ''}" for ip, name in ready[:20]) or say("no_endpoints"),
        ]
    )
    if host and spec.get("clusterIP") == "None":
        wanted = host[-1]
        named = [ip for ip, name in ready if name == wanted]
        steps.append([say("pod"), say("host_is", host=wanted, ip=named[0]) if named else say("no_host", host=wanted)])
    return steps


def _service_words(name: str, namespace: str, spec: Object) -> str:
    if spec.get("type") == "ExternalName":
        return say("service_external", service=name, namespace=namespace, target=str(spec.get("externalName")))
    if spec.get("clusterIP") == "None":
        return say("service_headless", service=name, namespace=namespace)
    return say("service_normal", service=name, namespace=namespace, ip=str(spec.get("clusterIP", "")))


def endpoints(objects: Objects_, service: str) -> list[tuple[str, str]]:
    """The ready endpoints of a Service: (address, hostname)."""
    return [
        (str(address), str(endpoint.get("hostname") or ""))
        for each in objects["endpointslices"]
        if (each["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == service
        for endpoint in each.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready", True)
        for address in endpoint.get("addresses") or ()
    ]


def known_names(objects: Objects_) -> list[str]:
    """Names worth asking: each Service, and each Pod a headless one names. Proposed while one types."""
    found = []
    for service in sorted(objects["services"], key=lambda each: str(each["metadata"]["name"])):
        name = service["metadata"]["name"]
        found.append(name)
        if (service.get("spec") or {}).get("clusterIP") == "None":
            found += sorted(f"{host}.{name}" for _, host in endpoints(objects, name) if host)
    return found[:200]


def proposed(objects: Objects_) -> tuple[str, str]:
    """A normal and a headless Service of the namespace, if it has them."""
    services = sorted(objects["services"], key=lambda each: str(each["metadata"]["name"]))
    headless = [each["metadata"]["name"] for each in services if (each.get("spec") or {}).get("clusterIP") == "None"]
    normal = [each["metadata"]["name"] for each in services if each["metadata"]["name"] not in headless]
    return (normal[0] if normal else "kubernetes.default", headless[0] if headless else "")


def as_text(answer: dict[str, Any]) -> list[str]:
    if "tried" not in answer:
        return [answer["problem"]] if answer.get("problem") else []
    lines = [f"{answer['name']}  {answer['type']}"]
    lines += [f"  {each['name']}  {each['rcode']}  {', '.join(each['records'])}" for each in answer["tried"]]
    return lines + [f"    {step}: {what}" for step, what in answer["steps"]]


def picture(lines: list[str]) -> str:
    from statelab.notebook.pictures.drawing import shortened, still, text

    body = "".join(text(12, 22 + 18 * row, shortened(line, 130), "mono") for row, line in enumerate(lines[:60]))
    return still(960, 18 * min(len(lines), 60) + 24, body, lines[0] if lines else say("name"))


def _hex(wire: bytes) -> str:
    """As a packet reader prints it: offset, sixteen bytes, their letters."""
    rows = []
    for start in range(0, len(wire), 16):
        chunk = wire[start : start + 16]
        letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in chunk)
        rows.append(f"{start:04x}  {chunk.hex(' '):<47}  {letters}")
    return "\n".join(rows)


def names(*names: str) -> NameExplorer:
    """Explore one or two names ("nginx", "web-0.nginx") as a Pod of the current namespace would ask for them.

    Shows each name of the search path that was tried, and what DNS said.
    """
    from statelab.notebook import current

    return NameExplorer(current(), names)
