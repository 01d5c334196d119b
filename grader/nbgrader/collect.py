"""nbgrader's collecting, which leaves in the exchange what is no part of an answer, and says so."""

from __future__ import annotations

import os
from pathlib import Path

from nbgrader.exchange.default import ExchangeCollect

from grader.nbgrader.submissions import STATE, without_state


class Collect(ExchangeCollect):
    """As nbgrader's; a submission that brings a learner's cluster comes without it."""

    def do_copy(self, src: str, dest: str, log: object = None) -> None:
        super().do_copy(src, dest, log)
        without_state(Path(dest))  # where the course's own configuration does not ignore it
        if any(STATE in folders for _, folders, _ in os.walk(src)):
            self.log.warning(
                "%s brought a cluster with its token (%s): it was not collected. Delete it in the exchange: rm -r %s",
                os.path.basename(src).split("+")[0],
                STATE,
                os.path.join(src, STATE),
            )
