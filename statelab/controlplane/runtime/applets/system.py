"""sleep, date, hostname, kill, ps and the like: the container itself, and the cluster's clock."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from statelab.controlplane.runtime.applets.resolver import text_of
from statelab.controlplane.runtime.moments import format_date, given
from statelab.controlplane.runtime.programs import Program, Task
from statelab.controlplane.runtime.session import DEADLINE, EXIT
from statelab.controlplane.runtime.shell.tools.common import Options
from statelab.controlplane.runtime.spec import SIGNALS, signal_name

_UNITS_S = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"^(\d+\.?\d*|\.\d+)([smhd]?)$")
_FOR_EVER_S = 10 * 365 * 86400.0


def duration_s(text: str) -> float | None:
    """`1.5`, `2m`, `infinity` in seconds; None for what is no duration."""
    if text.lower() in ("inf", "infinity"):
        return _FOR_EVER_S
    match = _DURATION.match(text)
    return None if match is None else min(float(match[1]) * _UNITS_S[match[2]], _FOR_EVER_S)


def sleep(task: Task) -> None:
    """Wait on the cluster's clock. A signal the shell has a trap for is told by the exit code when the sleep is
    over.
    """
    if not task.argv:
        task.fail("sleep: missing operand\n")
        return
    total_s = 0.0
    for each in task.argv:
        seconds = duration_s(each)
        if seconds is None:
            task.fail(f"sleep: invalid time interval '{each}'\n")
            return
        total_s += seconds
    container = task.container
    task.after(total_s, lambda: task.finish(container.take_signal()), housekeeping=container.may_sleep(total_s))


def wait(task: Task) -> None:
    """`wait` of a script with traps: until a signal comes, or the commands it runs in the background are over."""
    pending = task.container.take_signal()
    if pending or task.process is None:
        task.finish(pending)
    else:
        task.process.look_at_jobs(task)


def leave(task: Task) -> None:
    """The shell is left: its background jobs end with it."""
    if task.process is not None:
        task.process.stop_others(task)
    task.finish(int(task.argv[0]) if task.argv and task.argv[0].isdigit() else 0)


def deadline(task: Task) -> None:
    """`SECONDS`: from now on so long, then what the process waits in is cut short; `--over CODE`: it was in time, or
    not.
    """
    process = task.process
    if process is None or not task.argv:
        task.finish(125)
    elif task.argv[0] == "--over":
        task.finish(process.deadline_over(int(task.argv[1])))
    else:
        seconds = duration_s(task.argv[0])
        if seconds is None:
            task.fail(f"timeout: invalid time interval '{task.argv[0]}'\n", 125)
        else:
            process.set_deadline(seconds)
            task.finish(0)


# ---- date


def date(task: Task) -> None:
    """The cluster's time: `date`, `date -u`, `date +FORMAT`, `date -d @SECONDS`, `-I`, `-R`; of a file: `-r FILE`."""
    moment: datetime | None = datetime.fromtimestamp(task.loop.now_s, UTC)
    form = "%a %b %e %H:%M:%S UTC %Y"
    waiting = list(task.argv)
    while waiting and moment is not None:
        word = waiting.pop(0)
        if word.startswith("+"):
            form = word[1:]
        elif (word in ("-d", "--date") and waiting) or word.startswith("--date="):
            text = word[7:] if "=" in word else waiting.pop(0)
            moment = given(text, moment)
            if moment is None:
                task.fail(f"date: invalid date '{text}'\n")
        elif (word in ("-r", "-ur", "--reference") and waiting) or word.startswith("--reference="):
            moment = _of_file(task, word[12:] if "=" in word else waiting.pop(0))
        elif word.startswith(("-I", "--iso-8601")):
            precise = word.endswith(("s", "seconds"))
            form = "%Y-%m-%dT%H:%M:%S+00:00" if precise else "%Y-%m-%d"
        elif word in ("-R", "--rfc-2822", "--rfc-email"):
            form = "%a, %d %b %Y %H:%M:%S +0000"
    if moment is not None:
        task.write(format_date(form, moment) + "\n")
        task.finish(0)


