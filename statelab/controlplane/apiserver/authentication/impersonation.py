"""Acting as somebody else: `kubectl --as` and `--as-group`, for those who may impersonate.

Source: apiserver/pkg/endpoints/filters/impersonation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from statelab.controlplane import users
from statelab.controlplane.apiserver.authorization.attributes import Attributes
from statelab.controlplane.apiserver.authorization.authorizer import Authorizer
from statelab.controlplane.errors import ApiError
from statelab.controlplane.users import User

_USER, _GROUP, _UID, _EXTRA = "impersonate-user", "impersonate-group", "impersonate-uid", "impersonate-extra-"
_AUTHENTICATION = "authentication.k8s.io"


def acting(user: User, headers: Mapping[str, str], path: str, authorizer: Authorizer) -> User:
    """Whom `user` wants to be in this request, or `user` where nothing of that is said. Raises ApiError 403, 500."""
    name, uid = headers.get(_USER, ""), headers.get(_UID, "")
    groups, extra = _all(headers, _GROUP), dict(_extra(headers))
    if not name:
        if groups or uid or extra:
            asked = [f"{{Group  {group}}}" for group in groups] or [uid, *extra]
            text = f'Internal Server Error: "{path}": requested [{" ".join(asked)}] without impersonating a user'
            raise ApiError(500, "InternalError", f"Internal error occurred: {text}", {"causes": [{"message": text}]})
        return user
    account = users.account_of(name)
    if account is not None:
        what = Attributes("impersonate", resource="serviceaccounts", namespace=account[0], name=account[1])
    else:
        what = Attributes("impersonate", resource="users", name=name)
    authorizer.check(user, what)
    for group in groups:
        authorizer.check(user, Attributes("impersonate", resource="groups", name=group))
    for key, values in extra.items():
        for value in values:
            authorizer.check(user, Attributes("impersonate", _AUTHENTICATION, "userextras", key, name=value))
    if uid:
        authorizer.check(user, Attributes("impersonate", _AUTHENTICATION, "uids", name=uid))
    return User(name, users.groups_of(name, groups), uid, extra)


def _extra(headers: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for header in dict.fromkeys(each.lower() for each in headers):
        if header.startswith(_EXTRA):
            yield unquote(header.removeprefix(_EXTRA)), _all(headers, header)


def _all(headers: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Every value of a header: a client may send it more than once."""
    several = getattr(headers, "getall", None)
    if several is not None:
        return tuple(several(name))
    return (headers[name],) if name in headers else ()
