"""Scripts that the shell in Python takes over from bashkit's do the same there: output, errors, code, files, times."""

from __future__ import annotations

import random

import pytest

from statelab.controlplane.runtime import shells
from statelab.controlplane.runtime.runtime import Runtime
from statelab.controlplane.runtime.sandbox import Shell as Bashkit
from statelab.controlplane.runtime.shell.alike import can_run, runs_alike

TAKEN = [
    "true",
    "exit 3",
    "cat /tmp/f",
    "cat /tmp/f /tmp/nope; echo $?",
    "test -f /tmp/f && echo there",
    "printf %s 'one two' > '/tmp/g'; cat /tmp/g",
    "rm /tmp/f; rm -rf /tmp/f; rm /tmp/f; echo $?",
    "mkdir -p /tmp/a/b && touch /tmp/a/b/c && [ -e /tmp/a/b/c ] && echo made",
    "echo a > /tmp/d/e; echo b >> /nope/x; echo $?",
    "cd /nope; cd /tmp; pwd",
    'case "$HOSTNAME" in\n  *-0) echo first ;;\n  *) sleep 1 ;;\nesac',
    'if [ "${HOSTNAME##*-}" = 0 ]; then exec sleep 5; else exec sleep 6; fi',
    'number=${HOSTNAME##*-}\nif [ "$number" -gt 0 ]; then echo more || exit 1; fi\nsleep 5',
    'n=0; while [ "$n" -lt 5 ]; do echo "$(date) $n" >> /tmp/log; sleep 3; n=$((n + 1)); done',
    "for i in 1 2 3; do echo $i; sleep 1; done; exit 7",
    "[ -e /tmp/cat ] || { sleep 2; echo a small cat > /tmp/cat; }; sleep 1000000",
    "set -e; false || echo went on; false; echo never",
    "set -eu; echo $nothing; echo never",
    "sleep 2 & sleep 1; echo first; wait; echo both",
    'test $(cat /etc/hosts | grep -c web) -ge 1; echo $?',
    "wget -qO- -T 1 http://10.9.9.9:80/ || echo no answer",
]  # fmt: skip
NOT_TAKEN = [
    "echo $RANDOM", "echo $$", "awk '{print}' /tmp/f", "x=; [ $x = 1 ]", "nosuch", "eval echo", '$X',
    "a() { :; }; a",
    "echo x > $X", "cat /proc/1/environ", "! ! true", "cat <<E\nE",
    "grep -q a /tmp/f >> /tmp/f",
    "bc /tmp/f | head -1", "$X /tmp/f | bc", "echo a | xargs bc &",
    "seq 3 | sort -R", "echo a:b | cut -d: -f1 --complement", "seq 3 | head -n -1", "true | cat; echo ${PIPESTATUS[0]}",
    "echo ab | while read -n1 c; do echo $c; done", "echo aa | grep -E '(a|a)*b'",
    "if true; then", "echo ${x:?gone}", "echo $((1 / 0))" + " " * 4000, "IFS=:; echo a", "trap 'echo' TERM; sleep 1",
]  # fmt: skip


@pytest.fixture
def made(monkeypatch):
    """How many of bashkit's shells there were."""
    monkeypatch.setattr(shells, "in_python", False)
    found = []
    before = Bashkit.__init__

    def counted(self, *arguments, **settings):
        found.append(self)
        before(self, *arguments, **settings)

    monkeypatch.setattr(Bashkit, "__init__", counted)
    return found


@pytest.mark.parametrize("shell", ["bashkit"], indirect=True)
@pytest.mark.parametrize("is_main", [True, False])
@pytest.mark.parametrize("script", TAKEN)
def test_a_script_that_is_taken_over_does_the_same(script, is_main, node_factory, made, monkeypatch):
    mine = _outcome(node_factory, script, is_main)
    assert made == [] or (is_main and "$(cat" in script)  # whose errors would come too soon
    with monkeypatch.context() as other:
        other.setattr(Runtime, "worker_for", lambda self, *_, **__: self.worker)
        assert _outcome(node_factory, script, is_main) == mine
    assert made


@pytest.mark.parametrize("shell", ["bashkit"], indirect=True)
@pytest.mark.parametrize("script", NOT_TAKEN)
def test_what_each_shell_does_in_its_own_way_is_left_to_bashkit(script, node_factory, made):
    _outcome(node_factory, script, is_main=True)
    assert len(made) == 1


@pytest.mark.parametrize("shell", ["bashkit"], indirect=True)
@pytest.mark.parametrize("seed", range(40))
def test_scripts_made_by_chance_do_the_same(seed, node_factory, made, monkeypatch):
    chance = random.Random(seed)
    script, is_main = "", True
    while not script or not runs_alike(script, ("hostname", "nslookup", "sleep"), in_order=is_main):
        script, is_main = _script(chance), chance.random() < 0.5
    mine = _outcome(node_factory, script, is_main)
    assert made == []
    monkeypatch.setattr(Runtime, "worker_for", lambda self, *_, **__: self.worker)
    assert _outcome(node_factory, script, is_main) == mine, script


@pytest.mark.parametrize("shell", ["bashkit"], indirect=True)
def test_in_paced_time_every_script_is_bashkits(node_factory, made):
    """A server answers its clients while a script computes: that one runs in a thread of its own."""
    node = node_factory(0)
    node.runtime._turns = None
    node.run(command=["true"])
    assert len(made) == 1


