"""wget and ps say what Debian's busybox said when it was asked the same (1.35, on loopback)."""

from __future__ import annotations

import pytest


@pytest.fixture
def client(node):
    web = node.run("nginx:1.27", name="web-0", ip="10.244.1.5")
    node.exec(web, "sh", "-c", "cd /usr/share/nginx/html; echo web-0 > index.html; echo a > a.txt; echo b > b.txt")
    node.service("web", "10.96.0.80", [("10.244.1.5", "web-0")])
    return node.run(command=["sleep", "infinity"], name="client", ip="10.244.2.7")


def _bar(name: str, size: int) -> str:
    return f"{name:<21}100% |{'*' * 32}|{size:6d}  0:00:00 ETA\n"


_CONNECTING = "Connecting to web (10.96.0.80:80)\n"
_INDEX = f"saving to 'index.html'\n{_bar('index.html', 6)}'index.html' saved\n"
_WGET = [
    ("http://web", 0, "", f"{_CONNECTING}{_INDEX}"),
    ("-O - web", 0, "web-0\n", f"{_CONNECTING}writing to stdout\n{_bar('-', 6)}written to stdout\n"),
    ("--spider http://web", 0, "", f"{_CONNECTING}remote file exists\n"),
    ("-q --spider http://web/no", 1, "", "wget: server returned error: HTTP/1.1 404 Not Found\n"),
    ("-O /nodir/x http://web", 1, "", f"{_CONNECTING}wget: can't open '/nodir/x': No such file or directory\n"),
    ("-P sub http://web", 1, "", f"{_CONNECTING}wget: can't open 'sub/index.html': No such file or directory\n"),
    (
        "http://web/a.txt http://web/b.txt", 0, "",
        "".join(
            f"{_CONNECTING}saving to '{name}'\n{_bar(name, 2)}'{name}' saved\n" for name in ("a.txt", "b.txt")
        ),
    ),
    ("-o log http://web", 0, "", ""),
    ("-U x --header X:y --no-check-certificate -t 2 -qO- http://web", 0, "web-0\n", ""),
    ("gopher://web", 1, "", "wget: not an http or ftp url: gopher://web\n"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "code", "out", "error"), _WGET, ids=[each[0] for each in _WGET])
def test_wget_says_what_busybox_says(node, client, line, code, out, error):
    said = node.exec(client, "sh", "-c", f"mkdir /new; cd /new; wget {line}")
    assert (said.code, said.stdout, said.stderr) == (code, out, error)


def test_wget_writes_over_no_file_that_was_not_named(node, client):
    assert node.exec(client, "sh", "-c", "cd /; wget -q http://web && cat index.html").stdout == "web-0\n"
    again = node.exec(client, "sh", "-c", "cd /; wget -q http://web")
    assert (again.code, again.stderr) == (1, "wget: can't open 'index.html': File exists\n")
    assert node.exec(client, "sh", "-c", "cd /; wget -q -O index.html http://web").code == 0


def test_wget_keeps_its_words_in_a_log_and_shows_what_the_server_said(node, client):
    assert node.exec(client, "sh", "-c", "cd /; wget -o log http://web; cat log").stdout == f"{_CONNECTING}{_INDEX}"
    shown = node.exec(client, "wget", "-qS", "-O", "-", "http://web").stderr.split("\n")
    assert (shown[0], shown[-2:]) == ("  HTTP/1.1 200 OK", ["  ", ""])


@pytest.mark.parametrize("option", ["-Z", "--nonsense"])
def test_an_option_that_is_none_is_told(node, client, option):
    said = node.exec(client, "wget", option, "http://web")
    words = "invalid option -- 'Z'" if option == "-Z" else "unrecognized option '--nonsense'"
    assert (said.code, said.stderr.splitlines()[0]) == (1, f"wget: {words}")


def test_ps_shows_the_columns_that_are_asked_for(node, client):
    assert node.exec(client, "ps").stdout.splitlines()[:2] == [
        "PID   USER     TIME  COMMAND",
        "    1 root     0:00 sleep infinity",
    ]
    shown = node.exec(client, "ps", "-o", "pid,comm,args").stdout.splitlines()[:2]
    assert shown == ["PID   COMMAND          COMMAND", "    1 sleep            sleep infinity"]
    assert node.exec(client, "ps", "-o", "pid=,args=").stdout.splitlines()[0] == "    1 sleep infinity"
    wrong = node.exec(client, "ps", "-o", "nonsense")
    assert (wrong.code, wrong.stderr.split(",")[0]) == (1, "ps: bad -o argument 'nonsense'")
    assert node.exec(client, "ps", "-y").stderr.startswith("ps: invalid option -- 'y'\n")


@pytest.mark.parametrize(
    ("line", "code", "out"),
    [
        ("pgrep nginx", 0, "1\n"),
        ("pgrep -l ngi", 0, "1 nginx\n"),
        ("pgrep -x ngi", 1, ""),
        ("pgrep -f 'daemon off'", 0, "1\n"),
        ("pgrep redis", 1, ""),
        ("pidof nginx", 0, "1\n"),
        ("pidof /usr/sbin/nginx", 0, "1\n"),
        ("pidof redis-server", 1, ""),
    ],
)
def test_processes_are_found_by_name(node, line, code, out):
    web = node.run("nginx:1.27", command=["nginx", "-g", "daemon off;"])
    said = node.exec(web, "sh", "-c", line)
    assert (said.code, said.stdout, said.stderr) == (code, out, "")


def test_what_no_image_has_is_not_found_anywhere(node):
    container = node.run(command=["sleep", "1d"])
    for name in ("jq", "yq", "rg"):
        assert "executable file not found in $PATH" in node.exec(container, name, ".").stderr
        said = node.exec(container, "sh", "-c", f"command -v {name} || which {name} || ls /bin/{name} || {name} .")
        assert (said.code, said.stdout) == (127, "")
