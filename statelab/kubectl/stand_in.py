"""StateLab's kubectl in the place of the program, on whatever cluster a notebook is connected to."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from statelab.cluster import Cluster, Problem
from statelab.cluster import stand_in as cluster_stand_in
from statelab.cluster.stand_in import OnText


def register() -> None:
    """From now on, lines are carried out by us where there is no kubectl."""
    cluster_stand_in.register(run)


def run(
    cluster: Cluster, words: Sequence[str], stdin: str | None, on_text: OnText, timeout_s: float | None = None
) -> int:
    """Carry a line out; its exit code. Raises Problem after `timeout_s` seconds, or when no cluster answers."""
    from statelab.kubectl.api import drive
    from statelab.kubectl.over_http import api_of
    from statelab.kubectl.running import Kubectl
    from statelab.kubectl.session import FolderFiles, Session

    session = Session(cluster.namespace, cluster.context, cluster.context, cluster.context, cluster.connection.url)
    api = api_of(cluster)
    ends_s = None if timeout_s is None else time.monotonic() + timeout_s

    def wait(until: Callable[[], bool], most_s: float) -> bool:
        if ends_s is None:
            return api.wait(until, most_s)
        done = api.wait(until, min(most_s, max(0.0, ends_s - time.monotonic())))
        if not done and time.monotonic() >= ends_s:
            raise Problem(f"kubectl did not finish within {timeout_s:.0f} s.", "Add a --timeout.")
        return done

    kubectl = Kubectl(api, wait, session, FolderFiles())
    code = drive(kubectl.steps(words, write=on_text, stdin=stdin), wait)
    cluster.namespace = session.namespace  # `config set-context --current --namespace` may have changed it
    return code
