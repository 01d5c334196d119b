"""etcdctl txn: comparisons, what to do if they hold, and what if not, read from standard input.

Source: etcdctl/ctlv3/command/txn_command.go.
"""

from __future__ import annotations

import re
import shlex
from typing import Any

from statelab.controlplane.runtime.images.etcd.ctl import Json, Session, Usage, decoded, encoded, range_end

_COMPARE = re.compile(r"\s*(\w+)\(\s*(\"(?:[^\"\\]|\\.)*\"|[^)]*?)\s*\)\s*(!=|=|<|>)\s*(\"(?:[^\"\\]|\\.)*\"|\S+)\s*\Z")
_RESULTS = {"=": "EQUAL", "!=": "NOT_EQUAL", "<": "LESS", ">": "GREATER"}
_TARGETS = {
    "ver": "VERSION", "version": "VERSION", "create": "CREATE", "c": "CREATE", "mod": "MOD", "m": "MOD",
    "val": "VALUE", "value": "VALUE", "lease": "LEASE",
}  # fmt: skip
_BAD = 4


def run(session: Session) -> None:
    if session.arguments:
        raise Usage("Error: txn command does not accept argument")
    lines = session.task.stdin.decode("utf-8", "replace").split("\n")
    compares, success, failure = (_section(lines) for _ in range(3))
    body = {
        "compare": [_compare(line) for line in compares],
        "success": [_operation(line) for line in success],
        "failure": [_operation(line) for line in failure],
    }
    if session.is_on("i") or session.is_on("interactive"):
        for words in ("compares:", "success requests (get, put, del):", "failure requests (get, put, del):"):
            session.say(words)

    def done(answer: Json) -> None:
        if session.format == "json":
            session.json(answer)
            session.end()
            return
        session.say("SUCCESS" if answer.get("succeeded") else "FAILURE")
        for each in answer.get("responses", []):
            session.say("")
            _show(session, each)
        session.end()

    session.ask("kv/txn", body, done)


def _section(lines: list[str]) -> list[str]:
    found = []
    while lines:
        line = lines.pop(0).strip()
        if not line:
            break
        found.append(line)
    return found


def _text(written: str) -> str:
    if written[:1] == '"':
        return re.sub(r"\\(.)", r"\1", written[1:-1])
    return written


def _compare(line: str) -> Json:
    match = _COMPARE.match(line)
    if match is None:
        raise Usage(f"Error: invalid comparison: {line[:200]}", _BAD)
    target = _TARGETS.get(match[1])
    if target is None:
        raise Usage(f"Error: invalid txn compare request: {line[:200]} (problem is {match[1][:40]})", _BAD)
    wanted = _text(match[4])
    body: Json = {"key": encoded(_text(match[2])), "target": target, "result": _RESULTS[match[3]]}
    if target == "VALUE":
        return {**body, "value": encoded(wanted)}
    name = {"VERSION": "version", "CREATE": "create_revision", "MOD": "mod_revision", "LEASE": "lease"}[target]
    if not re.fullmatch(r"-?[0-9a-fA-F]{1,18}" if target == "LEASE" else r"-?\d{1,18}", wanted):
        raise Usage(f"Error: invalid txn compare request: {line[:200]}", _BAD)
    return {**body, name: str(int(wanted, 16 if target == "LEASE" else 10))}


def _operation(line: str) -> Json:
    try:
        words = shlex.split(line)
    except ValueError:
        raise Usage(f"Error: invalid txn request: {line[:200]}", _BAD) from None
    name, arguments = words[0], [each for each in words[1:] if not each.startswith("--")]
    flags = {each for each in words[1:] if each.startswith("--")}
    if name == "put" and len(arguments) == 2:
        return {"request_put": {"key": encoded(arguments[0]), "value": encoded(arguments[1])}}
    if name in ("get", "del") and arguments and flags <= {"--prefix"}:
        body: Json = {"key": encoded(arguments[0])}
        if "--prefix" in flags:
            body["range_end"] = range_end(arguments[0])
        elif len(arguments) > 1:
            body["range_end"] = encoded(arguments[1])
        return {"request_range" if name == "get" else "request_delete_range": body}
    raise Usage(f"Error: invalid txn request: {line[:200]}", _BAD)


def _show(session: Session, response: dict[str, Any]) -> None:
    if "response_put" in response:
        session.say("OK")
    elif "response_delete_range" in response:
        session.say(str(response["response_delete_range"].get("deleted", 0)))
    else:
        for each in response.get("response_range", {}).get("kvs", []):
            session.say(decoded(each["key"]))
            session.say(decoded(each.get("value", "")))
