"""Which scripts wait for what is typed."""

from __future__ import annotations

import pytest

from statelab.controlplane.runtime.stdin import reads_stdin


@pytest.mark.parametrize(
    "script",
    [
        "cat", "cat > /tmp/x", "cat -", "wc -c", "read name; echo $name", "while read line; do echo $line; done",
        "tar -xmf - -C /",
        "grep word", "head -n 5", "tee /tmp/x", "cat | wc -l", "sh", "A=b cat", "base64 -d > /tmp/x", "sed s/a/b/",
        "if true; then cat; fi",
    ],
)  # fmt: skip
def test_these_read_it(script: str) -> None:
    assert reads_stdin(script)


@pytest.mark.parametrize(
    "script",
    [
        "ls /", "date", "hostname", "cat /etc/hosts", "echo a | cat", "head -n 5 /etc/hosts", "grep word file",
        "tar cf - /etc",
        "sh -c 'echo a'", "cat < /etc/hosts", "for i in 1 2; do echo $i; done", "cat <<EOF\nhello\nEOF",
        "echo 'cat'", "redis-cli ping",
        "sed s/a/b/ file", "ls /tmp && cat /etc/hosts", "echo '", "sort /a | uniq", "dd if=/dev/zero of=/x", "",
    ],
)  # fmt: skip
def test_these_do_not(script: str) -> None:
    assert not reads_stdin(script)
