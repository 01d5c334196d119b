"""ls in containers: rows as busybox and coreutils write them, in both shells; and editors, which are not there."""

from __future__ import annotations

import pytest

LOOK = "mkdir -p /data/sub && printf hello > /data/file && ln -s file /data/link && "


def said(node, image, script):
    container = node.run(image, command=["sleep", "infinity"])
    return node.exec(container, "sh", "-c", script).stdout.splitlines()


def words(rows):
    """Without dates."""
    return [[*row.split()[:5], *row.split()[8:]] for row in rows]


def test_an_empty_folder_has_itself_and_what_is_above(node):
    rows = said(node, "busybox:1.36", "mkdir /data; ls -la /data")
    assert rows[0] == "total 8"
    assert words(rows[1:]) == [
        ["drwxr-xr-x", "2", "root", "root", "4096", "."],
        ["drwxr-xr-x", "2", "root", "root", "4096", ".."],
    ]


def test_a_row_has_owner_group_size_and_date(node):
    rows = said(node, "busybox:1.36", LOOK + "ls -l /data")
    assert rows[0] == "total 8"
    assert words(rows[1:]) == [
        ["-rw-r--r--", "1", "root", "root", "5", "file"],
        ["lrwxrwxrwx", "1", "root", "root", "4", "link", "->", "file"],
        ["drwxr-xr-x", "2", "root", "root", "4096", "sub"],
    ]
    assert rows[1].startswith("-rw-r--r--    1 root     root             5 ")


def test_coreutils_makes_columns_as_wide_as_they_have_to_be(node):
    rows = said(node, "nginx:1.27", LOOK + "ls -l /data")
    assert rows[1].startswith("-rw-r--r-- 1 root root    5 ")
    assert rows[3].startswith("drwxr-xr-x 2 root root 4096 ")


@pytest.mark.parametrize(
    ("image", "words", "code"),
    [
        ("busybox:1.36", "ls: /none: No such file or directory", 1),
        ("nginx:1.27", "ls: cannot access '/none': No such file or directory", 2),
    ],
)
def test_what_is_not_there_is_told_in_the_images_words(node, image, words, code):
    container = node.run(image, command=["sleep", "infinity"])
    answer = node.exec(container, "sh", "-c", "ls /none")
    assert (answer.stderr.strip(), answer.code) == (words, code)


def test_names_alone_come_one_a_line(node):
    assert said(node, "busybox:1.36", LOOK + "ls /data; ls -a /data | wc -l") == ["file", "link", "sub", "5"]
    assert said(node, "busybox:1.36", "ls /etc") == [
        "group",
        "hostname",
        "hosts",
        "os-release",
        "passwd",
        "resolv.conf",
    ]


@pytest.mark.parametrize("editor", ["vi", "vim", "nano"])
def test_an_editor_is_not_there(node, editor):
    container = node.run("nginx:1.27", command=["sleep", "infinity"])
    answer = node.exec(container, "sh", "-c", f"{editor} file; echo $?")
    assert answer.stdout == "127\n"
    assert answer.stderr == f"sh: {editor}: not found\n"


def test_files_that_are_named_stand_in_the_order_that_is_asked_for(node):
    made = "mkdir /data; for n in b c a; do sleep 1; echo $n > /data/$n; done; echo more >> /data/c; sleep 1; "
    assert said(node, "busybox:1.36", made + "ls -t /data/*; ls -S /data/*; ls -tr /data/a /data/b") == [
        *("/data/c", "/data/a", "/data/b"),
        *("/data/c", "/data/a", "/data/b"),
        *("/data/b", "/data/a"),
    ]
