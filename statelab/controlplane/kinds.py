"""The kinds this API server serves: one row each, the one home of a kind's names.

Everything else about a kind (fields, types, patch keys) comes from the OpenAPI definition named here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

Object = dict[str, Any]  # an API object; never mutated once it is in the store
Objects = list[Object]


@dataclass(frozen=True, slots=True)
class Kind:
    """One served kind. `definition` names its OpenAPI definition, `subresources` what is served below an object."""

    group: str
    version: str
    name: str  # "StatefulSet"
    plural: str  # "statefulsets": unique among the served kinds, so it serves as the key everywhere
    short_names: tuple[str, ...] = ()
    namespaced: bool = True
    subresources: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()  # "all": `kubectl get all` lists it
    delete_collection: bool = True  # many can be deleted at once
    returns_deleted: bool = False  # a deletion answers with the object itself (ReturnDeletedObject)
    created_by_update: bool = False  # an update creates what is not there (AllowCreateOnUpdate)
    needs_resource_version: bool = False  # an update must name it (AllowUnconditionalUpdate is false)
    orphans_dependents: bool = False  # a deletion that says nothing leaves them (DefaultGarbageCollectionPolicy)

    custom: Any = field(default=None, compare=False, repr=False)  # what a definition says of it (apiserver/custom)

    @property
    def resource(self) -> str:
        """As it stands in a path: the plural. A custom kind's `plural`, its key, has the group behind it."""
        return self.plural if self.custom is None else str(self.custom.names["plural"])

    @property
    def list_name(self) -> str:
        return f"{self.name}List" if self.custom is None else str(self.custom.names["listKind"])

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def singular(self) -> str:
        return self.name.lower() if self.custom is None else str(self.custom.names["singular"])

    @property
    def qualified(self) -> str:
        """As the API server names it in messages: `StatefulSet.apps`, `Pod`."""
        return f"{self.name}.{self.group}" if self.group else self.name

    @property
    def group_resource(self) -> str:
        """As in "not found" messages: `statefulsets.apps`, `pods`."""
        return f"{self.resource}.{self.group}" if self.group else self.resource

    @property
    def definition(self) -> str:
        return f"{_SERVERS.get(self.group, 'io.k8s.api')}.{self.package}.{self.version}.{self.name}"

    @property
    def package(self) -> str:
        """Where Go keeps the group: `core`, `apps`, `rbac`."""
        return self.group.partition(".")[0] or "core"


_SERVERS = {  # groups whose types are not in k8s.io/api
    "apiextensions.k8s.io": "io.k8s.apiextensions-apiserver.pkg.apis",
    "apiregistration.k8s.io": "io.k8s.kube-aggregator.pkg.apis",
}
_ALL = ("all",)
_STATUS = ("status",)
_SCALED = ("status", "scale")

