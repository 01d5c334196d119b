"""Requests for certificates. Source of the steps: test/e2e/auth/certificates.go."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from certificates import request
from e2e_client import MERGE, Api

pytestmark = pytest.mark.slow

PLURAL = "certificatesigningrequests"


def _csr(api: Api, number: int, signer: str = "") -> Any:
    pem = request("e2e-example-com", names=("e2e.example.com",))
    spec = {
        "request": base64.b64encode(pem.encode()).decode(), "usages": ["client auth"],
        "signerName": signer or f"example.com/e2e-{api.namespace}", "expirationSeconds": 3600,
    }  # fmt: skip
    labels = {"e2e-test": api.namespace}
    return {"metadata": {"name": f"{api.namespace}-{number}", "labels": labels}, "spec": spec}


def test_should_support_csr_api_operations(api: Api) -> None:
    group = api.request("GET", "/apis/certificates.k8s.io/v1")
    served = {each["name"] for each in group["resources"]}
    assert {PLURAL, f"{PLURAL}/approval", f"{PLURAL}/status"} <= served
    names = [api.create(PLURAL, _csr(api, number))["metadata"]["name"] for number in range(3)]
    first, selector = names[0], f"e2e-test={api.namespace}"
    assert api.get(PLURAL, first)["spec"]["username"] == "kubernetes-admin"
    listed = api.list(PLURAL, selector)
    assert [each["metadata"]["name"] for each in listed["items"]] == names
    version = listed["metadata"]["resourceVersion"]
    patched = api.patch(PLURAL, first, {"metadata": {"annotations": {"patched": "true"}}}, type=MERGE)
    assert patched["metadata"]["annotations"]["patched"] == "true"
    api.update(PLURAL, first, lambda obj: obj["metadata"]["annotations"].update(updated="true"))
    api.watch_until(
        PLURAL, version, lambda type, obj: (obj["metadata"].get("annotations") or {}).get("updated") == "true"
    )
    # approval
    assert not api.get(PLURAL, first, "approval")["status"]
    approved = [{"type": "ApprovalPatch", "status": "True", "reason": "ApprovalPatch", "message": "set from a test"}]
    found = api.patch(PLURAL, first, {"status": {"conditions": approved}}, "approval", type=MERGE)
    assert found["status"]["conditions"][0]["type"] == "ApprovalPatch"
    denied = api.kubectl("certificate", "deny", names[1])
    assert "denied" in denied
    assert api.get(PLURAL, names[1])["status"]["conditions"][0]["reason"] == "KubectlDeny"
    both = {
        "status": {
            "conditions": [*api.get(PLURAL, names[1])["status"]["conditions"], {"type": "Approved", "status": "True"}]
        }
    }
    refused = api.refusal("PATCH", api.path(PLURAL, names[1], "approval"), both, MERGE)
    assert "Approved and Denied conditions are mutually exclusive" in refused.status["message"]
    # status
    patch = {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": {"certificate": _certificate()}}
    found = api.patch(PLURAL, first, patch, "status", type=MERGE)
    assert found["status"]["certificate"] and found["metadata"]["annotations"]["patchedstatus"] == "true"
    condition = {"type": "StatusUpdate", "status": "True", "reason": "StatusUpdate", "message": "set from a test"}
    api.update_status(PLURAL, first, lambda obj: obj["status"]["conditions"].append(condition))
    assert api.get(PLURAL, first, "status")["status"]["conditions"][1]["type"] == "StatusUpdate"
    api.delete(PLURAL, first)
    api.until_gone(PLURAL, first)
    api.delete_collection(PLURAL, selector)
    assert api.list(PLURAL, selector)["items"] == []


def _certificate() -> str:
    from certificates import issue

    return base64.b64encode(issue("e2e.example.com", at_s=1e9).certificate.encode()).decode()
