"""The StatefulSet controller: Pods with names that stay, made and removed in order, each with claims of its own.

What makes a Pod web-1 is in statefulset_pods.py; its claims, in statefulset_claims.py; the templates the set had, in
revisions.py. Here is the order of things.

Source: pkg/controller/statefulset/stateful_set_control.go (updateStatefulSet), stateful_set.go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from statelab.controlplane.controllers.owners import claim, concerned, labels_of, orphans, title
from statelab.controlplane.controllers.pods import is_news, is_terminating
from statelab.controlplane.controllers.revisions import history_of, template_of, truncate_history, update_revision
from statelab.controlplane.controllers.sizes import slow_start
from statelab.controlplane.controllers.statefulset_claims import (
    claims_are_owned_rightly,
    create_missing_claims,
    is_blocked_by_stale_claim,
    set_claim_owners,
)
from statelab.controlplane.controllers.statefulset_pods import (
    Member,
    Memory,
    first_ordinal,
    forget,
    has_identity,
    has_storage,
    is_named_as_member,
    member_of,
    memory_of,
    new_pod,
    repaired,
)
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object
from statelab.controlplane.labels import selector_of
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View