KINDS: dict[str, Kind] = {
    kind.plural: kind
    for kind in (
        Kind(
            "",
            "v1",
            "Namespace",
            "namespaces",
            ("ns",),
            namespaced=False,
            subresources=("status", "finalize"),
            delete_collection=False,
        ),
        Kind("", "v1", "Node", "nodes", ("no",), namespaced=False, subresources=_STATUS),
        Kind(
            "",
            "v1",
            "PersistentVolume",
            "persistentvolumes",
            ("pv",),
            namespaced=False,
            subresources=_STATUS,
            returns_deleted=True,
        ),
        Kind("", "v1", "ConfigMap", "configmaps", ("cm",)),
        Kind("", "v1", "Endpoints", "endpoints", ("ep",), created_by_update=True),
        Kind("", "v1", "Event", "events", ("ev",), created_by_update=True),
        Kind(
            "",
            "v1",
            "PersistentVolumeClaim",
            "persistentvolumeclaims",
            ("pvc",),
            subresources=_STATUS,
            returns_deleted=True,
        ),
        Kind(
            "",
            "v1",
            "Pod",
            "pods",
            ("po",),
            categories=_ALL,
            returns_deleted=True,
            subresources=(
                "status",
                "log",
                "exec",
                "attach",
                "portforward",
                "eviction",
                "binding",
                "ephemeralcontainers",
                "resize",
            ),
        ),
        Kind("", "v1", "LimitRange", "limitranges", ("limits",)),
        Kind("", "v1", "PodTemplate", "podtemplates", returns_deleted=True),
        Kind(
            "",
            "v1",
            "ReplicationController",
            "replicationcontrollers",
            ("rc",),
            subresources=_SCALED,
            categories=_ALL,
            orphans_dependents=True,
        ),
        Kind("", "v1", "ResourceQuota", "resourcequotas", ("quota",), subresources=_STATUS, returns_deleted=True),
        Kind("", "v1", "Secret", "secrets"),
        Kind("", "v1", "Service", "services", ("svc",), subresources=_STATUS, categories=_ALL, returns_deleted=True),
        Kind("", "v1", "ServiceAccount", "serviceaccounts", ("sa",), subresources=("token",), returns_deleted=True),
        Kind(
            "apiextensions.k8s.io",
            "v1",
            "CustomResourceDefinition",
            "customresourcedefinitions",
            ("crd", "crds"),
            namespaced=False,
            subresources=_STATUS,
            categories=("api-extensions",),
            returns_deleted=False,
            needs_resource_version=True,
        ),
        Kind(
            "apiregistration.k8s.io",
            "v1",
            "APIService",
            "apiservices",
            namespaced=False,
            subresources=_STATUS,
            categories=("api-extensions",),
            needs_resource_version=True,
        ),
        *(
            Kind(
                "admissionregistration.k8s.io",
                "v1",
                name,
                plural,
                namespaced=False,
                subresources=subresources,
                categories=("api-extensions",),
                needs_resource_version=True,
            )
            for name, plural, subresources in (
                ("MutatingAdmissionPolicy", "mutatingadmissionpolicies", ()),
                ("MutatingAdmissionPolicyBinding", "mutatingadmissionpolicybindings", ()),
                ("MutatingWebhookConfiguration", "mutatingwebhookconfigurations", ()),
                ("ValidatingAdmissionPolicy", "validatingadmissionpolicies", _STATUS),
                ("ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", ()),
                ("ValidatingWebhookConfiguration", "validatingwebhookconfigurations", ()),
            )
        ),
        Kind("apps", "v1", "ControllerRevision", "controllerrevisions"),
        Kind("apps", "v1", "DaemonSet", "daemonsets", ("ds",), subresources=_STATUS, categories=_ALL),
        Kind("apps", "v1", "Deployment", "deployments", ("deploy",), subresources=_SCALED, categories=_ALL),
        Kind("apps", "v1", "ReplicaSet", "replicasets", ("rs",), subresources=_SCALED, categories=_ALL),
        Kind("apps", "v1", "StatefulSet", "statefulsets", ("sts",), subresources=_SCALED, categories=_ALL),
        Kind(
            "autoscaling",
            "v2",
            "HorizontalPodAutoscaler",
            "horizontalpodautoscalers",
            ("hpa",),
            subresources=_STATUS,
            categories=_ALL,
        ),
        Kind("batch", "v1", "CronJob", "cronjobs", ("cj",), subresources=_STATUS, categories=_ALL),
        Kind("batch", "v1", "Job", "jobs", subresources=_STATUS, categories=_ALL, orphans_dependents=True),
        Kind(
            "certificates.k8s.io",
            "v1",
            "CertificateSigningRequest",
            "certificatesigningrequests",
            ("csr",),
            namespaced=False,
            subresources=("approval", "status"),
        ),
        Kind("coordination.k8s.io", "v1", "Lease", "leases", created_by_update=True),
        Kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices"),
        Kind("flowcontrol.apiserver.k8s.io", "v1", "FlowSchema", "flowschemas", namespaced=False, subresources=_STATUS),
        Kind(
            "flowcontrol.apiserver.k8s.io",
            "v1",
            "PriorityLevelConfiguration",
            "prioritylevelconfigurations",
            namespaced=False,
            subresources=_STATUS,
        ),
        Kind("networking.k8s.io", "v1", "IngressClass", "ingressclasses", namespaced=False),
        Kind("networking.k8s.io", "v1", "Ingress", "ingresses", ("ing",), subresources=_STATUS),
        Kind("networking.k8s.io", "v1", "IPAddress", "ipaddresses", ("ip",), namespaced=False),
        Kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", ("netpol",)),
        Kind("networking.k8s.io", "v1", "ServiceCIDR", "servicecidrs", namespaced=False, subresources=_STATUS),
        Kind("node.k8s.io", "v1", "RuntimeClass", "runtimeclasses", namespaced=False),
        Kind(
            "policy",
            "v1",
            "PodDisruptionBudget",
            "poddisruptionbudgets",
            ("pdb",),
            subresources=_STATUS,
            needs_resource_version=True,
        ),
        Kind("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", namespaced=False),
        Kind("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False),
        Kind("rbac.authorization.k8s.io", "v1", "Role", "roles"),
        Kind("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings"),
        Kind("resource.k8s.io", "v1", "DeviceClass", "deviceclasses", namespaced=False, returns_deleted=True),
        Kind("resource.k8s.io", "v1", "ResourceClaim", "resourceclaims", subresources=_STATUS, returns_deleted=True),
        Kind("resource.k8s.io", "v1", "ResourceClaimTemplate", "resourceclaimtemplates", returns_deleted=True),
        Kind("resource.k8s.io", "v1", "ResourceSlice", "resourceslices", namespaced=False, returns_deleted=True),
        Kind("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", ("pc",), namespaced=False),
        Kind("storage.k8s.io", "v1", "CSIDriver", "csidrivers", namespaced=False, returns_deleted=True),
        Kind("storage.k8s.io", "v1", "CSINode", "csinodes", namespaced=False, returns_deleted=True),
        Kind("storage.k8s.io", "v1", "CSIStorageCapacity", "csistoragecapacities"),
        Kind("storage.k8s.io", "v1", "StorageClass", "storageclasses", ("sc",), namespaced=False),
        Kind(
            "storage.k8s.io",
            "v1",
            "VolumeAttachment",
            "volumeattachments",
            namespaced=False,
            subresources=_STATUS,
            returns_deleted=True,
        ),
        Kind("storage.k8s.io", "v1", "VolumeAttributesClass", "volumeattributesclasses", ("vac",), namespaced=False),
    )
}

# What a client may ask about users and their rights: posted and answered, never stored (apiserver/serving/reviews.py).
REVIEWS: dict[str, Kind] = {
    kind.plural: kind
    for kind in (
        Kind("authorization.k8s.io", "v1", "LocalSubjectAccessReview", "localsubjectaccessreviews"),
        Kind("authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", namespaced=False),
        Kind("authorization.k8s.io", "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", namespaced=False),
        Kind("authorization.k8s.io", "v1", "SubjectAccessReview", "subjectaccessreviews", namespaced=False),
        Kind("authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews", namespaced=False),
        Kind("authentication.k8s.io", "v1", "TokenReview", "tokenreviews", namespaced=False),
    )
}

# Older versions that the scheme still reads, by kind. They are decoded, and then refused for not being what the address
# says.
OLD_VERSIONS: dict[str, tuple[str, ...]] = {
    "ControllerRevision": ("apps/v1beta1", "apps/v1beta2"),
    "CronJob": ("batch/v1beta1",),
    "DaemonSet": ("apps/v1beta2", "extensions/v1beta1"),
    "Deployment": ("apps/v1beta1", "apps/v1beta2", "extensions/v1beta1"),
    "EndpointSlice": ("discovery.k8s.io/v1beta1",),
    "Event": ("events.k8s.io/v1", "events.k8s.io/v1beta1"),
    "PodDisruptionBudget": ("policy/v1beta1",),
    "PriorityClass": ("scheduling.k8s.io/v1alpha1", "scheduling.k8s.io/v1beta1"),
    "ReplicaSet": ("apps/v1beta2", "extensions/v1beta1"),
    "StatefulSet": ("apps/v1beta1", "apps/v1beta2"),
    "StorageClass": ("storage.k8s.io/v1beta1",),
}

# Kinds that are served in another version too, by API version and plural (apiserver/serving/other_versions.py).
OTHER_VERSIONS: dict[tuple[str, str], Kind] = {
    ("autoscaling/v1", "horizontalpodautoscalers"): replace(KINDS["horizontalpodautoscalers"], version="v1"),
    ("events.k8s.io/v1", "events"): replace(KINDS["events"], group="events.k8s.io"),
}

# What can be made or read and is not stored (apiserver/serving/oldest.py).
UNSTORED: dict[str, Kind] = {
    kind.plural: kind
    for kind in (
        Kind("", "v1", "Binding", "bindings"),
        Kind("", "v1", "ComponentStatus", "componentstatuses", ("cs",), namespaced=False),
    )
}

BY_GROUP_VERSION_KIND: dict[tuple[str, str], Kind] = {(kind.api_version, kind.name): kind for kind in KINDS.values()}


def kind_of(obj: Object) -> Kind:
    """The served kind of an object that carries apiVersion and kind. Raises KeyError where it is not served."""
    return BY_GROUP_VERSION_KIND[obj["apiVersion"], obj["kind"]]


def group_resource_of(plural: str) -> str:
    """`statefulsets.apps`; of a custom kind, the name of its definition, which is that already."""
    return KINDS[plural].group_resource if plural in KINDS else plural


def singular_of(plural: str) -> str:
    """A kind's name in messages of ours: `pod`; of a custom kind its plural without the group."""
    return KINDS[plural].singular if plural in KINDS else plural.partition(".")[0]


def key_of(obj: Object) -> str:
    """`namespace/name`, or `name` for what has no namespace: how the store and every controller name an object."""
    metadata = obj["metadata"]
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata['name']}" if namespace else str(metadata["name"])


def split_key(key: str) -> tuple[str, str]:
    """`("namespace", "name")`; the namespace is "" for what has none."""
    namespace, _, name = key.rpartition("/")
    return namespace, name


def uid_of(*words: object) -> str:
    """A UUID that belongs to some words: for what is made when somebody looks, and must be the same each time."""
    bits = hashlib.sha256("/".join(map(str, words)).encode()).hexdigest()
    return f"{bits[:8]}-{bits[8:12]}-4{bits[13:16]}-8{bits[17:20]}-{bits[20:32]}"
