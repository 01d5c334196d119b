"""The verbs that only Pods have: binding, and what the scheduler does to make room.

Source: pkg/registry/core/pod/storage.
"""

from __future__ import annotations

from statelab.controlplane.apiserver.registry import placing
from statelab.controlplane.apiserver.registry.resources import ApiServer, key_of
from statelab.controlplane.apiserver.registry.writing import WriteOptions
from statelab.controlplane.clock import timestamp
from statelab.controlplane.kinds import KINDS, Object


def bind(
    api: ApiServer, namespace: str, name: str, node_name: str, options: WriteOptions, uid: str | None = None
) -> Object:
    """POST pods/NAME/binding: put the Pod on a node."""
    old = api.must_get(KINDS["pods"], namespace, name)
    obj = placing.bound(old, node_name, uid, timestamp(api.loop.now_s))
    binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name, "namespace": namespace}}
    target = {"target": {"kind": "Node", "name": node_name}}
    api.ask(KINDS["pods"], "CREATE", {**binding, **target}, None, options, "binding", object_kind=("", "v1", "Binding"))
    if options.dry_run:
        return obj
    return api.store.update("pods", key_of(namespace, name), obj, options.cause, api.loop.now_s)


def preempt(api: ApiServer, namespace: str, name: str, options: WriteOptions) -> None:
    """What the scheduler does with a Pod in whose place a more important one goes. Raises ApiError 404."""
    pod = api.must_get(KINDS["pods"], namespace, name)
    words = f"{options.cause.actor}: preempting to accommodate a higher priority pod"
    changed = placing.disrupted(pod, timestamp(api.loop.now_s), "PreemptionByScheduler", words)
    api.update("pods", changed, options, subresource="status")
    api.delete("pods", namespace, name, {}, options)
