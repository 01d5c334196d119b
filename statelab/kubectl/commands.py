"""kubectl's commands, as cobra holds them: names, other names, which flags a line cannot be without, what it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True, slots=True)
class Command:
    """`name` in full ("rollout status"); `home` the module and function under verbs/, "" for a group of commands."""

    name: str
    home: str = ""
    about: str = ""
    aliases: tuple[str, ...] = ()
    suggest_for: tuple[str, ...] = ()
    required: tuple[str, ...] = ()

    @property
    def last(self) -> str:
        return self.name.rpartition(" ")[2]

    def function(self) -> Callable[..., Any]:
        module, _, function = self.home.partition(":")
        found: Callable[..., Any] = getattr(import_module(f"statelab.kubectl.verbs.{module}"), function)
        return found


def _commands() -> tuple[Command, ...]:
    """In the order in which kubectl adds them: suggestions come in it."""
    make = Command
    create = "creating"
    return (
        make("create", "replace:create_files", "Create objects from files, or one kind of object from flags"),
        make("create namespace", f"{create}:namespace", "Create a Namespace", ("ns",)),
        make("create quota", f"{create}:quota", "Create a ResourceQuota", ("resourcequota",)),
        make("create secret", "", "Create a Secret: docker-registry, generic or tls"),
        make("create secret generic", f"{create}:secret_generic", "Create a Secret from files and literals"),
        make("create secret docker-registry", f"{create}:secret_docker", "Create a Secret for a registry"),
        make("create secret tls", f"{create}:secret_tls", "Create a Secret of a certificate and its key"),
        make("create configmap", f"{create}:configmap", "Create a ConfigMap from files and literals", ("cm",)),
        make("create serviceaccount", f"{create}:serviceaccount", "Create a ServiceAccount", ("sa",)),
        make("create service", "", "Create a Service: clusterip, nodeport, loadbalancer or externalname", ("svc",)),
        make("create service clusterip", f"{create}:service_clusterip", "Create a Service with an address inside"),
        make("create service nodeport", f"{create}:service_nodeport", "Create a Service with a port on each node"),
        make("create service loadbalancer", f"{create}:service_loadbalancer", "Create a Service reached from outside"),
        make("create service externalname", f"{create}:service_externalname", "Create a Service that is another name",
             required=("external-name",)),
        make("create deployment", f"{create}:deployment", "Create a Deployment", ("deploy",), required=("image",)),
        make("create clusterrole", f"{create}:clusterrole", "Create a ClusterRole"),
        make("create clusterrolebinding", f"{create}:clusterrolebinding", "Create a ClusterRoleBinding",
             required=("clusterrole",)),
        make("create role", f"{create}:role", "Create a Role"),
        make("create rolebinding", f"{create}:rolebinding", "Create a RoleBinding"),
        make("create poddisruptionbudget", f"{create}:poddisruptionbudget", "Create a PodDisruptionBudget", ("pdb",)),
        make("create priorityclass", f"{create}:priorityclass", "Create a PriorityClass", ("pc",)),
        make("create job", f"{create}:job", "Create a Job"),
        make("create cronjob", f"{create}:cronjob", "Create a CronJob", ("cj",), required=("image", "schedule")),
        make("create ingress", f"{create}:ingress", "Create an Ingress", ("ing",)),
        make("create token", f"{create}:token", "Ask for a token of a ServiceAccount"),
        make("expose", "expose:expose", "Make a Service for a workload"),
        make("run", "run:run", "Run one Pod", required=("image",)),
        make("set", "", "Change one thing of a workload: env, image, resources, selector, serviceaccount, subject"),
        make("set image", "set:image", "Change a container's image"),
        make("set resources", "set:resources", "Change what a container asks for and may use"),
        make("set selector", "set:selector", "Change a Service's selector"),
        make("set subject", "set:subject", "Change whom a role is bound to"),
        make("set serviceaccount", "set:serviceaccount", "Change a workload's ServiceAccount", ("sa",)),
        make("set env", "set:env", "Change or list environment variables"),
        make("explain", "explain:explain", "Tell what a kind's fields are"),
        make("get", "get:get", "Show objects", suggest_for=("list", "ls")),
        make("edit", "refused:edit", "Change an object in an editor (not here)"),
        make("delete", "delete:delete", "Delete objects", suggest_for=("remove", "rm")),
        make("rollout", "", "Follow and steer rollouts: status, history, undo, restart, pause, resume"),
        make("rollout history", "rollout:history", "Show the revisions of a workload"),
        make("rollout pause", "rollout:pause", "Hold a Deployment's rollout"),
        make("rollout resume", "rollout:resume", "Let a Deployment's rollout go on"),
        make("rollout undo", "rollout:undo", "Go back to an earlier revision"),
        make("rollout status", "rollout:status", "Wait until a rollout is done"),
        make("rollout restart", "rollout:restart", "Replace all Pods of a workload"),
        make("scale", "scale:scale", "Change the number of Pods", required=("replicas",)),
        make("autoscale", "autoscale:autoscale", "Make a HorizontalPodAutoscaler", required=("max",)),
        make("certificate", "", "Approve or deny certificate requests"),
        make("certificate approve", "certificates:approve", "Approve certificate requests"),
        make("certificate deny", "certificates:deny", "Deny certificate requests"),
        make("cluster-info", "about:cluster_info", "Show where the cluster is"),
        make("cluster-info dump", "refused:dump", "Write down everything of a cluster (not here)"),
        make("top", "", "Show what nodes and Pods use (not here)"),
        make("top node", "about:top_node", "Show what nodes use (not here)", ("nodes", "no")),
        make("top pod", "about:top_pod", "Show what Pods use (not here)", ("pods", "po")),
        make("cordon", "nodes:cordon", "Let no new Pod onto a node"),
        make("uncordon", "nodes:uncordon", "Let Pods onto a node again"),
        make("drain", "nodes:drain", "Empty a node"),
        make("taint", "nodes:taint", "Change a node's taints"),
        make("describe", "describing:describe", "Tell all about objects, their events too"),
        make("logs", "logs:logs", "Show what a container prints"),
        make("attach", "refused:attach", "Attach to a running container (not here)"),
        make("exec", "exec:exec", "Run a command in a container"),
        make("port-forward", "refused:port_forward", "Forward a port of this machine (not here)"),
        make("proxy", "refused:proxy", "Serve the API on this machine (not here)"),
        make("cp", "cp:cp", "Copy files into and out of containers"),
        make("auth", "", "Ask what one may do: can-i, whoami"),
        make("auth can-i", "auth:can_i", "Ask whether something is allowed"),
        make("auth whoami", "auth:whoami", "Show who one is"),
        make("auth reconcile", "refused:reconcile", "Bring roles into line (not here)"),
        make("debug", "debug:debug", "Add a container to a Pod to look around"),
        make("events", "events:events", "List events"),
        make("diff", "diff:diff", "Show what apply would change"),
        make("apply", "apply:apply", "Make objects as files say"),
        make("apply view-last-applied", "last_applied:view", "Show what was applied last"),
        make("apply set-last-applied", "last_applied:set_last_applied", "Write down what was applied last"),
        make("apply edit-last-applied", "refused:edit", "Edit what was applied last (not here)"),
        make("patch", "patch:patch", "Change fields of an object"),
        make("replace", "replace:replace", "Put a file in the place of an object"),
        make("wait", "wait:wait", "Wait for a condition"),
        make("kustomize", "kustomizing:kustomize", "Build a folder with a kustomization"),
        make("label", "label:label", "Change labels"),
        make("annotate", "label:annotate", "Change annotations"),
        make("completion", "refused:completion", "Print a shell's completion (not here)"),
        make("api-versions", "about:api_versions", "List the API versions of the server"),
        make("api-resources", "about:api_resources", "List the resources of the server"),
        make("config", "", "Look at and change where kubectl works"),
        make("config current-context", "config:current_context", "Show the context"),
        make("config get-contexts", "config:get_contexts", "List the contexts"),
        make("config get-clusters", "config:get_clusters", "List the clusters"),
        make("config get-users", "config:get_users", "List the users"),
        make("config set-context", "config:set_context", "Change the context's namespace"),
        make("config use-context", "config:use_context", "Choose a context", ("use",)),
        make("config view", "config:view", "Show the configuration"),
        *(make(f"config {each}", "refused:configuring", "Change the configuration (not here)")
          for each in ("delete-cluster", "delete-context", "delete-user", "rename-context", "set", "set-cluster",
                       "set-credentials", "unset")),
        make("kuberc", "refused:kuberc", "Preferences of kubectl (not here)"),
        make("plugin", "refused:plugin", "Plugins (not here)"),
        make("version", "about:version", "Show the versions of client and server"),
        make("options", "helping:options", "List the flags that every command takes"),
        make("help", "helping:help_of", "Tell about a command"),
    )  # fmt: skip


COMMANDS = {command.name: command for command in _commands()}


def child(parent: str, word: str) -> Command | None:
    """The command of that name, or other name, below a parent ("" is kubectl itself)."""
    prefix = f"{parent} " if parent else ""
    found = COMMANDS.get(prefix + word)
    if found is not None and " " not in word:
        return found
    for command in children(parent):
        if word in command.aliases:
            return command
    return None


def children(parent: str) -> list[Command]:
    prefix = f"{parent} " if parent else ""
    return [
        each
        for name, each in COMMANDS.items()
        if name.startswith(prefix) and " " not in name[len(prefix) :] and name != parent
    ]


def suggestions(parent: str, word: str) -> list[str]:
    """What was perhaps meant; never `help`. Source: cobra's SuggestionsFor, with its distance of 2."""
    found = []
    for command in children(parent):
        if command.name == "help":
            continue
        is_near = _distance(word.lower(), command.last.lower()) <= 2
        if is_near or command.last.lower().startswith(word.lower()) or word.lower() in command.suggest_for:
            found.append(command.last)
    return found


def _distance(left: str, right: str) -> int:
    """Levenshtein's."""
    if len(left) > 64:
        return 99
    row = list(range(len(right) + 1))
    for number, char in enumerate(left, 1):
        before, row[0] = row[0], number
        for column, other in enumerate(right, 1):
            before, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, before + (char != other))
    return row[-1]