@pytest.mark.parametrize("shell", ["bashkit"], indirect=True)
def test_who_looks_around_finds_the_commands_that_nobody_had_looked_for(node_factory, made):
    node = node_factory(0)
    container = node.run(command=["sh", "-c", "[ -e /tmp/f ] || echo a > /tmp/f; sleep 1000"])
    assert container.root.waits
    assert node.exec(container, "cat", "/etc/passwd").stdout.startswith("root:")
    assert not container.root.waits
    assert "busybox" in node.exec(container, "ls", "-l", "/bin/cat").stdout
    assert node.exec(container, "cat", "/tmp/f").stdout == "a\n"


def _outcome(node_factory, script, is_main):
    """All that can be seen of it; a file is there for it to read."""
    node = node_factory(0)
    container = node.run(command=["sh", "-c", script] if is_main else ["sleep", "1d"], for_s=0)
    container.root.write("/tmp/f", b"a\n")
    answer = None if is_main else node.exec(container, "sh", "-c", script, within_s=2_000_000.0)
    said = answer and (answer.code, answer.stdout, answer.stderr)  # on two streams: there is no order between them
    node.loop.run_for(20)
    logs = [(line.stream, line.text, line.at_s) for line in container.logs]
    return said, logs, container.exit, _files(container, "/tmp")


def _files(container, folder):
    found = {}
    for name in container.files.names(folder) if container.files.is_directory(folder) else ():
        path = f"{folder}/{name}"
        is_folder = container.files.is_directory(path)
        found[path] = container.files.stat(path).mode
        found |= _files(container, path) if is_folder else {f"{path} holds": container.files.read(path)}
    return found


_WORDS = (
    "a", '"b c"', '"$X"', "'q q'", '"$HOSTNAME"', '"${HOSTNAME##*-}"', '"${Y:-d}"', '"$((1+2))"', '"$(echo z)"', "$?",
    "$#",
    '"$(cat /tmp/f)"', "/tmp/f", '"x=y"', "3", "-1", '"$(hostname)"', "$X", "$HOSTNAME", '$(echo "a  b")', '"*"', "5",
)  # fmt: skip
_PATHS = ("/tmp/f", "/tmp/g", "/tmp/d/e", "/data/x", "/nope/x", "/tmp/$X", "/dev/null", "/etc/hosts", '/tmp/f-"$X"')
_COMPARE = ("=", "!=", "-eq", "-ne", "-lt", "-ge")


def _script(chance):
    return chance.choice(("; ", "\n")).join(_command(chance, 2) for _ in range(chance.randint(1, 5)))


def _command(chance, depth):
    def one():
        return _command(chance, depth - 1)

    if not depth or chance.random() < 0.5:
        return _simple(chance)
    return chance.choice(
        (
            lambda: f"{_simple(chance)} && {_simple(chance)}",
            lambda: f"{one()} && {one()} || {one()}",
            lambda: f"if {one()}; then {one()}; else {one()}; fi",
            lambda: f"for i in {_some(chance)} 5; do {one()}; echo $i; done",
            lambda: f"case {chance.choice(_WORDS)} in a*) {one()};; 'b c'|*-0) {one()};; *) echo other;; esac",
            lambda: f"{{ {one()}; }}",
            lambda: f"( {one()} )",
            lambda: f"! {_simple(chance)}",
        )
    )()


def _some(chance):
    return " ".join(chance.choice(_WORDS) for _ in range(chance.randint(0, 3)))


def _simple(chance):
    path, word = chance.choice(_PATHS), chance.choice(_WORDS)
    said = chance.choice(
        (
            f"echo {_some(chance)}",
            f"printf '%s\\n' {_some(chance)}",
            f"cat {path}",
            f"test -{chance.choice('efdsnz')} {path}",
            f"[ {word} {chance.choice(_COMPARE)} {chance.choice(_WORDS)} ]",
            f"{chance.choice('XYZ')}={word}",
            f"exit {chance.choice(('', '0', '3'))}",
            f"{chance.choice(('mkdir', 'mkdir -p', 'rm', 'rm -f', 'rm -r', 'touch', 'grep a'))} {path}",
            f"sleep {chance.choice(('1', '0.5', '0', 'x'))}",
            f"set {chance.choice(('-e', '-u', '-eu', '-o pipefail'))}",
            f"cd {chance.choice(('/tmp', '/nope', '/etc/hosts'))}",
            chance.choice(("true", "false", "pwd", "hostname", "seq 3", "nslookup nope", "wait")),
        )
    )
    return said + chance.choice(
        ("", "", "", f" > {path}", f" >> {path}", " 2>/dev/null", " 2>&1", " >&2", f" < {path}")
    )


@pytest.mark.parametrize(
    ("script", "has_turns"),
    [
        (":(){ :|:& };:", True),
        ("f(){ f|f& }; f", True),
        ("redis-server & trap 'kill $!' TERM; wait $!", True),
        ("nslookup db | grep -c 'Address.*10[.]244'", True),
        ("g() { sleep 1 | cat; }\ng & wait", True),
        ("echo aab | sed -E 's/(a)*/x/'", False),
        ("sort -R /etc/hosts | tail -n 1", False),
        ("head -n -1 /etc/hosts | cat", False),
        ("echo 1+1 | bc", False),
    ],
)
def test_which_scripts_with_jobs_and_pipes_have_turns(script: str, has_turns: bool) -> None:
    """A pattern that took one more of them for bashkit's would make a fork bomb cost fifteen seconds again."""
    assert can_run([script], ()) is has_turns
