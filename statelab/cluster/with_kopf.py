"""kopf, the operator library for Python, beside a notebook's cells: its handlers against the connected cluster.

kopf brings an event loop of its own, which runs in a thread; it speaks to the API server over sockets. It is no
dependency of the course: a lesson shows it where it is there.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

import yaml

from statelab.cluster.beside import runs_in_a_tab

if TYPE_CHECKING:
    from statelab.cluster.cluster import Cluster

_SAYS = {
    "tab": "kopf speaks to the API server over sockets, and a browser tab has none: this is shown where StateLab is "
    "installed. The loop above does the same.",
    "missing": "kopf is not installed here. Where it is (pip install kopf), its handlers run.",
    "slow": "kopf did not begin within {seconds:.0f} s.",
}
_BEGINS_WITHIN_S = 30.0
_ENDS_WITHIN_S = 30.0


class Operator:
    """kopf while it runs. `stop()` ends it and waits until it has ended."""

    def __init__(self, registry: Any, namespace: str) -> None:
        self._flag = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(registry, namespace), daemon=True, name="kopf")
        self._thread.start()
        if not self._ready.wait(_BEGINS_WITHIN_S):
            print(_SAYS["slow"].format(seconds=_BEGINS_WITHIN_S))

    def stop(self) -> None:
        self._flag.set()
        self._thread.join(_ENDS_WITHIN_S)

    def _run(self, registry: Any, namespace: str) -> None:
        import kopf

        logging.getLogger("kopf").setLevel(logging.ERROR)  # it warns that signals do not reach a thread
        kopf.run(
            registry=registry, standalone=True, namespaces=[namespace], stop_flag=self._flag, ready_flag=self._ready
        )


def run_beside(cluster: Cluster, registry: Any) -> Operator | None:
    """The registry's handlers, running; None, with a sentence, where that cannot be."""
    if runs_in_a_tab():
        print(_SAYS["tab"])
        return None
    try:
        import kopf
    except ImportError:
        print(_SAYS["missing"])
        return None
    said = cluster.kubectl("config view --raw --minify --flatten --output=yaml")
    config = yaml.safe_load(said.stdout)
    server, user = config["clusters"][0]["cluster"], config["users"][0].get("user") or {}

    @kopf.on.login(registry=registry)
    def login(**_: Any) -> Any:
        return kopf.ConnectionInfo(
            server=server["server"],
            ca_data=server.get("certificate-authority-data"),
            insecure=server.get("insecure-skip-tls-verify"),
            token=user.get("token"),
            certificate_data=user.get("client-certificate-data"),
            private_key_data=user.get("client-key-data"),
            default_namespace=cluster.namespace,
        )

    return Operator(registry, cluster.namespace)
