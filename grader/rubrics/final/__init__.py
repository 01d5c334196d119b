"""final, Deploy a StatefulSet: a replicated key-value store from requirements only (lesson 08, and all before it)."""

from __future__ import annotations

from grader.diagnosis import DELETED, all_addresses, gave_up_waiting, names_of_pods, not_there, pods_not_ready
from grader.rubrics.final import care, runs, texts
from grader.tasks import SLOW_TYPIST_S, Task
from grader.trial import Trial
from grader.verdict import Verdict, no, partly, yes

_GI = 1024**3

# ---- 1. The store

store = Task(
    "final.store",
    points=35,
    about="A replicated store `redis`: one primary, two replicas, each with its own disk, from nothing.",
    may_say_namespace=False,
)


@store.check(
    points=3,
    title="Three members run",
    hints=(
        "Members that are not alike and keep data: which workload kind is that?",
        "A StatefulSet called redis of three, with the image redis:7. kubectl describe and the logs say why one waits.",
        "kind: StatefulSet, name: redis, replicas: 3; a container with image: redis:7 and a command.",
    ),
)
def three_members(trial: Trial) -> Verdict:
    return pods_not_ready(trial, "statefulset/redis", 3) or yes("")


@store.check(
    points=3,
    title="Each member is found by its name, and all by redis",
    hints=(
        "Who gives the Pods of a set their names in DNS?",
        "A headless Service called redis, whose selector matches the Pods, and which the set names.",
        "clusterIP: None in the Service, serviceName: redis in the StatefulSet.",
    ),
)
def found_by_name(trial: Trial) -> Verdict:
    problem = pods_not_ready(trial, "statefulset/redis", 3) or names_of_pods(trial, "redis", "redis")
    return problem or all_addresses(trial, "redis", "redis") or yes("")


@store.check(
    points=6,
    title="redis-0 is the primary, and the two others follow it",
    hints=(
        "All three have the same template. How can a member know which one it is?",
        "A Pod's hostname is its name. A few lines of shell can compare it, and start Redis in one of two ways.",
        'if [ "$HOSTNAME" = redis-0 ]; then redis-server; else redis-server --replicaof redis-0.redis 6379; fi',
    ),
)
def one_primary(trial: Trial) -> Verdict:
    return runs.roles(trial, "redis", 3) or yes("")


@store.check(
    points=4,
    title="What is written to the primary is read on the replicas, which take no writes themselves",
    hints=(
        "This follows when the replicas really follow: kubectl exec redis-1 -- redis-cli info replication",
        "master_link_status has to be up. Is the name after --replicaof one that resolves?",
        "--replicaof redis-0.redis 6379; and leave replica-read-only as it is.",
    ),
)
def replicates(trial: Trial) -> Verdict:
    return runs.replicates(trial, "redis", 3) or yes("")


@store.check(
    points=4,
    title="Clients who write to redis-primary reach the primary, every time",
    hints=(
        "A second Service. It must lead to one Pod only: what has redis-0 that the others have not?",
        "Every Pod of a StatefulSet has a label with its own name.",
        "selector: {statefulset.kubernetes.io/pod-name: redis-0}, port 6379, and no clusterIP: None is needed.",
    ),
)
def clients_write(trial: Trial) -> Verdict:
    problem = runs.roles(trial, "redis", 3)
    return problem or runs.clients_reach_the_primary(trial, "redis-primary", "redis") or yes("")


@store.check(
    points=3,
    title="Each member's Redis writes to a claim of its own, of at least 1Gi",
    hints=(
        "A claim for each Pod is made from a template in the StatefulSet.",
        "volumeClaimTemplates makes the claims; a volumeMount of the same name brings it to where Redis writes: /data.",
        "volumeMounts: [{name: data, mountPath: /data}] and a claim template called data, of 1Gi.",
    ),
)
def own_claims(trial: Trial) -> Verdict:
    return runs.roles(trial, "redis", 3) or runs.own_claims(trial, "redis", _GI) or yes("")


@store.check(
    points=2,
    title="A machine falls silent for four minutes, and its member is not taken off it",
    hints=(
        "When is a Pod deleted because its node is not heard of any more, and who decides how soon?",
        "A toleration with tolerationSeconds. Kubernetes gives each Pod one of five minutes, if it brings none.",
        "Leave away tolerations for node.kubernetes.io/unreachable and not-ready: the default is what is wanted.",
    ),
    needs="a cluster of its own",
)
def waits_for_its_machine(trial: Trial) -> Verdict:
    problem = pods_not_ready(trial, "statefulset/redis", 3)
    return problem or runs.is_taken_off(trial, "redis", care.SILENT_S) or runs.roles(trial, "redis", 3) or yes("")


