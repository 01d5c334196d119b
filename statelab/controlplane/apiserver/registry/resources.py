"""The verbs of kube-apiserver on decoded objects: create, get, list, update, patch, delete and their subresources.

HTTP (handler.py) and the control plane's own components (view.py) both come through here, so a controller's write is
defaulted, admitted and validated exactly as a user's is. Source: apiserver/pkg/registry/generic/registry/store.go and
pkg/registry/rest.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from statelab.controlplane import errors
from statelab.controlplane.apiserver import validation
from statelab.controlplane.apiserver.authentication.tokens import Tokens
from statelab.controlplane.apiserver.authorization import rbac
from statelab.controlplane.apiserver.authorization.authorizer import Authorizer
from statelab.controlplane.apiserver.authorization.nodes import node_of
from statelab.controlplane.apiserver.encoding import strict
from statelab.controlplane.apiserver.patch import apply, patching
from statelab.controlplane.apiserver.registry import (
    admission,
    certificates,
    defaults,
    deletion,
    naming,
    node_restriction,
    placing,
    strategy,
    updating,
)
from statelab.controlplane.apiserver.registry.conversion import Converter
from statelab.controlplane.apiserver.registry.copying import fresh, sharing
from statelab.controlplane.apiserver.registry.policies import Policies
from statelab.controlplane.apiserver.registry.policies.request import Operation as Asking
from statelab.controlplane.apiserver.registry.scale import scale_of, with_scale
from statelab.controlplane.apiserver.registry.served import ServedKinds
from statelab.controlplane.apiserver.registry.writing import Operation, WriteOptions
from statelab.controlplane.apiserver.validation import pods_resize, pods_update
from statelab.controlplane.apiserver.validation.certificates import update_approval
from statelab.controlplane.apiserver.validation.fields import Errors
from statelab.controlplane.clock import Loop, timestamp
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import KINDS, Kind, Object, Objects
from statelab.controlplane.p256 import Key
from statelab.controlplane.signing import Authority
from statelab.controlplane.store import Cause, Store
from statelab.controlplane.users import ADMIN

EPHEMERAL, RESIZE = "ephemeralcontainers", "resize"
# Subresources that change a part of a Pod: what of the wanted one is taken, and what may be wrong with that.
_PARTS_OF_PODS: dict[str, tuple[Callable[[Object, Object], Object], Callable[[Object, Object], Errors]]] = {
    EPHEMERAL: (placing.with_ephemeral_containers, pods_update.update_ephemeral),
    RESIZE: (placing.resized, pods_resize.update),
}


class ApiServer:
    """The API server's verbs over one store. `key` signs the tokens of ServiceAccounts."""

    def __init__(self, store: Store, loop: Loop, random: random.Random, key: Key | None = None) -> None:
        self.store = store
        self.kinds = ServedKinds(store)
        self.loop = loop
        self.random = random
        self.authorizer = Authorizer(self)
        self.policies = Policies(store, self, self.new_uid)
        self.kinds.by_webhook = Converter(lambda: self.policies.call, self.new_uid).convert
        key = key or Key.of_seed("nobody reaches this cluster")
        self.tokens = Tokens(self, key)
        self.authority = Authority(key)
        for plural in rbac.KINDS:
            store.subscribe(lambda revision: self.authorizer.rbac.forget(), plural)
        # The disruption controller's word on a Pod (and whether it is a dry run); raises ApiError 429.
        self.may_evict: Callable[[Object, bool], None] = lambda pod, dry_run: None
        # The same controller counts again at once, so that the next eviction is told how many Pods are left.
        self.evicted: Callable[[Object], None] = lambda pod: None

    def internal(self, actor: str, why: str) -> WriteOptions:
        """Options for a write by a component of the control plane."""
        return WriteOptions(Cause(actor, why), internal=True, field_manager=actor.partition("/")[0])

    # ---- reading: what admission and the verbs need; handler.py lists and watches through listing.py and watch.py

    def get(self, plural: str, key: str) -> Object | None:
        return self.store.get(plural, key)

    def list(self, plural: str, namespace: str = "") -> Objects:
        return self.store.list(plural, namespace)

    def read(self, plural: str, namespace: str, name: str, subresource: str | None = None) -> Object:
        """One object, or its Scale. Raises ApiError 404."""
        obj = self.must_get(self.kinds[plural], namespace, name)
        return scale_of(obj, self.kinds[plural], must_say=True) if subresource == "scale" else obj

    def must_get(self, kind: Kind, namespace: str, name: str) -> Object:
        obj = self._stored(kind, namespace, name)
        if obj is None:
            raise errors.not_found(kind, name)
        return obj

    def _stored(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """An object in the version that is stored now; of a custom kind, it may have been written in another."""
        obj = self.store.get(kind.plural, key_of(namespace, name))
        if obj is not None and kind.custom is not None:
            converted: Object = kind.custom.converted(obj, kind.api_version)
            return converted
        return obj

    # ---- create

    def create(
        self, plural: str, namespace: str, body: Object, options: WriteOptions, operation: Operation = "Update"
    ) -> Object:
        kind = self.kinds[plural]
        obj = fresh(body) if options.internal else body
        obj["apiVersion"], obj["kind"] = kind.api_version, kind.name
        metadata: Object = obj.setdefault("metadata", {})
        self._check_namespace(kind, metadata, namespace)
        version = metadata.pop("resourceVersion", "")
        defaults.apply(kind, obj)
        if kind.plural == certificates.PLURAL:
            certificates.of_user(obj, options.user or ADMIN)
        if kind.namespaced:
            admission.check_namespace_lives(self, kind, obj)
        if not options.internal or plural in _ADMITTED_FROM_COMPONENTS:
            admission.mutate(plural, obj, "CREATE", None, self, dry_run=options.dry_run)
        if self.policies.mutates:
            obj = self.policies.mutated(kind, "CREATE", obj, None, options)
            metadata = obj["metadata"]
        if options.user is not None and plural in rbac.KINDS:
            self.authorizer.check_grant(options.user, kind, obj)
        self._set_system_fields(metadata)
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = naming.generated(
                metadata["generateName"],
                self.random,
                lambda name: self.store.get(plural, key_of(metadata.get("namespace", ""), name)) is not None,
            )
        strategy.prepare_create(kind, obj)  # a Job's labels hold its name
        findings = validation.create(kind, obj)
        if findings:
            raise errors.invalid(kind, metadata.get("name", ""), findings)
        if not options.internal:
            options.warnings.extend(validation.warnings_of(kind, obj))
        if kind.plural == certificates.PLURAL:
            certificates.check_subject(obj)
        self.ask(kind, "CREATE", obj, None, options)
        options.warnings.extend(admission.check(plural, obj, "CREATE", None, self))
        strategy.finish(kind, obj)
        if version.isdigit() and int(version) and not options.dry_run:  # storage says this, and gives no reason
            raise errors.ApiError(500, "", "resourceVersion should not be set on objects to be created")
        there = self.store.get(plural, key_of(metadata.get("namespace", ""), metadata["name"]))
        if there is not None:
            goes = bool(there["metadata"].get("deletionTimestamp"))
            raise errors.already_exists(kind, metadata["name"], goes=goes)
        if operation == "Update":
            self._track(kind, obj, None, options, operation, "")
        if options.dry_run:
            return obj
        if options.internal and "spec" in obj:
            obj["spec"] = sharing(obj["spec"], body.get("spec"))  # of a Pod, most is its template's
        return self.store.create(
            plural, key_of(metadata.get("namespace", ""), metadata["name"]), obj, options.cause, self.loop.now_s
        )

    def _check_namespace(self, kind: Kind, metadata: Object, namespace: str) -> None:
        if not kind.namespaced:
            metadata.pop("namespace", None)
            return
        if metadata.get("namespace") not in (None, "", namespace):
            raise errors.bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        metadata["namespace"] = namespace

    def _set_system_fields(self, metadata: Object) -> None:
        for name in ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"):
            metadata.pop(name, None)
        metadata["uid"] = self.new_uid()
        metadata["creationTimestamp"] = timestamp(self.loop.now_s)

    def new_uid(self) -> str:
        """A UUID from the cluster's own random numbers."""
        return naming.new_uid(self.random)

    # ---- update

    def update(self, plural: str, body: Object, options: WriteOptions, subresource: str | None = None) -> Object:
        """Replace an object, or with `subresource` "status", "scale" or "finalize" a part of it."""
        kind = self.kinds[plural]
        metadata = body["metadata"]
        namespace = metadata.get("namespace", "") if kind.namespaced else ""
        old = self._stored(kind, namespace, metadata["name"])
        if old is None:
            if kind.created_by_update and subresource is None:
                return self.create(plural, namespace, body, options)
            raise errors.not_found(kind, metadata["name"])
        if subresource == "scale":
            return self._replace_scale(kind, body, old, options)
        return self._replace(kind, body, old, options, subresource)

    def _replace_scale(
        self, kind: Kind, scale: Object, old: Object, options: WriteOptions, operation: Operation = "Update"
    ) -> Object:
        wanted = strict.check_definition(scale, patching.schema_name(kind, "scale"))
        return scale_of(
            self._replace(kind, with_scale(old, wanted, kind), old, options, None, operation, via="scale"), kind
        )

    def _replace(
        self,
        kind: Kind,
        body: Object,
        old: Object,
        options: WriteOptions,
        subresource: str | None,
        operation: Operation = "Update",
        *,
        via: str = "",
    ) -> Object:
        updating.check_version(kind, body, old)
        obj = updating.merged(body, old, subresource, is_internal=options.internal)
        metadata = obj["metadata"]
        if subresource == "finalize":
            obj = {**obj, "spec": body.get("spec") or {}}
        elif subresource == "status":
            if not options.internal:
                defaults.apply(kind, obj)
            if self.policies.mutates:
                obj = self.policies.mutated(kind, "UPDATE", obj, old, options, subresource)
                metadata = obj["metadata"]
            strategy.prepare_status_update(kind, obj, old)
            if kind.plural == certificates.PLURAL:
                self._decide("sign", obj, old, options)
            findings = validation.update_status(kind, obj, old)
            if findings:
                raise errors.invalid(kind, metadata["name"], findings)
        elif subresource == "approval":
            obj = certificates.approved(obj, old)
            self._decide("approve", obj, old, options)
            findings = update_approval(obj, old)
            if findings:
                raise errors.invalid(kind, metadata["name"], findings)
        else:
            part = _PARTS_OF_PODS.get(subresource or "")
            if part is not None:
                obj = part[0](old, obj)
                metadata = obj["metadata"]
            defaults.apply(kind, obj)
            if not options.internal or kind.plural in _ADMITTED_FROM_COMPONENTS:
                admission.mutate(kind.plural, obj, "UPDATE", old, self, dry_run=options.dry_run)
            if self.policies.mutates and not via:
                obj = self.policies.mutated(kind, "UPDATE", obj, old, options, subresource or "")
                metadata = obj["metadata"]
            if options.user is not None and kind.plural in rbac.KINDS and not updating.only_for_garbage(obj, old):
                self.authorizer.check_grant(options.user, kind, obj)
            strategy.prepare_update(kind, obj, old)
            findings = part[1](obj, old) if part is not None else validation.update(kind, obj, old)
            if findings:
                raise errors.invalid(kind, metadata["name"], findings)
            if not options.internal:
                options.warnings.extend(validation.warnings_of(kind, obj, old))
        if via == "scale":
            about = {"about": metadata, "object_kind": ("autoscaling", "v1", "Scale")}
            self.ask(kind, "UPDATE", scale_of(obj, kind), scale_of(old, kind), options, via, **about)
        else:
            self.ask(kind, "UPDATE", obj, old, options, subresource or "")
        if subresource not in ("finalize", "status", "approval"):
            options.warnings.extend(admission.check(kind.plural, obj, "UPDATE", old, self))
        metadata["resourceVersion"] = old["metadata"]["resourceVersion"]
        if operation == "Update" or via:  # an apply patch has said itself who owns what
            self._track(kind, obj, old, options, operation, via or subresource or "")
        return self._commit_update(kind, obj, old, options)

    def _decide(self, verb: str, obj: Object, old: Object, options: WriteOptions) -> None:
        """Whether somebody may approve or sign a request for a certificate; since when is said. Raises ApiError."""
        if not options.internal:
            certificates.check_signer(self.authorizer, options.user or ADMIN, verb, obj, old)
        certificates.stamp(obj, timestamp(self.loop.now_s))

    def ask(
        self,
        kind: Kind,
        operation: Asking,
        obj: Object | None,
        old: Object | None,
        options: WriteOptions,
        subresource: str = "",
        **more: Any,
    ) -> None:
        """Whether a node keeps to its own, and what people have defined (`more`: Policies.asked). Raises ApiError."""
        if not options.internal and options.user is not None and (node := node_of(options.user)) is not None:
            written, there = obj, old
            if subresource == "eviction":
                about = more["about"]
                written, there = None, self.get("pods", key_of(about["namespace"], about["name"]))
            node_restriction.check(node, kind, operation, written, there, subresource)
        self.policies.ask(kind, operation, obj, old, options, subresource, **more)

    def _commit_update(self, kind: Kind, obj: Object, old: Object, options: WriteOptions) -> Object:
        if obj == old or apply.only_times_differ(obj, old):
            return old  # nothing changed: no revision, as etcd3's GuaranteedUpdate
        if options.dry_run:
            return obj
        obj = sharing(obj, old)
        metadata = obj["metadata"] = dict(obj["metadata"])
        key = key_of(metadata.get("namespace", ""), metadata["name"])
        if deletion.is_finished(kind.plural, obj):
            return self.store.delete(kind.plural, key, options.cause, self.loop.now_s, last=obj)
        return self.store.update(kind.plural, key, obj, options.cause, self.loop.now_s)

    def _track(
        self,
        kind: Kind,
        obj: Object,
        old: Object | None,
        options: WriteOptions,
        operation: Operation,
        subresource: str,
    ) -> None:
        if options.internal:
            return  # components own their fields by definition; entries are kept for people and their tools
        entries = apply.track(kind, old, obj, options.field_manager, operation, subresource, timestamp(self.loop.now_s))
        if entries:
            obj["metadata"]["managedFields"] = entries

    # ---- patch

    def patch(
        self,
        plural: str,
        namespace: str,
        name: str,
        patch_type: str,
        body: Any,
        options: WriteOptions,
        subresource: str | None = None,
        asked_as: Kind | None = None,
    ) -> tuple[Object, bool]:
        """Apply a patch: "json", "merge", "strategic" or "apply". Returns the object, and whether it was created.

        `asked_as`: the kind in the version that the patch speaks of, where a webhook makes it of what is stored.
        """
        kind = self.kinds[plural]
        if asked_as is not None and subresource != "scale":
            return self._patch_converted(kind, asked_as, namespace, name, patch_type, body, options, subresource)
        if patch_type == "apply":
            return self._server_side_apply(kind, namespace, name, body, options, subresource)
        old = self.must_get(kind, namespace, name)
        before = scale_of(old, kind) if subresource == "scale" else old
        obj = patching.patched(kind, before, patch_type, body, subresource)
        if subresource == "scale":
            return self._replace_scale(kind, obj, old, options), False
        try:
            obj, warnings = strict.check(obj, kind, options.field_validation)
        except ApiError as refusal:
            raise patching.refused(patch_type, body, obj, refusal) from None
        options.warnings.extend(warnings)
        return self._replace(kind, obj, old, options, subresource), False

    def _patch_converted(
        self,
        kind: Kind,
        asked_as: Kind,
        namespace: str,
        name: str,
        patch_type: str,
        body: Any,
        options: WriteOptions,
        subresource: str | None,
    ) -> tuple[Object, bool]:
        """Patch an object in a version that a webhook makes: there and back again."""
        if patch_type == "apply":
            why = "server-side apply in a version that a webhook converts: apply in the stored one, or try kind"
            raise errors.bad_request(f"StateLab does not simulate {why}")
        old = self.must_get(kind, namespace, name)
        before = asked_as.custom.converted(old, asked_as.api_version)
        obj = patching.patched(asked_as, before, patch_type, body, subresource)
        obj, warnings = strict.check(obj, asked_as, options.field_validation)
        options.warnings.extend(warnings)
        return self._replace(kind, asked_as.custom.converted(obj, kind.api_version), old, options, subresource), False

    def _server_side_apply(
        self, kind: Kind, namespace: str, name: str, body: Object, options: WriteOptions, subresource: str | None
    ) -> tuple[Object, bool]:
        old = self._stored(kind, namespace, name)
        now = timestamp(self.loop.now_s)
        if old is None and subresource:
            raise errors.not_found(kind, name)
        if subresource == "scale":
            assert old is not None
            return self._replace_scale(kind, body, old, options, "Apply"), False
        applied = apply.apply_patch(kind, old, body, options.field_manager, options.force, now, subresource or "")
        obj, warnings = strict.check(applied, kind, options.field_validation)
        options.warnings.extend(warnings)
        patching.check_applied_name(obj, name, namespace)
        if old is None:
            self._check_namespace(kind, obj["metadata"], namespace)
            if obj["metadata"].pop("uid", None):
                raise errors.conflict(
                    kind, name, "uid mismatch: the provided object specified uid, and no existing object was found"
                )
            created = self.create(kind.plural, namespace, obj, replace(options, internal=False), "Apply")
            return created, True
        return self._replace(kind, obj, old, options, subresource, operation="Apply"), False

    # ---- delete

    def delete(
        self, plural: str, namespace: str, name: str, delete_options: Object | None, options: WriteOptions
    ) -> tuple[Object, bool]:
        """Delete, now or when grace and finalizers allow. Returns what to answer, and whether the object is gone."""
        kind = self.kinds[plural]
        admission.check_delete(plural, name)
        old = self.must_get(kind, namespace, name)
        wanted = deletion.Wanted.from_options(kind, delete_options or {})
        wanted.check_preconditions(kind, old)
        if not options.admitted:
            self.ask(kind, "DELETE", None, old, options, said=delete_options)
        doubt = validation.rules_of(kind).delete_warning
        if doubt and wanted.propagation is None and not options.internal and doubt not in options.warnings:
            options.warnings.append(doubt)
        obj = deletion.mark(kind, old, wanted, self.loop.now_s)
        key = key_of(namespace, name)
        if obj is old:
            return old, False  # being deleted already, and nothing about it changes
        if deletion.is_finished(plural, obj):
            if not options.dry_run:
                if plural == "pods" and "deletionTimestamp" not in old["metadata"]:
                    old = obj = self.store.update(plural, key, obj, options.cause, self.loop.now_s)
                obj = self.store.delete(plural, key, options.cause, self.loop.now_s, last=updating.unmarked(obj, old))
            return (obj if kind.returns_deleted else deletion.success(kind, old)), True
        if not options.dry_run:
            obj = self.store.update(plural, key, obj, options.cause, self.loop.now_s)
        return obj, False

    # ---- eviction; what else only Pods have is in pod_verbs.py

    def evict(self, namespace: str, name: str, eviction: Object, options: WriteOptions) -> Object:
        """POST pods/NAME/eviction: delete the Pod if its disruption budgets allow it. Raises ApiError 429 if not."""
        kind = KINDS["pods"]
        pod = self.must_get(kind, namespace, name)
        wanted = dict(eviction.get("deleteOptions") or {})
        options = replace(options, dry_run=options.dry_run or bool(wanted.get("dryRun")), admitted=True)
        about = {"about": pod["metadata"], "object_kind": ("policy", "v1", "Eviction")}
        self.ask(kind, "CREATE", eviction, None, options, "eviction", **about)
        is_running = pod.get("status", {}).get("phase") not in ("Pending", "Succeeded", "Failed")
        if is_running and not pod["metadata"].get("deletionTimestamp"):  # canIgnorePDB
            self.may_evict(pod, options.dry_run)
            if not options.dry_run:
                changed = placing.disrupted(pod, timestamp(self.loop.now_s))
                self.update("pods", changed, replace(options, internal=True), subresource="status")
        self.delete("pods", namespace, name, wanted, options)
        if not options.dry_run:
            self.evicted(pod)
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


# Writes by components that a mutating admission plugin must still see: the service account, the default class, the VIP.
_ADMITTED_FROM_COMPONENTS = {"pods", "persistentvolumeclaims", "persistentvolumes", "services"}


def key_of(namespace: str, name: str) -> str:
    return f"{namespace}/{name}" if namespace else name
