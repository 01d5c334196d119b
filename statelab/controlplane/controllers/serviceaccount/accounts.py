"""What every namespace comes with: the ServiceAccount `default` and the ConfigMap `kube-root-ca.crt`.

Source: pkg/controller/serviceaccount/serviceaccounts_controller.go, pkg/controller/certificates/rootcacertpublisher.
"""

from __future__ import annotations

from collections.abc import Iterable

from statelab.controlplane.errors import ApiError
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

ROOT_CA = "kube-root-ca.crt"
_DEFAULT = "default"
_DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)
# A certificate nobody has the key of: nothing in this cluster speaks TLS, but Pods expect the file.
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBgDCCASegAwIBAgIUPhLq9gjoFanj3Yvq6jbQPzWXQ6MwCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKa3ViZXJuZXRlczAgFw0yNjExMjMwNzAxNDhaGA8yMTI2MTAz
MDA3MDE0OFowFTETMBEGA1UEAwwKa3ViZXJuZXRlczBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABEyov/V7dGc2Szasr5ggYCdGLsQV4Qle98AP+9uXi46R/y8qePvX
idreMeR0swZfiAzMTZ7UnF/d6Z0mICCn5CmjUzBRMB0GA1UdDgQWBBR3ssEnsae/
NjpehiwJvGHgyiPbYzAfBgNVHSMEGDAWgBR3ssEnsae/NjpehiwJvGHgyiPbYzAP
BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCIEq9tAai132HHZ7JjHjs
SoMtacqIHpUp4BKmoEAc8N6kAiB9JL3rVFbxXo5/Du/21EX1NVpVP9QKECvXlwY1
2KWTYA==
-----END CERTIFICATE-----
"""


def reconcile_account(namespace: str, view: View) -> float | None:
    """Create the ServiceAccount `default` of one namespace if it is missing."""
    if _is_active(namespace, view) and view.get("serviceaccounts", f"{namespace}/{_DEFAULT}") is None:
        _create("serviceaccounts", {"metadata": {"name": _DEFAULT, "namespace": namespace}}, view)
    return None


def reconcile_certificate(namespace: str, view: View) -> float | None:
    """Make the ConfigMap `kube-root-ca.crt` of one namespace hold the cluster's certificate."""
    if not _is_active(namespace, view):
        return None
    data = {"ca.crt": CERTIFICATE}
    old = view.get("configmaps", f"{namespace}/{ROOT_CA}")
    if old is None:
        annotations = {"kubernetes.io/description": _DESCRIPTION}
        metadata = {"name": ROOT_CA, "namespace": namespace, "annotations": annotations}
        _create("configmaps", {"metadata": metadata, "data": data}, view)
    elif old.get("data") != data:
        view.update("configmaps", {**old, "data": data}, why="it must hold the cluster's certificate")
    return None


def _is_active(name: str, view: View) -> bool:
    namespace = view.get("namespaces", name)
    return namespace is not None and "deletionTimestamp" not in namespace["metadata"]


def _create(plural: str, obj: dict[str, object], view: View) -> None:
    try:
        view.create(plural, obj, why="every namespace has one")
    except ApiError as error:
        if error.code != 409:
            raise


def _on_namespace(revision: Revision, view: View) -> Iterable[str]:
    return (revision.key,) if revision.type == "ADDED" else ()


def _on_account(revision: Revision, view: View) -> Iterable[str]:
    metadata = revision.object["metadata"]
    return (metadata["namespace"],) if metadata["name"] == _DEFAULT and revision.type == "DELETED" else ()


def _on_config_map(revision: Revision, view: View) -> Iterable[str]:
    metadata = revision.object["metadata"]
    is_ours = metadata["name"] == ROOT_CA and revision.cause.actor != view.actor
    return (metadata["namespace"],) if is_ours and revision.type != "ADDED" else ()


ACCOUNTS = Controller(
    name="serviceaccount-controller",
    reconcile=reconcile_account,
    watches={"namespaces": _on_namespace, "serviceaccounts": _on_account},
)
CERTIFICATES = Controller(
    name="root-ca-certificate-publisher-controller",
    reconcile=reconcile_certificate,
    watches={"namespaces": _on_namespace, "configmaps": _on_config_map},
)
