"""The shell in Python beside bashkit's: the same script prints the same, and comes to the same code, in both."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from statelab.controlplane.runtime import Limits, shells
from statelab.controlplane.runtime.runtime import Runtime
from statelab.controlplane.runtime.shell.parser import parse
from statelab.controlplane.runtime.shell.patterns import PatternProblem, glob, regex
from statelab.controlplane.runtime.shell.syntax import SyntaxProblem

SCRIPTS = [
    "echo 'a  b' \"c  $HOSTNAME\" d\\ e $'x\\ty' \"\" end",
    "x=1; y=$((x + 2 * 3)); echo $y $((y % 4)) $((1 << 4 | 1)) $((y > 3 ? 10 : 20)); ((x++)); echo $x",
    "x='a b  c'; for i in $x; do echo \"[$i]\"; done; for i in \"$x\"; do echo \"[$i]\"; done",
    "IFS=:; x=a:b::c; set -- $x; echo $# $1 $4; echo \"$*\"",
    "x=web-12; echo ${x##*-} ${x%%-*} ${#x} ${x/e/E} ${x:1:2} ${y:-none} ${y:=set} $y ${x:+there} ${x^^}",
    "echo $(echo one; echo two) `echo three` \"$(printf 'a\\nb\\n')\"",
    "if false; then echo a; elif true; then echo b; else echo c; fi; ! true; echo $?",
    "i=0; while [ $i -lt 5 ]; do i=$((i+1)); [ $i -eq 2 ] && continue; [ $i -eq 4 ] && break; echo $i; done",
    "until false; do echo once; break; done; for ((i=0; i<3; i++)); do echo $i; done",
    "case abc in a) echo 1;; a*|b) echo 2;; *) echo 3;; esac; case x in [a-w]) echo no;; [!a-w]) echo yes;; esac",
    "f() { local x=2; echo $x $1 $#; return 7; }; x=1; f a b; echo $? $x",
    "a=(1 2 'three four'); echo ${#a[@]} \"${a[2]}\"; a+=(5); for i in \"${a[@]}\"; do echo \"<$i>\"; done",
    "declare -A m; m[a]=1; m[b]=2; echo ${m[a]} ${#m[@]}; declare -A n=([x]=1 [y]=2); echo ${n[y]} ${#n[@]}",
    "f() { local -a a=(1 2 3); echo ${a[1]} ${#a[@]}; }; f; echo ${#a[@]}; readonly -a r=(5 6); echo ${r[1]}",
    "set -e; false || true; if false; then :; fi; (exit 3) || echo $?; false; echo never",
    "set -u; echo ${nope:-fine}; echo $nope; echo never",
    "set -o pipefail; false | true; echo $?; set +o pipefail; false | true; echo $?",
    "trap 'echo bye $?' EXIT; echo hi; exit 4",
    "echo a > /tmp/f; echo b >> /tmp/f; cat < /tmp/f; wc -l < /tmp/f; cat /nope 2>/dev/null; echo $?",
    "{ echo out; echo err >&2; } 2>&1 | sort; exec 3> /tmp/g; echo three >&3; cat /tmp/g",
    "cat <<EOF\nhello $HOSTNAME $((1+1))\nEOF\ncat <<'EOF'\n$HOSTNAME\nEOF\ncat <<-EOF\n\tx\n\tEOF\ncat <<< word",
    "printf '%s-%d|%5.2f|%-4s|%04d|%x\\n' a 3 2.5 b 7 255; printf '%s\\n' a b c; printf 'no newline'",
    "read a b <<< 'one two three'; echo \"$a|$b\"; printf 'x\\ny\\n' | while read l; do echo \"<$l>\"; done",
    "test -f /etc/hosts && [ -d /etc ] && [[ abc == a* && 5 -gt 3 ]] && echo yes; [ a = b ]; echo $?",
    "[[ web-12 =~ ^([a-z]+)-([0-9]+)$ ]] && echo ${BASH_REMATCH[1]} ${BASH_REMATCH[2]}",
    "(cd /tmp; pwd; x=inner); pwd; echo \"${x:-outer}\"",
    "sleep 2 & sleep 1; wait; echo done; (sleep 3; echo late) & echo early; wait $!; echo $?",
    "echo {a,b}{1,2} {1..4}; echo /etc/host*; cd /etc; ls hostname",
    "seq 3 | sort -r | head -2 | tail -1; seq 10 | awk '{s+=$1} END {print s, NR}'",
    "echo a:b:c | cut -d: -f2; echo hello | tr a-y b-z; echo 'b\na\nb' | sort | uniq -c | sed 's/^ *//'",
    "printf 'k=v\\n# c\\nx=y\\n' | grep -v '^#' | sed -n 's/\\(.*\\)=\\(.*\\)/\\2 \\1/p'",
    "printf 'a 1\\nb 2\\n' | awk '$2 > 1 {print $1}'; awk -F: '{print $1}' /etc/passwd",
    "mkdir -p /tmp/d/e; touch /tmp/d/e/f; find /tmp/d -type f; rm -r /tmp/d; [ -e /tmp/d ]; echo $?",
    "cp /etc/hostname /tmp/h; mv /tmp/h /tmp/i; cat /tmp/i; ln -s /tmp/i /tmp/j; cat /tmp/j; readlink /tmp/j",
    "mkdir -p /tmp/o/s /tmp/n; echo 1 > /tmp/o/a; echo 2 > /tmp/o/s/b; cp -a /tmp/o/. /tmp/n; find /tmp/n | sort",
    "mkdir -p /tmp/o/s /tmp/n; echo 1 > /tmp/o/s/a; cp -r /tmp/o /tmp/n; cp /tmp/o /tmp/n; find /tmp/n | sort",
    "echo 1 > /tmp/a; echo 2 > /tmp/b; cp -n /tmp/a /tmp/b; cat /tmp/b; cp -v /tmp/a /tmp/b; cp a b /nowhere; echo $?",
    "mkdir -p /tmp/o/s; echo 1 > /tmp/o/s/a; mv /tmp/o /tmp/p; cat /tmp/p/s/a; mv /tmp/nope /tmp/p; echo $?; ls /tmp",
    "basename /a/b.txt .txt; dirname /a/b; expr 3 + 4; echo abc | md5sum; echo abc | base64",
    "eval 'x=5; echo $x'; x=y; y=z; echo ${!x}; set -- a b c; shift; echo $@; echo \"$#\"",
    "A=1 sh -c 'echo $A'; echo ${A:-unset}; export B=2; sh -c 'echo $B'; env C=3 sh -c 'echo $C $0 $1' zero one",
    "type cd > /dev/null; command -v nosuch; echo $?; nosuch 2> /dev/null; echo $?",
    "x=$(false); echo $?; y=$(exit 3) || echo failed $?; echo 'quoted \"inside\"' \"it's\"",
    "while read -r a; do echo \"$a\"; done < /etc/hostname; echo a b | { read x y; echo $y; }",
    "yes | head -n 2; echo x | xargs -I{} echo '[{}]'; echo 1 2 3 | xargs -n 1 echo n",
]  # fmt: skip


@pytest.mark.parametrize("shell", ["bashkit"], indirect=True)  # the first of the two
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_does_the_same_in_both(script, node_factory, monkeypatch):
    said = []
    for in_python in (False, True):
        monkeypatch.setattr(shells, "in_python", in_python)
        monkeypatch.setattr(Runtime, "worker_for", lambda self, *_, **__: self.worker)
        node = node_factory(0)
        container = node.run(command=["sleep", "1d"])
        found = node.exec(container, "sh", "-c", script)
        said.append((found.stdout, found.code))
    assert said[0] == said[1]


@given(st.text(alphabet="ab1 $(){}[]'\"`\\|&;<>\n=!#*?-:/%^,+@~e", max_size=40))
@example("${" * 100)
@example("$((" * 100)
@example("(" * 5000)
@example("if " * 500)
@example("[[ " + "( " * 300)
@settings(max_examples=300)
def test_any_text_is_read_or_refused_with_words(text):
    try:
        parse(text)
    except SyntaxProblem as problem:
        assert str(problem)


@given(st.text(alphabet="ab[]*?\\(){}+|.^$-!:1,", max_size=20), st.text(alphabet="ab]*[", max_size=10))
def test_any_pattern_is_one_or_is_refused(pattern, text):
    for read in (glob, lambda each: regex(each, extended=True), lambda each: regex(each, extended=False)):
        try:
            read(pattern).search(text)
        except PatternProblem as problem:
            assert str(problem)


@pytest.mark.parametrize("shell", ["python"], indirect=True)
def test_a_limit_is_met_at_the_same_step_every_time(node_factory):
    """It counts what is done, not seconds: a slow machine sees the same."""
    ends = set()
    for _ in range(2):
        node = node_factory(0)
        container = node.sh("i=0; while :; do i=$((i+1)); echo $i; done", limits=Limits(busy_s=0.2))
        ends.add((len(container.logs), container.logs[-2].text))
    assert len(ends) == 1


@pytest.mark.parametrize(
    ("image", "called", "words"),
    [
        ("busybox:1.36", "/bin/sh", "/bin/sh: can't create /file: Read-only file system\n"),
        ("busybox:1.36", "sh", "sh: can't create /file: Read-only file system\n"),
        ("nginx:1.27", "sh", "sh: 1: cannot create /file: Read-only file system\n"),
        ("nginx:1.27", "bash", "bash: line 1: /file: Read-only file system\n"),
    ],
)
def test_a_read_only_root_is_told_in_the_words_of_the_images_shell(node, image, called, words):
    container = node.run(image, command=["sleep", "infinity"], read_only_root=True)
    assert node.exec(container, called, "-c", "echo x > /file").stderr == words
    said = node.exec(container, called, "-c", "touch /file").stderr
    assert said.startswith("touch: ") and said.endswith(": Read-only file system\n")
