"""How tests go to workers with --dist loadfile: what shares a server goes to one worker, which starts it once."""

from __future__ import annotations

import re

from xdist.scheduler import LoadFileScheduling

# JupyterLab and its browser are one for all files of that folder; the site, which is large, has its own.
_SHARED = re.compile(r"^(tests/browser)/(?!test_site_).*")


def scope_of(file: str) -> str:
    """What a file of tests is handed out with: the name of a folder, or its own."""
    return _SHARED.sub(r"\1", file)


class ByServer(LoadFileScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return scope_of(super()._split_scope(nodeid))
