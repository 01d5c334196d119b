"""ps7, Stopping well, and a quorum: what a planned stop, a slow start and a lost member cost (lessons 10 and 11)."""

from __future__ import annotations

from grader.rubrics.ps7 import archive, budgets, ledger, quorum, texts
from grader.rubrics.ps7.predictions import losses
from grader.tasks import Task
from grader.trial import Trial
from grader.verdict import Verdict, yes

# ---- 1. A stop that loses nothing

shutdown = Task(
    "ps7.shutdown",
    points=22,
    about="`ledger` loses entries whenever it is restarted as planned: let it lose none, and turn nobody away.",
    may_say_namespace=False,
    start=texts.LEDGER_SET,
    given=texts.LEDGER,
)


@shutdown.check(
    points=5,
    title="A member that is deleted with three entries in its memory has them on its disk",
    hints=(
        "kubectl delete takes exactly the grace period, each time. To whom does the kubelet send its signal?",
        "To the container's first process. That is the outer sh, which waits for its child and passes nothing on.",
        'command: ["sh", "/ledger/ledger.sh"], or exec before sh /ledger/ledger.sh.',
    ),
)
def hears_the_signal(trial: Trial) -> Verdict:
    return ledger.hears(trial) or yes("")


@shutdown.check(
    points=4,
    title="So has one that is deleted with nearly ten",
    hints=(
        "Saving takes three seconds for each entry. Who ends it before it is done?",
        "When the grace period is over, SIGKILL comes. The time of a preStop hook counts as well.",
        "terminationGracePeriodSeconds: 60: 10 of pause, 30 for ten entries, 10 for those of late writers, and more.",
    ),
    needs="virtual time",
)
def has_the_time(trial: Trial) -> Verdict:
    return ledger.hears(trial) or ledger.keeps(trial, "ledger-1", ledger.NEARLY_ALL, late=False) or yes("")


@shutdown.check(
    points=5,
    title="Writers who come within ten seconds after it was asked to stop are taken, and what they wrote is kept",
    hints=(
        "ledger closes as soon as it gets the signal. Can something come before the signal?",
        "A preStop hook runs first, and the signal is sent when it has ended. It may be a mere pause.",
        'lifecycle: {preStop: {sleep: {seconds: 10}}}, in the container; or exec: {command: [sleep, "10"]}.',
    ),
    needs="virtual time",
)
def takes_the_late(trial: Trial) -> Verdict:
    return ledger.hears(trial) or ledger.keeps(trial, "ledger-0", 1, late=True) or yes("")


@shutdown.check(
    points=2,
    title="One that has nothing to save is gone within half a minute",
    hints=(
        "A grace period is a limit: who ends sooner is gone sooner. What makes this one wait?",
        "A hook takes its time always, whether something is to be saved or not.",
        "Ten seconds of pause are enough; the long part is the grace period's.",
    ),
)
def soon_gone(trial: Trial) -> Verdict:
    return ledger.hears(trial) or ledger.is_soon_gone(trial) or yes("")


@shutdown.check(
    points=3,
    title="Nothing is lost when all are rolled, or scaled down and up, while writers write",
    hints=(
        "Each Pod is stopped in the same way, whoever asks. What of the checks above does not hold yet?",
        "Both members need it, each with its claim, and the time for what late writers add.",
        "First process, pause and grace period in the template; the claim template as it was.",
    ),
    needs="virtual time",
)
def through_operations(trial: Trial) -> Verdict:
    problem = ledger.hears(trial)
    if problem is not None:
        return problem
    restart = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "today"}}}}}
    acts = [
        ("All were rolled", lambda: trial.patch(ledger.SET, restart)),
        ("It was scaled to one and back", lambda: trial.scale(ledger.SET, 1)),
    ]
    return ledger.through(trial, acts) or yes("")


# ---- 2. A probe that does not kill

