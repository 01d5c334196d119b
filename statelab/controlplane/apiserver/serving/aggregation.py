"""Groups that another API server answers for: whether it can be reached, and what a client is told.

No image here is an API server that could stand beside this one. All else is as on a real cluster: what is wrong with
an APIService is found out step by step, as far as the question to the server itself, and requests get 503.
Source: kube-aggregator/pkg/controllers/status/remote, pkg/apiserver/handler_proxy.go; Go's net/http (words).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from statelab.controlplane.apiserver.encoding.go_json import go_quote
from statelab.controlplane.apiserver.encoding.request import Response
from statelab.controlplane.apiserver.registry.apiservices import PLURAL
from statelab.controlplane.clock import timestamp
from statelab.controlplane.kinds import Object
from statelab.controlplane.manager import Controller
from statelab.controlplane.runtime import http
from statelab.controlplane.runtime.network import NetworkError
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

if TYPE_CHECKING:
    from statelab.controlplane.controlplane import ControlPlane

_AGAIN_S = 30.0  # what changes without a revision is found out then
_TIMEOUT_S = 5.0
_NOT_HERE = (
    " (StateLab: no image here is an API server that could stand beside its own; a real cluster made with kind is the "
    "place to try it)"
)
_LATE = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
_PLAIN = "http: server gave HTTP response to HTTPS client"


def unavailable() -> Response:
    """What the aggregator says instead of the other server."""
    told = [("X-Content-Type-Options", "nosniff")]
    return Response(503, b"service unavailable\n", "text/plain; charset=utf-8", told)


class Availability:
    """Tells in each APIService of another server what is wrong with it."""

    def __init__(self, cluster: ControlPlane) -> None:
        self._cluster = cluster

    def controller(self) -> Controller:
        watches = {PLURAL: self._of_api_service, "services": self._of_service, "endpointslices": self._of_slice}
        return Controller("kube-aggregator", self.reconcile, watches, is_timer=True)

    def _of_api_service(self, revision: Revision, view: View) -> Iterable[str]:
        return (revision.key,) if revision.type != "DELETED" and revision.object["spec"].get("service") else ()

    def _of_service(self, revision: Revision, view: View) -> Iterable[str]:
        metadata = revision.object["metadata"]
        return view.kinds.others.of_service(metadata["namespace"], metadata["name"]) if view.kinds.others else ()

    def _of_slice(self, revision: Revision, view: View) -> Iterable[str]:
        if not view.kinds.others:
            return ()
        metadata = revision.object["metadata"]
        name = (metadata.get("labels") or {}).get("kubernetes.io/service-name", "")
        return view.kinds.others.of_service(metadata["namespace"], name)

    def reconcile(self, name: str, view: View) -> float | None:
        """Find out what is wrong with one, and write it down."""
        found = view.get(PLURAL, name)
        if found is None or not found["spec"].get("service"):
            return None
        reason, message = self._problem(found, view)
        status = found.get("status") or {}
        conditions = list(status.get("conditions") or ())
        before = next((each for each in conditions if each["type"] == "Available"), None)
        wanted: Object = {"type": "Available", "status": "False", "reason": reason, "message": message}
        same = before is not None and before["status"] == "False"
        wanted["lastTransitionTime"] = before["lastTransitionTime"] if before and same else timestamp(view.now_s)
        if before != wanted:
            others = [each for each in conditions if each["type"] != "Available"]
            changed = {**found, "status": {**status, "conditions": [*others, wanted]}}
            view.update_status(PLURAL, changed, why=f"its server cannot be reached: {reason}")
        return _AGAIN_S if reason == "FailedDiscoveryCheck" else None

    def _problem(self, api_service: Object, view: View) -> tuple[str, str]:
        """The first reason why nobody answers, and its words."""
        reference = api_service["spec"]["service"]
        namespace, name, number = reference["namespace"], reference["name"], reference["port"]
        about = f"service/{name} in {go_quote(namespace)}"
        service = view.get("services", f"{namespace}/{name}")
        if service is None:
            return "ServiceNotFound", f"{about} is not present"
        if service["spec"].get("type", "ClusterIP") == "ClusterIP":
            port = next((each for each in service["spec"].get("ports") or () if each["port"] == number), None)
            if port is None:
                return "ServicePortError", f"{about} is not listening on port {number}"
            slices = [each for each in view.list("endpointslices", namespace) if _is_of(each, name)]
            if not slices:
                return "EndpointsNotFound", f"cannot find endpointslices for {about}"
            if not any(_leads(each, port.get("name", "")) for each in slices):
                words = f"endpointslices for {about} have no addresses with port name {go_quote(port.get('name', ''))}"
                there = any(each.get("endpoints") for each in slices)
                return "MissingEndpoints", words + (_NOT_HERE if there else "")
        return "FailedDiscoveryCheck", self._asked(api_service, service, number)

    def _asked(self, api_service: Object, service: Object, number: int) -> str:
        """What comes of asking the server for its group, as the aggregator does."""
        spec, host = api_service["spec"], service["spec"].get("clusterIP") or "None"
        if service["spec"].get("type") == "ExternalName":
            host = service["spec"]["externalName"]
        elif host == "None":
            return f"cannot route to service with ClusterIP {go_quote(host)}"
        path = f"/apis/{spec['group']}/{spec['version']}" if spec.get("group") else f"/api/{spec['version']}"
        url = f"https://{host}:{number}{path}"
        answered = self._get(host, number, path)
        is_status = isinstance(answered, int)
        failed = f"bad status from {url}: {answered}" if is_status else f"Get {go_quote(url)}: {answered}"
        return f"failing or missing response from {url}: {failed}{_NOT_HERE}"

    def _get(self, host: str, port: int, path: str) -> int | str:
        """The status of the answer, or why there is none."""
        network, source_ip = self._cluster.network, next(iter(self._cluster.kubelets.values())).host_ip
        outcome: list[http.HttpResponse | NetworkError] = []
        try:
            at, number = network.endpoint(source_ip, host, port)
            network.connect(source_ip, at, number).close()
        except NetworkError as error:
            return _LATE if error.reason == "timed out" else f"dial tcp {host}:{port}: connect: {error.reason}"
        if network.certificate(at, number) is None:
            return _PLAIN
        http.request(
            network, source_ip, at, number, path, outcome.append,
            headers={"Host": f"{host}:{port}"}, tls=True, timeout_s=_TIMEOUT_S, housekeeping=True,
        )  # fmt: skip
        if not outcome or isinstance(outcome[0], NetworkError):
            return _LATE
        return outcome[0].status


def _is_of(endpoint_slice: Object, service: str) -> bool:
    return (endpoint_slice["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == service


def _leads(endpoint_slice: Object, port_name: str) -> bool:
    """Whether a ready endpoint has a port of that name."""
    ready = any((each.get("conditions") or {}).get("ready") is not False for each in endpoint_slice["endpoints"] or ())
    return ready and any(
        each.get("name", "") == port_name and each.get("port") for each in endpoint_slice.get("ports") or ()
    )
