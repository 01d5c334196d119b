"""Which FlowSchema a request falls under, and so which priority level: told in the headers of its answer.

Nobody waits for a turn here; who writes a FlowSchema sees all the same whom it is about. Source:
apiserver/pkg/util/flowcontrol/{rule,apf_filter}.go, pkg/server/filters/priority-and-fairness.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from statelab.controlplane.apiserver.authorization import attributes
from statelab.controlplane.apiserver.authorization.attributes import Attributes
from statelab.controlplane.apiserver.encoding.request import Request
from statelab.controlplane.apiserver.validation.flowcontrol_default import LEVELS, SCHEMAS
from statelab.controlplane.kinds import Object
from statelab.controlplane.store import Revision, Store
from statelab.controlplane.users import User, account_of

Headers = tuple[tuple[str, str], ...]
_LONG = ("/exec", "/log", "/attach", "/portforward")
_ANYTHING = Attributes("get", path="/")
_MOST_REMEMBERED = 4096


class Flows:
    """The FlowSchemas of one cluster, and what was found for whoever asked for what."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._found: dict[tuple[str, tuple[str, ...], Attributes], Headers] = {}
        for plural in (SCHEMAS, LEVELS):
            store.subscribe(self._written, plural)

    def _written(self, revision: Revision) -> None:
        self._found.clear()

    def headers(self, user: User, request: Request) -> Headers:
        """The two headers of an answer; none where a request may last long, or falls under nothing.

        system:masters are exempt, whatever they ask for: no FlowSchema can come before that.
        """
        if request.path.endswith(_LONG) or "/proxy" in request.path:
            return ()
        asked = _ANYTHING if user.may_everything else attributes.of(request.method, request.path, request.query)
        key = (user.name, user.groups, asked)
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= _MOST_REMEMBERED:
                self._found.clear()
            found = self._found[key] = self._classify(user, asked)
        return found

    def _classify(self, user: User, asked: Attributes) -> Headers:
        levels = {each["metadata"]["name"]: each["metadata"]["uid"] for each in self._store.list(LEVELS)}
        for schema in sorted(self._store.list(SCHEMAS), key=_precedence):
            level = levels.get(schema["spec"]["priorityLevelConfiguration"]["name"])
            if level is not None and any(_fits(rule, user, asked) for rule in schema["spec"].get("rules") or ()):
                flow = schema["metadata"]["uid"]
                return (("X-Kubernetes-PF-FlowSchema-UID", flow), ("X-Kubernetes-PF-PriorityLevel-UID", level))
        return ()


def _precedence(schema: Object) -> tuple[int, str]:
    return schema["spec"]["matchingPrecedence"], schema["metadata"]["name"]


def _fits(rule: dict[str, Any], user: User, asked: Attributes) -> bool:
    if not any(_is_about(subject, user) for subject in rule.get("subjects") or ()):
        return False
    if asked.path:
        return any(
            _has(each["verbs"], asked.verb) and any(_covers(url, asked.path) for url in each["nonResourceURLs"])
            for each in rule.get("nonResourceRules") or ()
        )
    return any(_fits_resource(each, asked) for each in rule.get("resourceRules") or ())


def _is_about(subject: dict[str, Any], user: User) -> bool:
    kind = subject["kind"]
    if kind == "User":
        return subject["user"]["name"] in ("*", user.name)
    if kind == "Group":
        return subject["group"]["name"] == "*" or subject["group"]["name"] in user.groups
    account, wanted = account_of(user.name), subject["serviceAccount"]
    return account is not None and account[0] == wanted["namespace"] and wanted["name"] in ("*", account[1])


def _fits_resource(rule: dict[str, Any], asked: Attributes) -> bool:
    if not (_has(rule["verbs"], asked.verb) and _has(rule["apiGroups"], asked.group)):
        return False
    if not _has(rule["resources"], asked.full_resource):
        return False
    return _has(rule.get("namespaces") or (), asked.namespace) if asked.namespace else bool(rule.get("clusterScope"))


def _has(listed: Iterable[str], one: str) -> bool:
    return any(each in ("*", one) for each in listed)


def _covers(url: str, path: str) -> bool:
    return url in ("*", path) or (url.endswith("*") and path.startswith(url[:-1]))
