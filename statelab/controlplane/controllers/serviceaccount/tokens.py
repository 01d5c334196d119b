"""The tokens controller: a Secret of type kubernetes.io/service-account-token is filled, and goes with its account.

The token is good as long as the Secret is there.
Source: pkg/controller/serviceaccount/tokens_controller.go, pkg/serviceaccount/legacy.go.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable

from statelab.controlplane.controllers.serviceaccount.accounts import CERTIFICATE
from statelab.controlplane.kinds import Object, split_key
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

_TYPE = "kubernetes.io/service-account-token"
_NAME, _UID = "kubernetes.io/service-account.name", "kubernetes.io/service-account.uid"


def reconcile(key: str, view: View) -> float | None:
    """Fill one Secret with what its account's token is, or delete it when there is no such account."""
    secret = view.get("secrets", key)
    if secret is None or not _is_token(secret) or "deletionTimestamp" in secret["metadata"]:
        return None
    annotations = secret["metadata"]["annotations"]
    namespace, _ = split_key(key)
    account = view.get("serviceaccounts", f"{namespace}/{annotations[_NAME]}")
    if account is None or annotations.get(_UID, account["metadata"]["uid"]) != account["metadata"]["uid"]:
        view.delete("secrets", secret, why=f"there is no such ServiceAccount {annotations[_NAME]} for its token")
        return None
    data = secret.get("data") or {}
    missing = {name: text for name, text in _content(secret, account, view).items() if name not in data}
    if missing or _UID not in annotations:
        metadata = {**secret["metadata"], "annotations": {**annotations, _UID: account["metadata"]["uid"]}}
        encoded = {name: base64.b64encode(text.encode()).decode() for name, text in missing.items()}
        filled = {**secret, "metadata": metadata, "data": {**data, **encoded}}
        view.update("secrets", filled, why=f"it is to hold a token of ServiceAccount {annotations[_NAME]}")
    return None


def _content(secret: Object, account: Object, view: View) -> dict[str, str]:
    token = view.legacy_token(account, secret)
    return {"ca.crt": CERTIFICATE, "namespace": account["metadata"]["namespace"], "token": token}


def _is_token(secret: Object) -> bool:
    return secret.get("type") == _TYPE and bool((secret["metadata"].get("annotations") or {}).get(_NAME))


def _on_secret(revision: Revision, view: View) -> Iterable[str]:
    return (revision.key,) if revision.type != "DELETED" and _is_token(revision.object) else ()


def _on_account(revision: Revision, view: View) -> Iterable[str]:
    if revision.type != "DELETED":
        return ()
    namespace, name = split_key(revision.key)
    secrets = view.list("secrets", namespace)
    return [
        f"{namespace}/{each['metadata']['name']}"
        for each in secrets
        if _is_token(each) and each["metadata"]["annotations"][_NAME] == name
    ]


CONTROLLER = Controller(
    name="serviceaccount-token-controller",
    reconcile=reconcile,
    watches={"secrets": _on_secret, "serviceaccounts": _on_account},
)