slow = Task(
    "ps7.slow-start",
    points=16,
    about="`archive` is killed while it replays its log: let it start, and let a hang still be noticed.",
    may_say_namespace=False,
    start=texts.ARCHIVE_SET,
    given=texts.archive(texts.TODAY_S),
    patient=archive.is_still_asked,
    needs="virtual time",
)


@slow.check(
    points=4,
    title="It comes up with today's log, which takes 45 seconds, and is not killed meanwhile",
    hints=(
        "kubectl describe pod archive-0: who killed it, and after how many questions?",
        "The liveness probe begins at once. Another probe can hold it back until the first answer.",
        "startupProbe: {tcpSocket: {port: http}, periodSeconds: 5, failureThreshold: 70}",
    ),
)
def comes_up(trial: Trial) -> Verdict:
    return archive.starts(trial) or yes("")


@slow.check(
    points=2,
    title="It is Ready within ten seconds after it serves, and not any more ten seconds after it has stopped to",
    hints=(
        "How long after it serves is it asked next?",
        "initialDelaySeconds is waited for also where it would not be needed; a long periodSeconds too.",
        "periodSeconds: 5 or less in the startup probe, and the readiness probe as it was.",
    ),
)
def ready_soon(trial: Trial) -> Verdict:
    return archive.ready_in_time(trial) or yes("")


@slow.check(
    points=4,
    title="When it hangs it is started again within a minute, once, and gets Ready again",
    hints=(
        "How many questions, how far apart, until the liveness probe gives up?",
        "It was right as it was given. What makes a start long need not make a hang long.",
        "livenessProbe: periodSeconds: 5, failureThreshold: 3; the patience is the startup probe's.",
    ),
)
def hang_noticed(trial: Trial) -> Verdict:
    return archive.hang_is_noticed(trial) or yes("")


@slow.check(
    points=2,
    title="It is not started again because nobody answers for eight seconds",
    hints=(
        "After how many seconds without an answer does the liveness probe give up?",
        "failureThreshold × periodSeconds has to be more than the pause.",
        "periodSeconds: 5, failureThreshold: 3, as it was given.",
    ),
)
def bears_a_pause(trial: Trial) -> Verdict:
    return archive.bears_a_pause(trial) or yes("")


# ---- 3. An etcd that forms

etcd = Task(
    "ps7.etcd",
    points=22,
    about="An etcd `kv` of three members: it forms from names alone, and outlives the loss of one, and of all Pods.",
    may_say_namespace=False,
)
_FORMS = (
    "A member is Ready when there is a leader; a leader needs two. Who waits for whom?",
    "Two things stand in the way of the first: the set makes one Pod after the other, and nobody has a name yet.",
    "podManagementPolicy: Parallel in the set, publishNotReadyAddresses: true in the headless Service kv.",
)


@etcd.check(points=4, title="Three members are Ready, and found as kv-0.kv, kv-1.kv and kv-2.kv", hints=_FORMS)
def three_members(trial: Trial) -> Verdict:
    return quorum.is_there(trial) or yes("")


@etcd.check(
    points=4,
    title="They are one cluster with one leader, and each says how clients reach it",
    hints=(
        "etcdctl member list in a member's Pod: who is in it? etcd with no list begins a cluster of its own.",
        "Each member is told all three, by name, and how it is called itself: the Pod's own name.",
        "--name=$(POD_NAME) --initial-cluster=kv-0=http://kv-0.kv:2380,kv-1=… and both advertised URLs with its name.",
    ),
)
def one_cluster(trial: Trial) -> Verdict:
    return quorum.looked_at(trial, quorum.are_reached)


@etcd.check(
    points=3,
    title="What is written to one is read on each",
    hints=(
        "This follows when they are one cluster, and each is reached at its name, port 2379.",
        "By default etcd listens to its own Pod alone.",
        "--listen-client-urls=http://0.0.0.0:2379",
    ),
)
def read_on_each(trial: Trial) -> Verdict:
    return quorum.looked_at(trial, lambda one: quorum.is_one_cluster(one) or quorum.replicates(one, "hello"))


