"""Ask the real busybox what tests/statelab/controlplane/runtime/nslookup.json holds. Needs Linux, root and a busybox.

    unshare --net --mount python tests/support/record_nslookup.py

In a network of its own, the cluster's DNS (ours) listens where a Pod would find it, and busybox asks it over real UDP.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from nslookup_world import CASES, DNS_SERVER, RESOLV_CONF, SILENT, objects

from statelab.controlplane.dns_server import DnsServer

RECORDED = Path(__file__).parents[1] / "statelab/controlplane/runtime/nslookup.json"


class World:
    def __init__(self) -> None:
        self.objects = objects()

    def get(self, plural: str, key: str) -> dict[str, Any] | None:
        for each in self.objects.get(plural, ()):
            meta = each["metadata"]
            if key == (f"{meta['namespace']}/{meta['name']}" if "namespace" in meta else meta["name"]):
                return each
        return None

    def list(self, plural: str, namespace: str = "") -> list[dict[str, Any]]:
        return [
            each for each in self.objects.get(plural, ()) if not namespace or each["metadata"]["namespace"] == namespace
        ]


class _Silent(asyncio.DatagramProtocol):
    pass


async def main() -> None:
    for line in ("link set lo up", f"addr add {DNS_SERVER}/32 dev lo", f"addr add {SILENT}/32 dev lo"):
        subprocess.run(["ip", *line.split()], check=True)
    server = DnsServer(World())  # type: ignore[arg-type]
    await server.start(53, DNS_SERVER)
    await asyncio.get_running_loop().create_datagram_endpoint(_Silent, local_addr=(SILENT, 53))
    conf = Path(tempfile.mkdtemp()) / "resolv.conf"
    conf.write_text("")
    subprocess.run(["mount", "--bind", conf, "/etc/resolv.conf"], check=True)
    recorded = []
    for kind, words in CASES:
        conf.write_text(RESOLV_CONF[kind])
        process = await asyncio.create_subprocess_exec(
            "busybox", "nslookup", *words, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        out, err = await process.communicate()
        said = {"stdout": out.decode(), "stderr": err.decode()}
        recorded.append({"resolv.conf": kind, "words": words, "code": process.returncode, **said})
    RECORDED.write_text(json.dumps(recorded, indent=1) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
