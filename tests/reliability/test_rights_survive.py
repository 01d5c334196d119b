"""Rights and tokens outlive the server that gave them: killed, and killed while it was being made."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from serving import Server, start

pytestmark = pytest.mark.slow

RBAC = "/apis/rbac.authorization.k8s.io/v1"
HERE = "namespaces/default"
GROUP = "rbac.authorization.k8s.io"


def on(folder: Path) -> Server:
    return start(folder, "--pace", "10", state=folder / "state")


def made(server: Server, path: str, body: dict[str, Any]) -> Any:
    code, found, _ = server.request("POST", path, body)
    assert code == 201, found
    return found


def test_a_token_and_what_it_may_outlive_a_kill(tmp_path: Path) -> None:
    server = on(tmp_path)
    made(server, f"/api/v1/{HERE}/serviceaccounts", {"metadata": {"name": "app"}})
    rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}
    made(server, f"{RBAC}/{HERE}/roles", {"metadata": {"name": "r"}, "rules": [rule]})
    reference = {"apiGroup": GROUP, "kind": "Role", "name": "r"}
    subject = {"kind": "ServiceAccount", "name": "app", "namespace": "default"}
    binding = {"metadata": {"name": "b"}, "roleRef": reference, "subjects": [subject]}
    made(server, f"{RBAC}/{HERE}/rolebindings", binding)
    asked = made(server, f"/api/v1/{HERE}/serviceaccounts/app/token", {"spec": {"expirationSeconds": 360_000}})
    backend = {"kind": "A", "name": "b"}
    stored = {
        f"/apis/coordination.k8s.io/v1/{HERE}/leases": {"spec": {"holderIdentity": "db-0"}},
        f"/apis/networking.k8s.io/v1/{HERE}/networkpolicies": {"spec": {"podSelector": {}}},
        f"/api/v1/{HERE}/limitranges": {"spec": {"limits": [{"type": "Pod", "max": {"cpu": "1"}}]}},
        f"/apis/networking.k8s.io/v1/{HERE}/ingresses": {"spec": {"defaultBackend": {"resource": backend}}},
    }
    before = {path: made(server, path, {"metadata": {"name": "kept"}, **body}) for path, body in stored.items()}
    server.kill()
    server = on(tmp_path)
    bearer = f"Bearer {asked['status']['token']}"
    assert server.request("GET", f"/api/v1/{HERE}/pods", authorization=bearer)[0] == 200
    assert server.request("GET", f"/api/v1/{HERE}/secrets", authorization=bearer)[0] == 403
    for path, obj in before.items():
        assert server.request("GET", f"{path}/kept")[1] == obj
    server.kill()


@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.2])
def test_a_cluster_whose_making_was_cut_short_has_its_roles_when_it_comes_back(tmp_path: Path, after_s: float) -> None:
    server = on(tmp_path)
    time.sleep(after_s)
    server.kill()
    server = on(tmp_path)
    assert len(server.request("GET", f"{RBAC}/clusterroles")[1]["items"]) == 70
    assert len(server.request("GET", f"{RBAC}/clusterrolebindings")[1]["items"]) == 51
    server.kill()