@etcd.check(
    points=2,
    title="Each member keeps its data on a claim of its own, of at least 1Gi",
    hints=(
        "A claim for each Pod is made from a template in the StatefulSet.",
        "And etcd has to write there: which folder is it told, and what is mounted at it?",
        "--data-dir=/data/etcd, a volumeMount at /data, and a claim template of the same name, 1Gi.",
    ),
)
def own_claims(trial: Trial) -> Verdict:
    return quorum.have_claims_at_least(trial)


@etcd.check(
    points=3,
    title="A follower is lost, then the leader: writes go on, and each comes back as the member it was",
    hints=(
        "What has a member that comes back to find, to be who it was?",
        "Its name and its data. One that finds nothing is a stranger, and is refused.",
        "The data folder has to be on the claim; then initial-cluster-state does not matter any more.",
    ),
)
def outlives_a_loss(trial: Trial) -> Verdict:
    return quorum.looked_at(trial, lambda one: quorum.is_one_cluster(one) or quorum.survives_each(one))


@etcd.check(
    points=2,
    title="All Pods are deleted at once: the cluster and its data are there again",
    hints=(
        "All start at the same time, as at the very beginning, but with their data.",
        "They have to find each other before anybody is Ready, and the data have to be where they were.",
        "Parallel, publishNotReadyAddresses, and the data folder on the claim.",
    ),
)
def outlives_all(trial: Trial) -> Verdict:
    return quorum.looked_at(trial, lambda one: quorum.is_one_cluster(one) or quorum.survives_all(one))


@etcd.check(
    points=2,
    title="A member that is left alone is not Ready within a minute and a half",
    hints=(
        "Who tells a Service that a member cannot serve?",
        "A readiness probe, and it has to ask for more than an open port.",
        "readinessProbe: {httpGet: {path: /health, port: 2379}}: it fails without a leader.",
    ),
)
def alone_not_ready(trial: Trial) -> Verdict:
    return quorum.looked_at(trial, lambda one: quorum.is_one_cluster(one) or quorum.alone_is_not_ready(one))


# ---- 5. A budget

budget = Task(
    "ps7.budget",
    points=14,
    about="However many members `vote` has: a drain goes on, leaves a quorum, and does not wait for what is broken.",
    given=texts.voters(3),
)
_ANY_NUMBER = (
    "How many may be away of three, of four, of five? And how many has one to let go, so that a drain goes on?",
    "A fixed minAvailable is right for one number only. A percentage is rounded up, always.",
    "maxUnavailable: 1 leaves a quorum of any number from three on; minAvailable: 51% allows all that may go.",
)


@budget.check(points=3, title="While all three are Ready, one may be evicted", hints=_ANY_NUMBER)
def one_may_go(trial: Trial) -> Verdict:
    return budgets.one_goes(trial, 3) or yes("")


@budget.check(points=3, title="Never are so many evicted that no quorum is left", hints=_ANY_NUMBER)
def quorum_is_left(trial: Trial) -> Verdict:
    return budgets.leaves_a_quorum(trial, 3) or yes("")


@budget.check(
    points=3,
    title="Two of three are broken: they may be evicted, and the one that is well may not",
    hints=(
        "What does the budget count, and what does it say to a Pod that is not Ready anyway?",
        "By default a broken one may go only while enough others are healthy. A field of the budget changes that.",
        "unhealthyPodEvictionPolicy: AlwaysAllow",
    ),
)
def broken_may_go(trial: Trial) -> Verdict:
    return budgets.broken_ones_go(trial, 3) or yes("")


@budget.check(
    points=2,
    title="Each member can go when the others are back, and the Pods of front at any time",
    hints=(
        "A budget that allows nothing stops every maintenance. And whose Pods does it count?",
        "The label tier: data is on the Pods of front too.",
        "selector: {matchLabels: {app: vote}}",
    ),
)
def drain_ends(trial: Trial) -> Verdict:
    return budgets.a_drain_ends(trial, 3) or yes("")


__all__ = ["budget", "etcd", "losses", "shutdown", "slow"]