def _of_file(task: Task, name: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(task.files.modified_s(task.path(name)), UTC)
    except OSError as error:
        words = f"can't stat '{name}'" if task.container.spec.has_busybox else name
        task.fail(f"date: {words}: {error.strerror}\n")
        return None


# ---- who and where


def hostname(task: Task) -> None:
    name = task.container.spec.hostname
    full = name
    for line in (
        task.files.read("/etc/hosts").decode(errors="replace").splitlines() if task.files.exists("/etc/hosts") else ()
    ):
        words = line.split()
        if len(words) > 1 and words[0] == task.ip:
            full = words[1]
    flags = "".join(each.lstrip("-") for each in task.argv)
    if flags in ("f", "fqdn", "long"):
        task.write(f"{full}\n")
    elif flags in ("d", "domain"):
        task.write(f"{full.partition('.')[2]}\n")
    elif flags in ("i", "I", "ip-address", "all-ip-addresses"):
        task.write(f"{task.ip}\n")
    elif task.argv and not task.argv[0].startswith("-"):
        task.fail("hostname: sethostname: Operation not permitted\n")
        return
    else:
        task.write(f"{name}\n")
    task.finish(0)


def kill(task: Task) -> None:
    """Signals to the container's processes: `kill 1` is how one asks PID 1 to go."""
    name = "TERM"
    pids: list[str] = []
    waiting = list(task.argv)
    while waiting:
        word = waiting.pop(0)
        if word == "-l":
            task.write(" ".join(SIGNALS) + "\n")
            task.finish(0)
            return
        if word in ("-s", "-n") and waiting:
            word = f"-{waiting.pop(0)}"
        if word.startswith("-") and len(word) > 1 and not pids:
            if word == "-0":
                name = "0"
                continue
            try:
                name = signal_name(word[1:])
            except (KeyError, StopIteration):
                task.fail(f"kill: bad signal name '{word[1:]}'\n")
                return
        elif word != "--":
            pids.append(word)
    code = 0 if pids else 1
    for pid in pids:
        process = task.container.processes.get(int(pid)) if pid.lstrip("-").isdigit() else None
        if process is None:
            task.error(f"sh: can't kill pid {pid}: No such process\n")
            code = 1
        elif name == "0":
            continue
        elif process.is_main:
            # A process cannot kill PID 1 of its own namespace: the kernel keeps KILL from it.
            if name != "KILL":
                task.container.signal(name)
        else:
            process.signal(name)
    task.finish(code)


def killall(task: Task) -> None:
    """By name: `killall -0 nginx` asks whether there is one, as the tutorial's preStop hook does."""
    name, words = "TERM", []
    for word in task.argv:
        if word == "-0":
            name = "0"
        elif word.startswith("-"):
            try:
                name = signal_name(word[1:])
            except (KeyError, StopIteration):
                continue
        else:
            words.append(word)
    processes = [each for each in list(task.container.processes.values()) if each is not task.process]
    found = [each for each in processes if any(word in each.command_line() for word in words)]
    for process in found:
        if name != "0" and not (process.is_main and name == "KILL"):
            process.signal(name)
    if not found:
        task.error("".join(f"{task.name}: {word}: no process killed\n" for word in words))
    task.finish(0 if found else 1)


_PS_COLUMNS = {
    "pid": ("PID", 5), "user": ("USER", 8), "comm": ("COMMAND", 16), "args": ("COMMAND", 0), "ppid": ("PPID", 5),
    "group": ("GROUP", 8), "tty": ("TT", 6), "stat": ("STAT", 4), "time": ("TIME", 5), "vsz": ("VSZ", 4),
    "rss": ("RSS", 4),
}  # fmt: skip


def ps(task: Task) -> None:
    """busybox's ps: every process, whatever is asked for; `-o COL[=HEADER],…`."""
    try:
        given = Options(list(task.argv), "aAdeflTwx", "o", {})
    except ValueError as problem:
        task.fail(f"ps: {problem}\nBusyBox v1.36.1 multi-call binary.\n\nUsage: ps [-o COL1,COL2=HEADER] [-T]\n")
        return
    user = "root" if task.container.user == 0 else str(task.container.user)
    processes = sorted(task.container.processes.items())
    if "o" not in given.values:
        task.write("PID   USER     TIME  COMMAND\n")
        task.write("".join(f"{pid:5d} {user:<8} 0:00 {each.command_line()}\n" for pid, each in processes))
        task.finish(0)
        return
    columns: list[tuple[str, str, int]] = []
    for each in ",".join(given.values["o"]).split(","):
        name, is_named, header = each.partition("=")
        if name not in _PS_COLUMNS:
            known = ",".join(_PS_COLUMNS)
            task.fail(f"ps: bad -o argument '{name}', supported arguments: {known}\n")
            return
        title, width = _PS_COLUMNS[name]
        columns.append((name, header if is_named else title, width))
    rows = [[header for _, header, _ in columns]] if any(header for _, header, _ in columns) else []
    for pid, process in processes:
        line = process.command_line()
        shown = {
            "pid": f"{pid:5d}", "ppid": f"{0 if pid == 1 else 1:5d}", "user": user, "args": line, "group": user,
            "comm": line.split(" ")[0].rpartition("/")[2][:15], "tty": "?", "stat": "S", "time": "0:00",
        }  # fmt: skip
        rows.append([shown.get(name, "0") for name, _, _ in columns])
    widths = [width for _, _, width in columns[:-1]] + [0]
    for row in rows:
        task.write(" ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) + "\n")
    task.finish(0)


def mount(task: Task) -> None:
    found = [
        ("overlay", "/", "overlay", "rw,relatime"),
        ("proc", "/proc", "proc", "rw,nosuid,nodev,noexec,relatime"),
        ("cgroup", "/sys/fs/cgroup", "cgroup2", "ro,nosuid,nodev,noexec,relatime"),
    ]
    for each in task.container.spec.mounts:
        mode = "ro" if each.read_only or each.volume.read_only else "rw"
        found.append(("/dev/vda1", each.path, "ext4", f"{mode},relatime"))
    wanted = task.argv[1] if len(task.argv) == 2 and task.argv[0] == "-t" else ""
    for device, path, kind, options in found:
        if wanted in ("", kind):
            task.write(f"{device} on {path} type {kind} ({options})\n")
    task.finish(0)


def identity(task: Task) -> None:
    user = task.container.user
    name = task.container.user_name
    shown = f"({name})" if user == 0 else ""
    groups = list(dict.fromkeys((task.container.spec.group, *task.container.spec.groups)))
    flags = "".join(each.lstrip("-") for each in task.argv if each.startswith("-"))
    if "u" in flags:
        task.write(f"{name if 'n' in flags else user}\n")
    elif "g" in flags or "G" in flags:
        found = groups if "G" in flags else groups[:1]
        task.write(" ".join("root" if "n" in flags and each == 0 else str(each) for each in found) + "\n")
    else:
        told = ",".join(map(_group, groups))
        task.write(f"uid={user}{shown} gid={_group(groups[0])} groups={told}\n")
    task.finish(0)


def _group(number: int) -> str:
    return "0(root)" if number == 0 else str(number)


def whoami(task: Task) -> None:
    if task.container.user:
        task.fail(f"whoami: unknown uid {task.container.user}\n")
    else:
        task.write("root\n")
        task.finish(0)


def df(task: Task) -> None:
    """The container's own files, and each volume. Sizes are a kind node's disk: local-path keeps to no claim's size."""
    human = any("h" in each for each in task.argv if each.startswith("-"))
    wanted = [task.path(each) for each in task.argv if not each.startswith("-")]
    rows = [("overlay", "/"), ("tmpfs", "/dev")] + [("/dev/vda1", each.path) for each in task.container.spec.mounts]
    if wanted:
        rows = [max((row for row in rows if _is_below(path, row[1])), key=lambda row: len(row[1])) for path in wanted]
    sizes = "      49.9G     12.1G     35.2G  26%" if human else "  52366316  12687404  36911140  26%"
    columns = "     Size      Used Available" if human else " 1K-blocks      Used Available"
    task.write(f"Filesystem           {columns} Use% Mounted on\n")
    task.write("".join(f"{name:<20} {sizes} {path}\n" for name, path in rows))
    task.finish(0)


def _is_below(path: str, directory: str) -> bool:
    return directory == "/" or path == directory or path.startswith(directory.rstrip("/") + "/")


def uptime(task: Task) -> None:
    moment = datetime.fromtimestamp(task.loop.now_s, UTC)
    minutes = int((task.loop.now_s - task.container.started_at_s) // 60)
    task.write(f" {moment:%H:%M:%S} up {minutes} min,  0 users,  load average: 0.00, 0.00, 0.00\n")
    task.finish(0)


def ip(task: Task) -> None:
    if task.argv[:1] and "addr".startswith(task.argv[0].lstrip("-")):
        task.write(
            "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue qlen 1000\n    inet 127.0.0.1/8 scope host lo\n"
            "2: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP,M-DOWN> mtu 1500 qdisc noqueue\n"
            f"    inet {task.ip}/24 brd {task.ip.rpartition('.')[0]}.255 scope global eth0\n"
        )
    elif task.argv[:1] and "route".startswith(task.argv[0]):
        gateway = f"{task.ip.rpartition('.')[0]}.1"
        task.write(f"default via {gateway} dev eth0\n")
    else:
        task.fail("ip: only `ip addr` and `ip route` are simulated\n")
        return
    task.finish(0)


def sysctl(task: Task) -> None:
    """`sysctl [-n] NAME…`: what the Pod has set. No container may set one itself."""
    names = [each for each in task.argv if not each.startswith("-")]
    for name in names:
        name, equals, _ = name.partition("=")
        path = f"/proc/sys/{name.replace('.', '/')}"
        if not task.files.exists(path):
            task.fail(f"sysctl: error: '{name}' is an unknown key\n")
            return
        if equals:
            task.fail(f"sysctl: error setting key '{name}': Read-only file system\n")
            return
        value = text_of(task.files, path).strip()
        task.write(f"{value}\n" if "-n" in task.argv else f"{name.replace('/', '.')} = {value}\n")
    task.finish(0)


def netstat(task: Task) -> None:
    task.write(
        "Active Internet connections (only servers)\n"
        "Proto Recv-Q Send-Q Local Address           Foreign Address         State\n"
    )
    for port in task.network.listening(task.ip):
        task.write(f"tcp        0      0 {f'0.0.0.0:{port}':<23} {'0.0.0.0:*':<23} LISTEN\n")
    task.finish(0)


APPLETS: Mapping[str, Program] = {
    "sleep": sleep,
    "statelab-wait": wait,
    EXIT: leave,
    DEADLINE: deadline,
    "id": identity,
    "whoami": whoami,
    "df": df,
    "uptime": uptime,
    "date": date,
    "hostname": hostname,
    "kill": kill,
    "killall": killall,
    "pkill": killall,
    "ps": ps,
    "mount": mount,
    "ip": ip,
    "netstat": netstat,
    "sysctl": sysctl,
    "ss": netstat,
}
