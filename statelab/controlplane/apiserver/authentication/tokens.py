"""Tokens of ServiceAccounts: for a time and an audience, bound to a Pod or a Secret, and good while those live.

Source: pkg/serviceaccount (claims.go, legacy.go, util.go), pkg/registry/core/serviceaccount/storage/token.go.
"""

from __future__ import annotations

import base64
import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from statelab.controlplane import users
from statelab.controlplane.apiserver.authentication.jwt import Claims, Signer
from statelab.controlplane.clock import seconds
from statelab.controlplane.kinds import Object, uid_of
from statelab.controlplane.p256 import Key
from statelab.controlplane.users import User

ISSUER = "https://kubernetes.default.svc.cluster.local"
AUDIENCES = (ISSUER,)
LEGACY_ISSUER = "kubernetes/serviceaccount"
_WARN_ONLY_S = 3607  # what a Pod's own token is asked for: it warns then, and lasts a year
_YEAR_S = 365 * 24 * 3600
_LEEWAY_S = 60
_PRIVATE = "kubernetes.io"
_LEGACY = "kubernetes.io/serviceaccount/"
_MOST_KNOWN = 1024
_NOTHING: Claims = {}
_INVALIDATED = "service account token has been invalidated"


class Reader(Protocol):
    def get(self, plural: str, key: str) -> Object | None: ...


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a token came to. It comes to the same for as long as the objects it hangs on are those of then."""

    user: User
    audiences: Sequence[str]
    objects: tuple[tuple[str, str, Object], ...]  # plural, key, object
    from_s: float
    until_s: float


class Tokens:
    """Makes and checks the tokens of one cluster. `now_s()` is the cluster's time."""

    def __init__(self, cluster: Reader, key: Key) -> None:
        self.signer = Signer(key)
        self._cluster = cluster
        self._made = 0
        self._known: OrderedDict[bytes, Claims] = OrderedDict()  # tokens whose signature was looked at already
        self._seen: OrderedDict[bytes, _Seen] = OrderedDict()

    # ---- making

    def issue(
        self,
        account: Object,
        now_s: float,
        expires_in_s: int,
        audiences: Sequence[str] = (),
        *,
        bound_to: Object | None = None,
        node: Object | None = None,
    ) -> str:
        """A token of a ServiceAccount; `bound_to` is a Pod or a Secret whose end is the token's, `node` the Pod's."""
        return self.signer.sign(self.claims(account, now_s, expires_in_s, audiences, bound_to=bound_to, node=node))

    def claims(
        self,
        account: Object,
        now_s: float,
        expires_in_s: int,
        audiences: Sequence[str] = (),
        *,
        bound_to: Object | None = None,
        node: Object | None = None,
    ) -> Claims:
        """What such a token says."""
        metadata, issued_s = account["metadata"], int(now_s)
        private: Claims = {"namespace": metadata["namespace"]}
        if node is not None:
            private["node"] = _reference(node)
        if bound_to is not None:
            private[bound_to["kind"].lower()] = _reference(bound_to)
        private["serviceaccount"] = _reference(account)
        expires_s = issued_s + expires_in_s
        wanted = list(audiences) or list(AUDIENCES)
        if bound_to is not None and expires_in_s == _WARN_ONLY_S and set(wanted) == set(AUDIENCES):
            private["warnafter"] = expires_s
            expires_s = issued_s + _YEAR_S
        self._made += 1
        return {
            "aud": wanted,
            "exp": expires_s,
            "iat": issued_s,
            "iss": ISSUER,
            "jti": uid_of(metadata["uid"], issued_s, self._made),
            _PRIVATE: private,
            "nbf": issued_s,
            "sub": users.account_name(metadata["namespace"], metadata["name"]),
        }

    def legacy(self, account: Object, secret: Object) -> str:
        """The token for a Secret of type kubernetes.io/service-account-token: it has no end but the Secret's."""
        metadata = account["metadata"]
        claims = {
            "iss": LEGACY_ISSUER,
            f"{_LEGACY}namespace": metadata["namespace"],
            f"{_LEGACY}secret.name": secret["metadata"]["name"],
            f"{_LEGACY}service-account.name": metadata["name"],
            f"{_LEGACY}service-account.uid": metadata["uid"],
            "sub": users.account_name(metadata["namespace"], metadata["name"]),
        }
        return self.signer.sign(claims)

    # ---- checking

    def user(self, token: str, now_s: float, audiences: Sequence[str] = AUDIENCES) -> tuple[User, list[str]] | str:
        """Whose token it is and for which of the audiences; or, in the server's words, why it is nobody's.

        No words for what is no token of this cluster.
        """
        digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        seen = self._seen.get(digest)
        if (
            seen is not None
            and seen.audiences == audiences
            and seen.from_s <= now_s <= seen.until_s
            and all(self._cluster.get(plural, key) is obj for plural, key, obj in seen.objects)
        ):
            return seen.user, list(audiences)
        claims = self._claims(token, digest)
        if claims is None:
            return ""
        if claims.get("iss") == LEGACY_ISSUER:
            return self._legacy_user(claims, token, audiences)
        meant = [each for each in audiences if each in (claims.get("aud") or ())]
        if not meant:
            named = [str(each) for each in claims.get("aud") or ()]
            return f"token audiences {_words(named)} is invalid for the target audiences {_words(audiences)}"
        if now_s > claims["exp"] + _LEEWAY_S:
            return "service account token has expired"
        if now_s < claims["nbf"] - _LEEWAY_S:
            return "service account token is not valid yet"
        found = self._user(claims, now_s)
        if isinstance(found, str):
            return found
        if meant == list(audiences):
            self._remember(digest, _Seen(found, audiences, self._bound(claims), claims["nbf"], claims["exp"]))
        return found, meant

    def _bound(self, claims: Claims) -> tuple[tuple[str, str, Object], ...]:
        """The objects whose end is the token's: its account, and the Pod or the Secret it is bound to."""
        private = claims[_PRIVATE]
        found = []
        for what, plural in (("serviceaccount", "serviceaccounts"), ("pod", "pods"), ("secret", "secrets")):
            key = f"{private['namespace']}/{private[what]['name']}" if what in private else ""
            obj = self._cluster.get(plural, key) if key else None
            if obj is not None:
                found.append((plural, key, obj))
        return tuple(found)

    def _remember(self, digest: bytes, seen: _Seen) -> None:
        if any(obj["metadata"].get("deletionTimestamp") for _, _, obj in seen.objects):
            return  # it is good for a moment only
        self._seen[digest] = seen
        if len(self._seen) > _MOST_KNOWN:
            self._seen.popitem(last=False)

    def _claims(self, token: str, digest: bytes) -> Claims | None:
        """The claims of a token of ours. Checking a signature takes a millisecond, so what was found is kept."""
        found = self._known.get(digest)
        if found is None:
            found = self._known[digest] = self.signer.claims(token) or _NOTHING
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
        return found or None

    def _user(self, claims: Claims, now_s: float) -> User | str:
        private = claims[_PRIVATE]
        namespace, reference = private["namespace"], private["serviceaccount"]
        account = self._cluster.get("serviceaccounts", f"{namespace}/{reference['name']}")
        if account is None:
            return f'serviceaccount "{reference["name"]}" not found'
        if account["metadata"]["uid"] != reference["uid"]:
            return f"service account UID ({account['metadata']['uid']}) does not match claim ({reference['uid']})"
        if _is_over(account, now_s):
            return _INVALIDATED
        for what, plural in (("pod", "pods"), ("secret", "secrets")):
            if what in private:
                bound, claim = self._cluster.get(plural, f"{namespace}/{private[what]['name']}"), private[what]["uid"]
                if bound is None or _is_over(bound, now_s):
                    return _INVALIDATED
                if bound["metadata"]["uid"] != claim:
                    uid = bound["metadata"]["uid"]
                    return f"{what} UID ({uid}) does not match service account {what} ref claim ({claim})"
        extra: dict[str, tuple[str, ...]] = {"authentication.kubernetes.io/credential-id": (f"JTI={claims['jti']}",)}
        for what in ("node", "pod"):
            if what in private:
                extra[f"authentication.kubernetes.io/{what}-name"] = (private[what]["name"],)
                extra[f"authentication.kubernetes.io/{what}-uid"] = (private[what]["uid"],)
        return _account_user(namespace, reference["name"], reference["uid"], extra)

    def _legacy_user(self, claims: Claims, token: str, audiences: Sequence[str]) -> tuple[User, list[str]] | str:
        meant = [each for each in audiences if each in AUDIENCES]
        if not meant:
            return f"token audiences {_words(AUDIENCES)} is invalid for the target audiences {_words(audiences)}"
        namespace, secret_name, name, uid = (
            claims.get(f"{_LEGACY}{key}", "")
            for key in ("namespace", "secret.name", "service-account.name", "service-account.uid")
        )
        secret = self._cluster.get("secrets", f"{namespace}/{secret_name}")
        held = (secret or {}).get("data", {}).get("token", "")
        if secret is None or secret["metadata"].get("deletionTimestamp"):
            return "Token has been invalidated"
        if base64.b64encode(token.encode()).decode() != held:
            return "Token does not match server's copy"
        account = self._cluster.get("serviceaccounts", f"{namespace}/{name}")
        if account is None or account["metadata"]["uid"] != uid:
            return f"ServiceAccount {namespace}/{name} has been deleted"
        return _account_user(namespace, name, uid, {}), meant


def _account_user(namespace: str, name: str, uid: str, extra: dict[str, tuple[str, ...]]) -> User:
    groups = (*users.account_groups(namespace), users.AUTHENTICATED)
    return User(users.account_name(namespace, name), groups, uid, extra)


def _is_over(obj: Object, now_s: float) -> bool:
    """Whether an object that ends has been ending for longer than clocks may differ."""
    ending = obj["metadata"].get("deletionTimestamp")
    return ending is not None and now_s > seconds(ending) + _LEEWAY_S


def _reference(obj: Object) -> Claims:
    return {"name": obj["metadata"]["name"], "uid": obj["metadata"]["uid"]}


def _words(words: Sequence[str]) -> str:
    return "[" + " ".join(f'"{word}"' for word in words) + "]"
