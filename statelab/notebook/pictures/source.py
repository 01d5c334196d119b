"""Where a history comes from: the embedded cluster keeps one; elsewhere it is what the watches have seen."""

from __future__ import annotations

import threading
from typing import Any

from statelab.cluster import Cluster, RequestRefused
from statelab.cluster.embedded import EmbeddedCluster
from statelab.notebook.pictures.history import History, Moment, moment_of
from statelab.notebook.pictures.live import Mirror
from statelab.notebook.pictures.scene import WATCHED

_PAGE = 2000


class Source:
    """Fills a History, and keeps it filled: `update()`."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._cluster: Cluster = mirror.cluster
        self._since = 0
        self._one_at_a_time = threading.Lock()
        self._customs = mirror.customs
        self.history = History(mirror.namespace, (), mirror.objects())
        self.update()

    def update(self) -> int:
        """Fetch what happened since. How many moments that were. Raises Problem when the cluster is away."""
        with self._one_at_a_time:  # a cell and the watch may both ask; each moment is to be there once
            return self._update()

    def _update(self) -> int:
        if isinstance(self._cluster, EmbeddedCluster):
            return self._from_embedded()
        moments = self._mirror.moments()
        new = [moment for moment in moments if moment.number > self._since]
        if not new:
            return 0
        self._since = max(moment.number for moment in new)
        if new != moments[-len(new) :]:  # a watch was later than another: its moments belong between those we have
            self.history = History(self._mirror.namespace, (), self._mirror.objects())
            new = moments
        return self.history.extend(new)

    def _from_embedded(self) -> int:
        added = 0
        if self._mirror.customs != self._customs:  # what happened to them before is to be asked for as well
            self._customs = self._mirror.customs
            self._begin_again()
        while True:
            try:
                answer = self._page()
            except RequestRefused as refusal:
                if refusal.code != 410 or not self._since:
                    raise
                self._begin_again()  # what came since is no longer kept
                continue
            revisions = answer["revisions"]
            if answer["revision"] < self._since:
                self._begin_again()  # another cluster is there now: it was reset
                continue
            added += self._extend([moment_of(each) for each in revisions])
            if len(revisions) < _PAGE:
                self._since = answer["revision"]
                return added
            self._since = revisions[-1]["number"]

    def _page(self) -> Any:
        params = {
            "limit": str(_PAGE),
            "namespace": self._mirror.namespace,
            "resources": ",".join((*WATCHED, *self._customs, "namespaces")),
        }
        if self._since:
            params["since"] = str(self._since)
        return self._cluster.request("GET", "/statelab/v1/history", params=params)

    def _extend(self, moments: list[Moment]) -> int:
        """A namespace that was deleted and made again begins a new history; its nodes have an older one."""
        for place, moment in enumerate(moments):
            if moment.plural == "namespaces" and moment.type == "ADDED" and moment.key == self._mirror.namespace:
                before = [*self.history.moments, *moments[:place]]
                nodes = [each for each in before if each.plural == "nodes"]
                self.history = History(self._mirror.namespace, nodes, self._mirror.objects())
                return len(nodes) + self._extend(moments[place + 1 :])
        return self.history.extend(moments)

    def _begin_again(self) -> None:
        self._since = 0
        self.history = History(self._mirror.namespace, (), self._mirror.objects())
