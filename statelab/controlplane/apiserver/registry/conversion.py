"""Custom objects in another version than they are stored in, as a definition's webhook makes them.

Where a definition has none, versions differ by name alone.
Source: apiextensions-apiserver/pkg/apiserver/conversion (webhook_converter.go).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from statelab.controlplane.apiserver.registry.policies.webhooks import Call, CallFailed
from statelab.controlplane.apiserver.validation.custom.kinds import Custom
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object
from statelab.reader import jsonbytes

_REVIEW = "apiextensions.k8s.io/v1"
_TIMEOUT_S = 30
_MOST_REMEMBERED = 1024


class Converter:
    """Asks webhooks for one server; an object that was asked for is remembered, for lists ask again and again."""

    def __init__(self, call: Callable[[], Call], new_uid: Callable[[], str]) -> None:
        self._call = call
        self._new_uid = new_uid
        self._known: OrderedDict[tuple[str, str, str], Object] = OrderedDict()

    def convert(self, custom: Custom, obj: Object, api_version: str) -> Object:
        """An object in another version, its identity kept. Raises ApiError 500."""
        metadata = obj["metadata"]
        place = (str(metadata.get("uid") or ""), str(metadata.get("resourceVersion") or ""), api_version)
        found = self._known.get(place) if all(place) else None
        if found is None:
            found = self._asked(custom, obj, api_version)
            if all(place):
                self._known[place] = found
                if len(self._known) > _MOST_REMEMBERED:
                    self._known.popitem(last=False)
        return found

    def _asked(self, custom: Custom, obj: Object, api_version: str) -> Object:
        try:
            return self._answer(custom, obj, api_version)
        except CallFailed as failed:
            about = f"{obj['apiVersion']}, Kind={obj['kind']}"
            raise ApiError(500, "", f"conversion webhook for {about} failed: {failed}") from None

    def _answer(self, custom: Custom, obj: Object, api_version: str) -> Object:
        uid = self._new_uid()
        request = {"uid": uid, "desiredAPIVersion": api_version, "objects": [obj]}
        body = jsonbytes.dumps({"kind": "ConversionReview", "apiVersion": _REVIEW, "request": request})
        said = self._call()((custom.webhook or {}).get("clientConfig") or {}, body, _TIMEOUT_S)
        try:
            response: Any = jsonbytes.loads(said)["response"]
            status, objects = response.get("result") or {}, response.get("convertedObjects")
        except (jsonbytes.JSONDecodeError, KeyError, TypeError, AttributeError, RecursionError):
            raise CallFailed("invalid response: no ConversionReview") from None
        if response.get("uid") != uid:
            raise CallFailed(f"invalid response: expected response.uid={uid}, got {response.get('uid')}")
        if status.get("status") != "Success":
            raise CallFailed(str(status.get("message") or "failed without a message"))
        if not isinstance(objects, list) or len(objects) != 1 or not isinstance(objects[0], dict):
            raise CallFailed("webhook returned other than 1 object, expected 1")
        made: Object = objects[0]
        if (made.get("apiVersion"), made.get("kind")) != (api_version, obj["kind"]):
            got = f"{made.get('apiVersion')}, Kind={made.get('kind')}"
            raise CallFailed(f"invalid converted object: expected {api_version}, Kind={obj['kind']}, got {got}")
        return {**made, "metadata": _metadata(made.get("metadata"), obj["metadata"])}


def _metadata(made: Any, old: Object) -> Object:
    """What stands in the metadata stays, but for labels and annotations."""
    kept = {key: value for key, value in old.items() if key not in ("labels", "annotations")}
    for key in ("labels", "annotations"):
        value = made.get(key) if isinstance(made, dict) else None
        if isinstance(value, dict) and value and all(isinstance(each, str) for each in value.values()):
            kept[key] = value
    return kept
