"""Two of the oldest resources, which are not stored: Bindings that are posted, ComponentStatuses that are read.

Source: pkg/registry/core/pod/storage (LegacyBindingREST), pkg/registry/core/componentstatus.
"""

from __future__ import annotations

from statelab.controlplane.apiserver.encoding import negotiation
from statelab.controlplane.apiserver.encoding.request import Request, Response
from statelab.controlplane.apiserver.registry.listing import Page
from statelab.controlplane.apiserver.serving import forms
from statelab.controlplane.errors import not_found
from statelab.controlplane.kinds import UNSTORED, Object

DEPRECATED = "v1 ComponentStatus is deprecated in v1.19+"
_KIND = UNSTORED["componentstatuses"]
_COMPONENTS = ("controller-manager", "etcd-0", "scheduler")


def component_statuses(request: Request, name: str, now_s: float) -> Response:
    """One or all of the components, which are well while they answer. Raises ApiError 404."""
    found = [_status(each) for each in _COMPONENTS if name in ("", each)]
    if not name:
        form = negotiation.form_of(request.headers.get("accept", ""), forms.LIST_VIEWS)
        return forms.of_list(request, _KIND, Page(found, ""), form, now_s)
    if not found:
        raise not_found(_KIND, name)
    form = negotiation.form_of(request.headers.get("accept", ""), forms.OBJECT_VIEWS)
    return forms.of_object(request, _KIND, found[0], 200, form, now_s)


def _status(name: str) -> Object:
    conditions = [{"type": "Healthy", "status": "True", "message": "ok"}]
    return {"kind": _KIND.name, "apiVersion": "v1", "metadata": {"name": name}, "conditions": conditions}
