"""Lists in pages: limit, continue, and which revision is shown.

Source: apiserver/pkg/storage/etcd3/store.go (GetList), storage/continue.go.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from statelab.controlplane import errors
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object, key_of
from statelab.controlplane.store import Store
from statelab.reader import jsonbytes

_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)


@dataclass(frozen=True)
class Page:
    """Some of a list. `remaining` is None where a selector makes it unknown."""

    items: list[Object]
    resource_version: str
    continue_token: str = ""
    remaining: int | None = None


def page(
    store: Store,
    plural: str,
    namespace: str,
    matches: Callable[[Object], bool] | None = None,
    *,
    limit: int = 0,
    continue_token: str = "",
    resource_version: str = "",
    match: str = "",
    unstored: Sequence[Object] = (),
) -> Page:
    """One page of a list. `match` is resourceVersionMatch: "", "Exact" or "NotOlderThan".

    `unstored`: objects that are there without being in the store.
    """
    number, start_after = store.revision, ""
    if continue_token:
        if resource_version not in ("", "0"):
            raise errors.bad_request("specifying resource version is not allowed when using continue")
        number, start_after = _decode(continue_token)
    elif resource_version not in ("", "0"):
        asked = parse_resource_version(resource_version)
        check_not_future(store, asked)
        if match == "Exact" or (match == "" and limit > 0):
            number = asked
    try:
        objects = store.list_at(number, plural, namespace)
    except ApiError as error:
        if continue_token:
            fresh = _encode(store.revision, start_after)
            raise ApiError(410, "Expired", _TOO_OLD, continue_token=fresh) from error
        raise errors.expired(f"too old resource version: {number} ({store.compacted})") from error
    if unstored:
        objects = sorted([*objects, *unstored], key=key_of)
    if start_after:
        objects = [obj for obj in objects if key_of(obj) > start_after]
    if matches is not None:
        objects = [obj for obj in objects if matches(obj)]
    if limit <= 0 or len(objects) <= limit:
        return Page(objects, str(number))
    shown = objects[:limit]
    remaining = None if matches is not None else len(objects) - limit
    return Page(shown, str(number), _encode(number, key_of(shown[-1])), remaining)


def parse_resource_version(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 19:
        raise errors.bad_request(f'Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax')
    return int(text)


def check_not_future(store: Store, number: int) -> None:
    """Raises ApiError 504 for a revision that is not yet: a client that knows another cluster."""
    if number > store.revision:
        causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
        message = f"Timeout: Too large resource version: {number}, current: {store.revision}"
        raise ApiError(504, "Timeout", message, {"causes": causes, "retryAfterSeconds": 1})


def _encode(number: int, last_key: str) -> str:
    token = jsonbytes.dumps({"v": "meta.k8s.io/v1", "rv": number, "start": last_key})
    return base64.urlsafe_b64encode(token).decode().rstrip("=")


def _decode(token: str) -> tuple[int, str]:
    try:
        decoded = jsonbytes.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        number, start = decoded["rv"], decoded["start"]
        if decoded["v"] != "meta.k8s.io/v1" or not isinstance(number, int) or not isinstance(start, str) or number < 0:
            raise ValueError
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise errors.bad_request("continue key is not valid: invalid continue token") from None
    return number, start
