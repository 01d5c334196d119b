"""CertificateSigningRequests: who may approve, what is signed, and what is refused."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from certificates import issue, request
from cryptography import x509 as pyca

from statelab.controlplane import ControlPlane, x509
from statelab.controlplane.apiserver.encoding.request import Request, Response
from statelab.controlplane.apiserver.serving.client import InProcessClient
from statelab.controlplane.apiserver.serving.handler import Handler
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object
from statelab.reader import jsonbytes

PLURAL = "certificatesigningrequests"
PATH = f"/apis/certificates.k8s.io/v1/{PLURAL}"
CLIENT, SERVING = "kubernetes.io/kube-apiserver-client", "kubernetes.io/kubelet-serving"
APPROVED = {"type": "Approved", "status": "True", "reason": "Test", "message": "approved"}


def csr(pem: str = "", signer: str = CLIENT, usages: Any = ("client auth",), **spec: Any) -> Object:
    encoded = base64.b64encode((pem or request("jane", "dev")).encode()).decode()
    whole = {"request": encoded, "signerName": signer, "usages": list(usages), **spec}
    return {
        "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": "jane"},
        "spec": whole,
    }  # fmt: skip


def approve(cluster: ControlPlane) -> None:
    cluster.patch(PLURAL, "jane", {"status": {"conditions": [APPROVED]}}, "approval")
    cluster.loop.run_for(2)


def certificate(cluster: ControlPlane) -> pyca.Certificate:
    found = base64.b64decode(cluster.get(PLURAL, "jane")["status"]["certificate"])
    return pyca.load_pem_x509_certificate(found)


def test_what_is_approved_is_signed_by_the_clusters_own_authority() -> None:
    cluster = ControlPlane()
    cluster.create(csr(usages=("client auth", "digital signature"), expirationSeconds=86400))
    cluster.loop.run_for(2)
    assert "certificate" not in cluster.get(PLURAL, "jane")["status"]
    approve(cluster)
    made = certificate(cluster)
    assert made.subject.rfc4514_string() == "O=dev,CN=jane"
    assert (made.not_valid_after_utc - made.not_valid_before_utc).total_seconds() == 86400
    usage = made.extensions.get_extension_for_class(pyca.KeyUsage).value
    assert usage.digital_signature and not usage.key_encipherment
    authority = cluster.api.authority.certificate
    made.verify_directly_issued_by(pyca.load_pem_x509_certificate(authority.encode()))
    condition = cluster.get(PLURAL, "jane")["status"]["conditions"][0]
    assert condition["lastUpdateTime"] and condition["lastTransitionTime"]
    [row] = (
        InProcessClient(cluster)
        .request("GET", PATH, accept="application/json;as=Table;g=meta.k8s.io;v=v1")
        .body["rows"]
    )
    assert row["cells"][2:] == [CLIENT, "kubernetes-admin", "24h", "Approved,Issued"]


def test_the_same_history_has_the_same_certificate() -> None:
    pem, made = request("jane", "dev"), []
    for _ in range(2):
        cluster = ControlPlane()
        cluster.create(csr(pem))
        approve(cluster)
        made.append(certificate(cluster))
    assert made[0] == made[1]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (csr(usages=("client auth", "server auth")), "invalid usage for client certificate: server auth"),
        (csr(usages=("digital signature",)), "missing required usage for client certificate: client auth"),
        (csr(signer=SERVING, usages=("server auth",)), "subject organization is not system:nodes"),
        (
            csr(request("system:node:a", "system:nodes"), SERVING, ("server auth",)),
            "at least one DNS or IP subjectAltName is required",
        ),
    ],
)
def test_a_signer_says_why_it_does_not_sign(asked: Object, message: str) -> None:
    cluster = ControlPlane()
    cluster.create(asked)
    approve(cluster)
    status = cluster.get(PLURAL, "jane")["status"]
    failed = status["conditions"][1]
    assert (failed["type"], failed["reason"], failed["message"]) == ("Failed", "SignerValidationFailure", message)
    assert "certificate" not in status


def test_a_kubelets_is_signed_and_one_for_another_signer_waits_for_it() -> None:
    cluster = ControlPlane()
    usages = ("digital signature", "server auth")
    cluster.create(csr(request("system:node:a", "system:nodes", names=("a.example.com",)), SERVING, usages))
    approve(cluster)
    names = certificate(cluster).extensions.get_extension_for_class(pyca.SubjectAlternativeName).value
    assert names.get_values_for_type(pyca.DNSName) == ["a.example.com"]
    chain = base64.b64decode(cluster.get(PLURAL, "jane")["status"]["certificate"]).decode()
    assert x509.problem(chain, cluster.api.authority.certificate, "a.example.com", cluster.loop.now_s) == ""
    cluster.delete(PLURAL, "jane")
    cluster.create(csr(signer="example.com/mine"))
    approve(cluster)
    assert "certificate" not in cluster.get(PLURAL, "jane")["status"]


def test_who_may_approve_is_a_right_on_the_signer() -> None:
    cluster = ControlPlane()
    cluster.create(csr())
    api = "rbac.authorization.k8s.io/v1"
    group = "certificates.k8s.io"
    rules = [{"apiGroups": [group], "resources": [f"{PLURAL}/approval", PLURAL], "verbs": ["get", "patch", "update"]}]
    cluster.create({"apiVersion": api, "kind": "ClusterRole", "metadata": {"name": "half"}, "rules": rules})
    named = {"apiGroups": [group], "resources": ["signers"], "verbs": ["approve"], "resourceNames": ["kubernetes.io/*"]}
    cluster.create({"apiVersion": api, "kind": "ClusterRole", "metadata": {"name": "whole"}, "rules": [*rules, named]})
    for role, who in (("half", "ann"), ("whole", "bob")):
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
        subjects = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": who}]
        metadata = {"name": who}
        cluster.create(
            {
                "apiVersion": api,
                "kind": "ClusterRoleBinding",
                "metadata": metadata,
                "roleRef": reference,
                "subjects": subjects,
            }
        )
    answers = {}
    for who in ("ann", "bob"):
        headers = {"impersonate-user": who, "content-type": "application/merge-patch+json"}
        body = jsonbytes.dumps({"status": {"conditions": [APPROVED]}})
        answer = Handler(cluster).handle(Request("PATCH", f"{PATH}/jane/approval", {}, headers, body))
        assert isinstance(answer, Response)
        answers[who] = (answer.code, jsonbytes.loads(answer.body).get("message"))
    assert answers["bob"][0] == 200
    assert answers["ann"] == (
        403,
        'certificatesigningrequests.certificates.k8s.io "jane" is forbidden: user not permitted to approve requests '
        f'with signerName "{CLIENT}"',
    )


def test_what_was_decided_stays_and_goes_in_time() -> None:
    cluster = ControlPlane()
    made = cluster.create(csr(username="somebody", groups=["else"]))
    assert made["spec"]["username"] == "kubernetes-admin"
    approve(cluster)
    other = base64.b64encode(request("eve").encode()).decode()
    changed = cluster.patch(PLURAL, "jane", {"spec": {"request": other}, "status": {"conditions": None}})
    assert changed["spec"] == made["spec"] and changed["status"]["conditions"]
    with pytest.raises(ApiError, match='updates may not remove a condition of type "Approved"'):
        cluster.patch(PLURAL, "jane", {"status": {"conditions": None}}, "approval")
    mine = base64.b64encode(issue("x", at_s=1e9).certificate.encode()).decode()
    with pytest.raises(ApiError, match="updates may not modify existing certificate content"):
        cluster.patch(PLURAL, "jane", {"status": {"certificate": mine}}, "status")
    cluster.loop.run_for(3500)
    assert cluster.get(PLURAL, "jane")
    cluster.loop.run_for(200)
    assert cluster.get(PLURAL, "jane") is None


@pytest.mark.parametrize(
    ("obj", "words"),
    [
        (csr("nothing"), "PEM block type must be CERTIFICATE REQUEST"),
        (csr(usages=()), "spec.usages: Required value: usages must be provided"),
        (csr(usages=("client auth", "client auth")), 'spec.usages[1]: Duplicate value: "client auth"'),
        (csr(usages=("to fly",)), 'spec.usages[0]: Unsupported value: "to fly"'),
        (csr(signer=""), "spec.signerName: Required value: signerName must be provided"),
        (csr(signer="mine"), "must be a fully qualified domain and path of the form 'example.com/signer-name'"),
        (csr(signer="example/mine"), "should be a domain with at least two segments separated by dots"),
        (csr(signer="kubernetes.io/legacy-unknown"), "the legacy signerName is not allowed via this API version"),
        (csr(expirationSeconds=599), "may not specify a duration less than 600 seconds (10 minutes)"),
        (csr(request("root", "system:masters")), "signer with system:masters group is not allowed"),
    ],
)
def test_what_is_refused(obj: Object, words: str) -> None:
    with pytest.raises(ApiError) as caught:
        ControlPlane().create(obj)
    assert words in caught.value.message
