"""kubectl config: one context, one cluster, one user; the namespace can be changed. Source: pkg/cmd/config/*.go."""

from __future__ import annotations

from statelab.kubectl import gojson, goyaml
from statelab.kubectl.api import Object
from statelab.kubectl.call import Call
from statelab.kubectl.gotext import aligned, quote
from statelab.kubectl.printing import printer, split_format
from statelab.kubectl.problems import Fail, UsageFail, raise_all
from statelab.kubectl.verbs.helping import help_text


def _config(call: Call) -> Object:
    """As a kubeconfig would say it."""
    session = call.session
    context: Object = {"cluster": session.cluster, "namespace": session.namespace, "user": session.user}
    return {
        "kind": "Config",
        "apiVersion": "v1",
        "clusters": [{"name": session.cluster, "cluster": {"server": session.server}}],
        "users": [{"name": session.user, "user": {"token": "REDACTED"}}],
        "contexts": [{"name": session.context, "context": context}],
        "current-context": session.context,
    }


def current_context(call: Call) -> None:
    call.out(f"{call.session.context}\n")


def view(call: Call) -> None:
    if call.args:
        raise UsageFail(f"unexpected arguments: [{' '.join(call.args)}]", "config view")
    form, _ = split_format(call.flags.text("output") or "yaml")
    if form == "yaml":
        call.out(goyaml.written(_config(call)))
    elif form == "json":
        call.out(gojson.indented(_config(call), sort=False))
    else:
        printed = printer(call)
        if printed is not None:
            call.out(printed(_config(call)))


def get_contexts(call: Call) -> None:
    session = call.session
    missing = [name for name in call.args if name != session.context]
    if call.flags.text("output") == "name":
        call.out("" if missing else f"{session.context}\n")
        raise_all([Fail(f"context {name} not found") for name in missing])
        return
    rows = [] if call.flags.on("no-headers") else ["CURRENT\tNAME\tCLUSTER\tAUTHINFO\tNAMESPACE"]
    if not missing:
        rows.append(f"*\t{session.context}\t{session.cluster}\t{session.user}\t{session.namespace}")
    call.out(aligned(rows))
    raise_all([Fail(f"context {name} not found") for name in missing])


def get_clusters(call: Call) -> None:
    call.out(f"NAME\n{call.session.cluster}\n")


def get_users(call: Call) -> None:
    call.out(f"NAME\n{call.session.user}\n")


def use_context(call: Call) -> None:
    if len(call.args) != 1:
        call.out(help_text(call.command))
        raise Fail(f"Unexpected args: [{' '.join(call.args)}]")
    if call.args[0] != call.session.context:
        raise Fail(f"no context exists with the name: {quote(call.args[0])}")
    call.out(f"Switched to context {quote(call.session.context)}.\n")


def set_context(call: Call) -> None:
    flags = call.flags
    if len(call.args) > 1 or (not call.args and not flags.on("current")):
        if not call.args:
            raise Fail("you must specify a non-empty context name or --current")
        raise UsageFail(f"Unexpected args: [{' '.join(call.args)}]", "config set-context")
    name = call.args[0] if call.args else call.session.context
    if name != call.session.context:
        raise Fail(f"there is one context here, {call.session.context}; its namespace can be changed")
    if flags.text("cluster") or flags.text("user"):
        raise Fail("there is one cluster and one user here; the namespace can be changed")
    if flags.has("namespace"):
        call.session.namespace = flags.text("namespace") or "default"
    call.out(f"Context {quote(name)} modified.\n")
