"""The kinds one API server serves: those that are built in, and those that its CustomResourceDefinitions make."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from statelab.controlplane.apiserver.registry.apiservices import OtherServers
from statelab.controlplane.apiserver.validation.custom.kinds import Custom, kinds_of
from statelab.controlplane.kinds import BY_GROUP_VERSION_KIND, KINDS, Kind, Object
from statelab.controlplane.store import Revision, Store

DEFINITIONS = "customresourcedefinitions"


class ServedKinds:
    """Kinds by plural; a custom one's is its definition's name. A definition counts from when it is Established.

    `others`: the groups and versions that another API server would answer for.
    """

    def __init__(self, store: Store) -> None:
        self.by_webhook: Callable[[Custom, Object, str], Object] | None = None  # how a conversion webhook is asked
        self.others = OtherServers(store)
        self._custom: dict[str, list[Kind]] = {}  # by definition, the stored version first
        for definition in store.list(DEFINITIONS):
            self._take(definition)
        store.subscribe(self._on_revision, DEFINITIONS)

    def _on_revision(self, revision: Revision) -> None:
        if revision.type == "DELETED":
            self._custom.pop(revision.key, None)
        else:
            self._take(revision.object)

    def _take(self, definition: Object) -> None:
        name = definition["metadata"]["name"]
        conditions = (definition.get("status") or {}).get("conditions") or ()
        if any(each["type"] == "Established" and each["status"] == "True" for each in conditions):
            self._custom[name] = kinds_of(definition)
            for kind in self._custom[name]:
                if kind.custom is not None and kind.custom.webhook is not None:
                    kind.custom.by_webhook = self._convert
        else:
            self._custom.pop(name, None)

    def _convert(self, custom: Custom, obj: Object, api_version: str) -> Object:
        return self.by_webhook(custom, obj, api_version) if self.by_webhook is not None else obj

    def __getitem__(self, plural: str) -> Kind:
        found = KINDS.get(plural)
        return found if found is not None else self._custom[plural][0]

    def get(self, plural: str) -> Kind | None:
        found = KINDS.get(plural)
        return found if found is not None else next(iter(self._custom.get(plural, ())), None)

    def __contains__(self, plural: str) -> bool:
        return plural in KINDS or bool(self._custom.get(plural))

    def __iter__(self) -> Iterator[str]:
        yield from KINDS
        yield from (name for name, kinds in self._custom.items() if kinds)

    @property
    def custom(self) -> list[Kind]:
        """Every served version of every custom kind."""
        return [kind for kinds in self._custom.values() for kind in kinds]

    def find(self, group: str, version: str, plural: str) -> Kind | None:
        """The custom kind of a path."""
        kinds = self._custom.get(f"{plural}.{group}", ())
        return next((kind for kind in kinds if kind.version == version), None)

    def named(self, api_version: str, name: str) -> Kind | None:
        """The kind that an object says it is."""
        found = BY_GROUP_VERSION_KIND.get((api_version, name))
        if found is None and self._custom:
            return next((each for each in self.custom if (each.api_version, each.name) == (api_version, name)), None)
        return found
