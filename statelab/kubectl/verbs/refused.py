"""What kubectl does with a machine of one's own, an editor, a port, a terminal: not here, and where instead."""

from __future__ import annotations

from statelab.kubectl.call import Call
from statelab.kubectl.problems import Fail

_NOT_HERE = "kubectl {command} is not carried out here: {why}"


def _refuse(call: Call, why: str) -> None:
    raise Fail(_NOT_HERE.format(command=call.command, why=why))


def edit(call: Call) -> None:
    _refuse(
        call,
        "it opens an editor, and there is none. kubectl patch changes a field; or write the manifest and apply it "
        "(in a notebook: %%manifest FILE.yaml --apply)",
    )


def attach(call: Call) -> None:
    _refuse(call, "it needs a terminal. kubectl logs shows what a container prints, kubectl exec runs a command in it")


def port_forward(call: Call) -> None:
    _refuse(
        call,
        "it opens a port of your machine. Ask from inside instead, kubectl exec POD -- curl http://localhost:PORT, "
        "or use "
        "a terminal with kubectl of its own",
    )


def proxy(call: Call) -> None:
    _refuse(call, "it serves on a port of your machine. kubectl get --raw PATH asks the API server directly")


def dump(call: Call) -> None:
    _refuse(call, "kubectl get all -A -o yaml shows what is there")


def reconcile(call: Call) -> None:
    _refuse(call, "roles are not enforced; try it on a cluster made with kind")


def completion(call: Call) -> None:
    _refuse(call, "there is no shell to complete for")


def configuring(call: Call) -> None:
    _refuse(call, "there is one cluster. kubectl config set-context --current --namespace=NAME changes the namespace")


def kuberc(call: Call) -> None:
    _refuse(call, "there are no preferences")


def plugin(call: Call) -> None:
    _refuse(call, "there are no plugins")
