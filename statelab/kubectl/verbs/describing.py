"""kubectl describe. Source: pkg/cmd/describe/describe.go."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from statelab.kubectl.api import Object
from statelab.kubectl.builder import Info, select, types_and_names
from statelab.kubectl.call import Call
from statelab.kubectl.describe import cluster, network_storage, pods, workloads
from statelab.kubectl.describe.generic import describe_any
from statelab.kubectl.problems import Fail, Refused, raise_all

Describe = Callable[[Call, Object], str]

_DESCRIBE: dict[str, Describe] = {
    "Pod": pods.describe_pod,
    "ReplicaSet.apps": workloads.describe_replicaset,
    "Deployment.apps": workloads.describe_deployment,
    "StatefulSet.apps": workloads.describe_statefulset,
    "DaemonSet.apps": workloads.describe_daemonset,
    "Job.batch": workloads.describe_job,
    "CronJob.batch": workloads.describe_cronjob,
    "Service": network_storage.describe_service,
    "Endpoints": network_storage.describe_endpoints,
    "EndpointSlice.discovery.k8s.io": network_storage.describe_endpointslice,
    "PersistentVolumeClaim": network_storage.describe_claim,
    "PersistentVolume": network_storage.describe_volume,
    "StorageClass.storage.k8s.io": network_storage.describe_class,
    "Node": cluster.describe_node,
    "Namespace": cluster.describe_namespace,
    "ResourceQuota": cluster.describe_quota,
    "ConfigMap": cluster.describe_configmap,
    "Secret": cluster.describe_secret,
    "ServiceAccount": cluster.describe_serviceaccount,
    "PodDisruptionBudget.policy": cluster.describe_budget,
}


def describe(call: Call) -> None:
    flags = call.flags
    if not call.args and not flags.all("filename") and not flags.text("kustomize"):
        raise Fail(
            'You must specify the type of resource to describe. Use "kubectl api-resources" for a complete list of '
            "supported resources."
        )
    found = select(call, call.args, empty_selects_all=True)
    if found.errors and not found.infos and found.single and _is_not_found(found.errors[0]):
        if _with_prefix(call, found.errors[0]):
            return
        raise_all(found.errors)
    quiet = len(found.infos) > 1 and not flags.has("show-events")
    if quiet:
        flags.given["show-events"] = ["false"]
    call.out("\n\n".join(_described(call, info) for info in found.infos))
    if not found.infos and not found.errors:
        if call.everywhere or not _namespaced(call):
            call.err("No resources found\n")
        else:
            call.err(f"No resources found in {call.namespace} namespace.\n")
    raise_all(found.errors)


def _namespaced(call: Call) -> bool:
    _, types, _ = types_and_names(call, call.args)
    return all(call.mapper.find(each).namespaced for each in types)


def _is_not_found(error: Exception) -> bool:
    return isinstance(error, Refused) and error.reason == "NotFound"


def _described(call: Call, info: Info) -> str:
    resource = info.resource
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    return _DESCRIBE.get(kind, describe_any)(call, info.object)


def _with_prefix(call: Call, error: Exception) -> bool:
    """The objects whose names begin so, where none is called so; whether there are any."""
    pairs, types, names = types_and_names(call, call.args)
    type, name = pairs[0] if pairs else (types[0], names[0])
    resource = call.mapper.find(type)
    namespace = call.namespace if resource.namespaced else ""
    found: Sequence[Object] = call.list(resource, namespace)
    matching = [each for each in found if each["metadata"]["name"].startswith(name)]
    if len(matching) > 1 and not call.flags.has("show-events"):
        call.flags.given["show-events"] = ["false"]
    for each in matching:
        call.out(f"{_described(call, Info(resource, namespace, each['metadata']['name'], each))}\n")
    return bool(matching)