@store.check(
    points=5,
    title="No answered write is lost: each Pod is deleted in turn, Redis ends without saving, all are deleted",
    hints=(
        "What Redis holds is in memory. When does it write to its disk, if nobody says more?",
        "The append-only file has every write in it as it happens. It needs a volume that outlives the Pod.",
        "--appendonly yes, for every member, with the claim at /data.",
    ),
)
def nothing_is_lost(trial: Trial) -> Verdict:
    # Members that write to one claim write over each other's file: what is kept is kept by luck.
    return (
        runs.roles(trial, "redis", 3)
        or runs.share_nothing(trial, "redis")
        or runs.survives(trial, "redis", 3)
        or yes("")
    )


# ---- 2. Probes

probes = Task(
    "final.probes",
    points=15,
    about="Give `sessions` probes: no traffic before it has loaded, and a new start when its Redis has ended.",
    start=texts.SESSIONS,
)


@probes.check(
    points=4,
    title="A member is Ready when its Redis answers, and not before",
    hints=(
        "Which probe decides whether a Pod may be found?",
        "A readiness probe that asks Redis itself; redis-cli is in the image, and it fails when nobody answers.",
        "readinessProbe: {exec: {command: [redis-cli, ping]}, periodSeconds: 2}",
    ),
)
def ready_when_it_answers(trial: Trial) -> Verdict:
    return care.ready_after(trial, "sessions", 2, 40.0)


@probes.check(
    points=3,
    title="When Redis has ended in one member, it is not Ready within a minute; the other one stays Ready",
    hints=(
        "The container still runs, Redis in it does not. Who notices?",
        "The readiness probe, if it asks this Pod's own Redis, again and again.",
        "redis-cli ping without -h asks the Pod itself. Three failures, two seconds apart, are soon enough.",
    ),
)
def ended_is_noticed(trial: Trial) -> Verdict:
    if not care.is_up(trial, "sessions", 2):
        return care.ready_after(trial, "sessions", 2, 40.0)
    return care.script_stays(trial) or care.noticed(trial)


@probes.check(
    points=4,
    title="That member is started again within three minutes, once, and gets Ready again",
    hints=(
        "Readiness only hides a member. Which probe starts a container again?",
        "A liveness probe, and it must wait while Redis loads: else the container is killed before it is done.",
        "livenessProbe as the readiness probe, and a startupProbe with failureThreshold × periodSeconds above 120 s.",
    ),
    needs="virtual time",
)
def started_again(trial: Trial) -> Verdict:
    if trial.get("statefulset/sessions") is None:
        return not_there(trial, "statefulset/sessions")
    return care.script_stays(trial) or care.restarted_once(trial, "sessions-1", 40.0)


# ---- 3. A disruption budget

budget = Task(
    "final.budget",
    points=14,
    about="However many members `orders` has: never is more than one of them away because somebody asked.",
    given=texts.orders(3) + texts.FRONT,
)
_BUDGET_HINTS = (
    "What is asked before a Pod is evicted, and by which object?",
    "A PodDisruptionBudget for the Pods of orders: minAvailable or maxUnavailable, whichever holds for any number.",
    "apiVersion: policy/v1, maxUnavailable: 1, selector.matchLabels: {app: orders}",
)


@budget.check(points=3, title="While all members are Ready, one may be evicted", hints=_BUDGET_HINTS)
def one_may_go(trial: Trial) -> Verdict:
    return care.guarded(trial, "orders") or care.one_goes(trial, "orders-2") or yes("")


@budget.check(points=5, title="While one is away, no other may be evicted", hints=_BUDGET_HINTS)
def no_second(trial: Trial) -> Verdict:
    return care.guarded(trial, "orders") or care.only_one_goes(trial, "orders", 3) or yes("")


@budget.check(
    points=3,
    title="When it is back, the next may go; the Pods of front may go at any time",
    hints=(
        "A budget that allows nothing, ever, stops every maintenance. And whose Pods does it count?",
        "Of three, one may be away: 100% or minAvailable: 3 is too much. The label tier: shop is on front's Pods too.",
        "maxUnavailable: 1, and a selector with app: orders only.",
    ),
)
def others_go_on(trial: Trial) -> Verdict:
    return care.guarded(trial, "orders") or care.everyone_can_go(trial, "orders", 3) or yes("")


# ---- 4. A safe update

