"""kubectl delete. Source: pkg/cmd/delete/delete.go."""

from __future__ import annotations

from collections.abc import Sequence

from statelab.kubectl.api import Object, Steps
from statelab.kubectl.builder import Info, select
from statelab.kubectl.call import Call
from statelab.kubectl.problems import Fail, Refused, raise_all
from statelab.kubectl.verbs.common import until_gone

_FORCE = (
    "Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The "
    "resource may continue to run on the cluster indefinitely.\n"
)


def delete(call: Call) -> Steps[None]:
    flags = call.flags
    if flags.text("raw"):
        call.request("DELETE", flags.text("raw"))
        return
    if flags.text("output") not in ("", "name"):
        raise Fail(f"unexpected -o output mode: {flags.text('output')}. We only support '-o name'")
    policy = propagation(flags.text("cascade"))
    if flags.on("all") and flags.text("selector"):
        raise Fail("setting 'all' parameter but found a non empty selector. ")
    if flags.on("all") and flags.text("field-selector"):
        raise Fail("cannot set --all and --field-selector at the same time")
    if flags.on("interactive"):
        raise Fail("--interactive asks, and there is nobody to answer here: leave it away")
    grace, wait = _grace(call)
    found = select(call, call.args, all_flag=flags.on("all"), lookup=False)
    errors = list(found.errors)
    done, uids = [], dict[str, str]()
    by_selector = flags.on("all") or bool(flags.text("selector") or flags.text("field-selector"))
    ignore = flags.on("ignore-not-found") or by_selector
    if any(not each.resource.namespaced for each in found.infos) and flags.has("namespace"):
        call.err("Warning: deleting cluster-scoped resources, not scoped to the provided namespace\n")
    for info in found.infos:
        try:
            gone = _delete(call, info, grace, policy)
        except Refused as refused:
            if not (refused.reason == "NotFound" and ignore):
                errors.append(refused.about(f'error when deleting "{info.source}": ') if info.source else refused)
            continue
        done.append(info)
        uids[info.path] = _uid(gone)
    if not found.infos and not errors and (by_selector or not flags.on("ignore-not-found")):
        call.out("No resources found\n")
    if wait and not call.dry_run and done:
        yield from until_gone(call, done, uids, flags.seconds("timeout"))
    raise_all(errors)


def propagation(said: str) -> str:
    """Raises Fail."""
    try:
        return {
            "background": "Background", "true": "Background", "foreground": "Foreground", "orphan": "Orphan",
            "false": "Orphan",
        }[said]  # fmt: skip
    except KeyError:
        raise Fail(f'invalid cascade value ({said}). Must be "background", "foreground", or "orphan"') from None


def _grace(call: Call) -> tuple[int, bool]:
    """The grace period (-1: the object's own), and whether the end is waited for. Raises Fail."""
    flags = call.flags
    grace, wait, force = flags.number("grace-period"), flags.on("wait"), flags.on("force")
    if flags.on("now"):
        if grace != -1:
            raise Fail("--now and --grace-period cannot be specified together")
        grace = 1
    if grace == 0 and not force:
        grace, wait = 1, True
    if force and grace < 0:
        grace = 0
    if force and grace > 0:
        raise Fail("--force and --grace-period greater than 0 cannot be specified together")
    if force and grace == 0:
        call.err(_FORCE)
    return grace, wait


def _delete(call: Call, info: Info, grace: int, policy: str) -> Object:
    """Delete one, and say so. Raises Refused."""
    options: Object = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": policy}
    if grace >= 0:
        options["gracePeriodSeconds"] = grace
    if call.dry_run == "server":
        options["dryRun"] = ["All"]
    gone: Object = {}
    if call.dry_run != "client":
        gone = call.request("DELETE", info.path, None, options)
    said(call, [info], force=grace == 0)
    return gone


def _uid(gone: Object) -> str:
    """The uid of what is being deleted: the server answers with the object, or with a Status that names it."""
    return str((gone.get("metadata") or {}).get("uid") or (gone.get("details") or {}).get("uid") or "")


def said(call: Call, infos: Sequence[Info], *, force: bool = False) -> None:
    for info in infos:
        if "output" in call.flags.known and call.flags.text("output") == "name":
            call.out(f"{info.shown}\n")
            continue
        where = f" from {info.namespace} namespace" if info.resource.namespaced else ""
        what = "force deleted" if force else "deleted"
        call.out(f'{info.resource.group_kind} "{info.name}" {what}{where}{call.dry_run_note}\n')
