"""What lets a server's time pass."""

from __future__ import annotations

import asyncio
import threading

from statelab import server
from statelab.controlplane import ControlPlane


def test_a_slow_disk_does_not_stop_the_cluster_s_time(tmp_path, monkeypatch):
    monkeypatch.setattr(server, "_SYNC_EVERY_S", 0.0)
    cluster, answers, asked = ControlPlane(pace=1000.0, state=tmp_path), threading.Event(), []
    assert cluster.journal is not None

    def sync() -> None:
        asked.append(1)
        answers.wait(60)

    async def run() -> None:
        driver, came = server.Driver(cluster), asyncio.Event()
        driving = asyncio.create_task(driver.run())
        while not asked:
            await asyncio.sleep(0.001)
        cluster.loop.call_later(1.0, came.set)
        await asyncio.wait_for(came.wait(), 60)  # the disk has not answered yet
        assert asked == [1]  # and is not asked twice
        driving.cancel()
        answers.set()
        await driver.kept()
        driver.stop()

    monkeypatch.setattr(cluster.journal, "sync", sync)
    asyncio.run(run())
    monkeypatch.undo()
    cluster.journal.close()
