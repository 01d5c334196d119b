"""What a component sees of the cluster and may do to it.

A controller gets one View, in its own name: it reads the store as it stands now, and writes through the same path as
a user, each time saying why.
"""

from __future__ import annotations

import builtins
import random
from typing import TYPE_CHECKING, Any

from statelab.controlplane.apiserver.registry import pod_verbs
from statelab.controlplane.clock import Loop
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object
from statelab.controlplane.labels import Selector

if TYPE_CHECKING:
    from statelab.controlplane.apiserver.registry.resources import ApiServer
    from statelab.controlplane.apiserver.registry.served import ServedKinds
    from statelab.controlplane.events import Recorder
    from statelab.controlplane.signing import Authority


class View:
    """The cluster as `actor` sees it. Objects that are read must not be changed: copy first."""

    def __init__(self, actor: str, api: ApiServer, recorder: Recorder, loop: Loop, random: random.Random) -> None:
        self.actor = actor
        self.loop = loop
        self.random = random
        self._api = api
        self._recorder = recorder
        self.kept: dict[object, Any] = {}  # what controllers keep between passes (common/memory.py)

    @property
    def now_s(self) -> float:
        """Cluster time, seconds since the Unix epoch."""
        return self.loop.now_s

    # ---- reading

    def get(self, plural: str, key: str) -> Object | None:
        return self._api.store.get(plural, key)

    def list(self, plural: str, namespace: str = "", selector: Selector | None = None) -> builtins.list[Object]:
        found = self._api.store.list(plural, namespace)
        if selector is None:
            return found
        return [obj for obj in found if selector(obj["metadata"].get("labels") or {})]

    def written(self, plural: str) -> builtins.list[Object]:
        """As `list`, without default objects that nobody has looked at yet: those have no owners and own nothing."""
        return self._api.store.list(plural) if self.is_made(plural) else []

    def is_made(self, plural: str) -> bool:
        """Whether the objects that a new cluster has of a kind are not still to be made, when somebody looks."""
        return self._api.store.is_made(plural)

    def owned(self, plural: str, owner: Object) -> builtins.list[Object]:
        """The objects that `owner` controls, by uid."""
        return self._api.store.controlled_by(plural, owner["metadata"]["uid"])

    def orphans(self, plural: str, namespace: str) -> builtins.list[Object]:
        """The objects of a namespace that nothing controls: those that a controller may adopt."""
        return self._api.store.uncontrolled(plural, namespace)

    @property
    def kinds(self) -> ServedKinds:
        """Every kind that is served, custom ones too."""
        return self._api.kinds

    # ---- writing; each raises ApiError as a client would see it

    def create(self, plural: str, obj: Object, *, why: str) -> Object:
        namespace = obj["metadata"].get("namespace", "")
        return self._api.create(plural, namespace, obj, self._api.internal(self.actor, why))

    def update(self, plural: str, obj: Object, *, why: str) -> Object:
        """`obj` is a changed copy; a resourceVersion in it is checked."""
        return self._api.update(plural, obj, self._api.internal(self.actor, why))

    def update_status(self, plural: str, obj: Object, *, why: str) -> Object:
        """Write `obj`'s status. A write that changes nothing makes no revision."""
        return self._api.update(plural, obj, self._api.internal(self.actor, why), subresource="status")

    def finalize(self, namespace: Object, *, why: str) -> Object:
        """Write a Namespace's `spec.finalizers`, through its subresource."""
        return self._api.update("namespaces", namespace, self._api.internal(self.actor, why), subresource="finalize")

    def bind(self, pod: Object, node_name: str, *, why: str) -> Object:
        """The binding subresource: put a Pod on a node."""
        metadata = pod["metadata"]
        options = self._api.internal(self.actor, why)
        return pod_verbs.bind(
            self._api, metadata["namespace"], metadata["name"], node_name, options, uid=metadata["uid"]
        )

    def delete(
        self,
        plural: str,
        obj: Object,
        *,
        why: str,
        propagation: str | None = None,
        grace_period_s: int | None = None,
    ) -> None:
        """Delete this very object (its uid is a precondition); one that is gone already is no error."""
        metadata = obj["metadata"]
        options: Object = {"preconditions": {"uid": metadata["uid"]}}
        if propagation is not None:
            options["propagationPolicy"] = propagation
        if grace_period_s is not None:
            options["gracePeriodSeconds"] = grace_period_s
        try:
            self._api.delete(
                plural, metadata.get("namespace", ""), metadata["name"], options, self._api.internal(self.actor, why)
            )
        except ApiError as error:
            if error.code != 404:
                raise

    @property
    def authority(self) -> Authority:
        """What signs certificates in the cluster's name."""
        return self._api.authority

    # ---- tokens

    def legacy_token(self, account: Object, secret: Object) -> str:
        """The token that a Secret of type kubernetes.io/service-account-token is to hold."""
        return self._api.tokens.legacy(account, secret)

    def pod_token(self, pod: Object, expires_in_s: int, audience: str = "") -> str:
        """A token of a Pod's ServiceAccount that ends with the Pod, or sooner. Raises KeyError without an account."""
        metadata, spec = pod["metadata"], pod["spec"]
        account = self.get("serviceaccounts", f"{metadata['namespace']}/{spec.get('serviceAccountName') or 'default'}")
        if account is None:
            raise KeyError(spec.get("serviceAccountName") or "default")
        audiences = (audience,) if audience else ()
        node = self.get("nodes", spec.get("nodeName", ""))
        return self._api.tokens.issue(account, self.now_s, expires_in_s, audiences, bound_to=pod, node=node)

    def preempt(self, pod: Object, *, why: str) -> None:
        """Delete a Pod that makes room for a more important one, with the condition that tells it from a failure."""
        metadata = pod["metadata"]
        pod_verbs.preempt(self._api, metadata["namespace"], metadata["name"], self._api.internal(self.actor, why))

    def event(
        self,
        obj: Object,
        reason: str,
        message: str,
        *,
        type: str = "Normal",
        component: str | None = None,
        field_path: str = "",
    ) -> None:
        """Record a v1 Event about `obj` (or the part of it at `field_path`), correlated as client-go does."""
        self._recorder.record(obj, kind_of_object(obj), reason, message, type, component or self.actor, field_path)


def kind_of_object(obj: Object) -> tuple[str, str]:
    """`(apiVersion, kind)` for an event's involvedObject."""
    return obj["apiVersion"], obj["kind"]
