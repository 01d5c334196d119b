"""A loop that does not turn is told of, with what each thread was doing; one that turns is not."""

from __future__ import annotations

import asyncio
import logging
import threading
import time

from statelab.watchdog import watched


def waits_for_the_other(over: threading.Event) -> None:
    over.wait(60)


def test_a_blocked_loop_is_told_of_with_every_thread_s_stack(tmp_path, caplog):
    over = threading.Event()
    other = threading.Thread(target=waits_for_the_other, args=(over,))
    other.start()
    said = tmp_path / "log"

    async def block(file) -> None:
        with watched(asyncio.get_running_loop(), blocked_s=600, every_s=0.01, file=file):
            await asyncio.sleep(0.03)
        assert said.read_text() == ""
        with watched(asyncio.get_running_loop(), blocked_s=0.1, every_s=0.01, file=file):
            for _ in range(6000):  # meanwhile it does not turn, until its own stack, the last, is written
                if "in block" in said.read_text():
                    break
                time.sleep(0.01)
            await asyncio.sleep(0.03)

    with said.open("w") as file, caplog.at_level(logging.WARNING):
        asyncio.run(block(file))
    over.set()
    other.join()
    assert "in block" in said.read_text()
    assert "in waits_for_the_other" in said.read_text()
    assert [each.message for each in caplog.records if "nothing was answered" in each.message]