update = Task(
    "final.update",
    points=14,
    may_say_namespace=False,
    about="Bring `orders` from redis:7.2 to redis:7.4: one member first, the primary last.",
    answer="commands",
    paces=(SLOW_TYPIST_S,),
    given=texts.orders(3),
    before=runs.sell,
    start="kubectl get statefulset orders -o wide\n",
)
NEW = "redis:7.4"


@update.check(
    points=4,
    title="orders-2 is tried first: it runs redis:7.4 and is Ready, while the set holds the others back",
    hints=(
        "A number in the set's updateStrategy says which ordinals are updated.",
        "Set the partition before the image, and wait for the one member before you go on.",
        'kubectl patch statefulset orders -p \'{"spec":{"updateStrategy":{"rollingUpdate":{"partition":2}}}}\'',
    ),
)
def tried_first(trial: Trial) -> Verdict:
    verdict, late = care.canary(trial, "orders", 2, NEW), gave_up_waiting(trial, but_for=DELETED)
    return partly(0.5, late.message, line=late.line) if verdict.passed and late is not None else verdict


@update.check(
    points=3,
    title="In the end all three run redis:7.4, are Ready, and have the data",
    hints=(
        "After the trial of one, let the update go on.",
        "A lower partition updates the members above it. 0 means all.",
        "Patch the partition to 0, then kubectl rollout status statefulset/orders.",
    ),
)
def all_updated(trial: Trial) -> Verdict:
    trial.settle(quiet_s=20)
    return care.all_run(trial, "orders", 3, NEW)


@update.check(
    points=4,
    title="The primary is the last, and two of three are Ready at every moment",
    hints=(
        "In which order does a rolling update go? Does anything need to be deleted by hand?",
        "From the highest ordinal down, each when the one before it is Ready. Deleting or scaling goes past that.",
        "patch, set image, rollout status, patch, rollout status: no more lines than that are needed.",
    ),
)
def primary_last(trial: Trial) -> Verdict:
    trial.settle(quiet_s=20)
    return care.in_order(trial, "orders", 3, NEW)


# ---- 5. A node is lost

lost = Task(
    "final.lost-node",
    points=12,
    may_say_namespace=False,
    about="The machine of `orders-1` has burnt, with its disk: bring the replica back on the machine that is left.",
    answer="commands",
    paces=(SLOW_TYPIST_S,),
    given=texts.orders(2),
    files={},  # nobody knows the lost machine's name beforehand: $(kubectl get …) asks for it
    before=runs.lose,
    needs="a cluster of its own",  # a node of which is lost
    start="kubectl get pods -o wide\n",
)


@lost.check(
    points=3,
    title="The old orders-1 is gone, and there is a new one",
    hints=(
        "orders-1 has been Terminating since its node fell silent. Who would have to confirm that it has stopped?",
        "Its kubelet, which is gone. Only a person who knows that can say so, with two flags of kubectl delete.",
        "kubectl delete pod orders-1 --force --grace-period=0",
    ),
)
def new_pod(trial: Trial) -> Verdict:
    trial.settle(quiet_s=40)
    return care.replaced(trial, "orders-1") or yes("")


@lost.check(
    points=4,
    title="The new orders-1 is Ready on a node that lives",
    hints=(
        "What does the new Pod wait for? kubectl describe pod orders-1",
        "For its volume, a folder of the lost machine. Another claim would get another volume, where the Pod can run.",
        "kubectl delete pvc data-orders-1 --wait=false before the Pod is deleted: a claim goes when nobody uses it.",
    ),
)
def ready_elsewhere(trial: Trial) -> Verdict:
    trial.settle(quiet_s=40)
    return care.replaced(trial, "orders-1") or pods_not_ready(trial, "statefulset/orders", 2) or yes("")


@lost.check(
    points=3,
    title="It has the data again, and the primary and its data have not been touched",
    hints=(
        "From where can a replica with an empty disk have its data?",
        "From the primary. What must not be deleted, then?",
        "Only pod/orders-1 and pvc/data-orders-1 are deleted; neither the set, nor orders-0, nor its claim.",
    ),
)
def whole_again(trial: Trial) -> Verdict:
    return care.is_whole(trial)


def whole_elsewhere(trial: Trial, namespace: str, seed: int) -> Verdict:
    """The same lines, in another namespace."""
    other = trial.again(namespace=namespace, seed=seed).settle(quiet_s=40)
    verdict = care.is_whole(other)
    return verdict if verdict.passed else no(f"In {namespace}: {verdict.message}", verdict.evidence)


__all__ = ["budget", "lost", "probes", "store", "update"]
