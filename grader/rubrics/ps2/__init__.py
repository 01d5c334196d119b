"""ps2, Names: what cluster DNS answers for Services and Pods, and what decides it (lesson 03)."""

from __future__ import annotations

from grader import vocabulary
from grader.changes import little_changed
from grader.choices import one_of
from grader.diagnosis import not_there, pods_not_ready
from grader.rubrics.ps2 import runs
from grader.rubrics.service import answers_at, found_by
from grader.tasks import Task
from grader.trial import Trial
from grader.verdict import Verdict, no, parts, yes

# ---- 1. Turn a Service headless

headless = Task(
    "ps2.headless",
    points=15,
    about="Service `chat` has one address; make its name lead to every Pod instead.",
    start=runs.NORMAL,
    given=runs.CHAT,
    hints=(
        "A normal Service has an address of its own. What if it had none?",
        "One field of the Service's spec holds its address. It can be told to hold none, by that word.",
        "clusterIP: None, with a capital N, in spec.",
    ),
)


@headless.check(points=5, title="chat answers with the addresses of all three Pods")
def all_three(trial: Trial) -> Verdict:
    return _chat_leads_to_all(trial) or yes("")


@headless.check(points=3, title="_http._tcp.chat lists them one by one, with their port")
def listed_with_port(trial: Trial) -> Verdict:
    problem = _chat_leads_to_all(trial)
    if problem is not None:
        return problem
    answer = trial.dns("_http._tcp.chat", "SRV")
    listed = [each for each in answer.records if each.split()[2:3] == ["80"]]
    line = trial.line("Service", "spec", "ports")
    return yes("") if len(listed) == 3 else no("It is not a list of three with port 80.", f"{answer}.", line=line)


@headless.check(points=3, title="The list follows when Pods are killed and more are wanted")
def list_follows(trial: Trial) -> Verdict:
    problem = _chat_leads_to_all(trial)
    if problem is not None:
        return problem
    trial.delete(trial.pods_of("deployment/chat")[0].reference)
    trial.scale("deployment/chat", 4).settle()
    return _chat_leads_to_all(trial, 4) or yes("")


@headless.check(
    points=2,
    title="Nothing else about the Service has changed",
    hints=(
        "Begin again with the Service as it was given, and change one thing.",
        "Its name, its selector and its port were right.",
        "One line more is enough.",
    ),
)
def one_line_more(trial: Trial) -> Verdict:
    problem = _chat_leads_to_all(trial, len(trial.pods_of("deployment/chat")))
    free = ("clusterIP", "clusterIPs", "labels", "annotations", "namespace")
    return problem or little_changed(trial, runs.NORMAL, half=1, free=free)


def _chat_leads_to_all(trial: Trial, wanted: int = 3) -> Verdict | None:
    seen = trial.get("service/chat")
    if seen is None:
        return not_there(trial, "service/chat")
    problem = pods_not_ready(trial, "deployment/chat", wanted) or runs.leads_to(trial, "chat", "chat")
    if problem is None:
        return None
    address = seen.at("spec", "clusterIP")
    if address not in (None, "None"):
        text = f"Service chat has an address of its own, {address}, and its name answers with that."
        return no(text, *problem.evidence, line=trial.line("Service", "spec"))
    return problem.at(trial.line("Service", "spec", "selector"))


# ---- 2. Predict eight answers

answers = Task(
    "ps2.answers",
    points=24,
    about="Predict what cluster DNS answers to eight questions.",
    answer="prediction",
    start=runs.QUESTIONS,
    questions=dict.fromkeys(runs.QUESTIONS.replace(":", "").split(), vocabulary.DNS),
    given=runs.SCENARIO,
    hints=(
        "Try it: apply the three kinds of Service and ask, kubectl exec POD -- nslookup NAME.",
        "A normal Service's name is about the Service, a headless one's about the Pods that are Ready. "
        "A Pod has a name if its spec says hostname and subdomain.",
        "vip for names of normal Services, whoever is behind them; a number for headless ones, counting the Pods "
        "they publish; nxdomain for a name that nobody has, or not from where it is asked.",
    ),
)


@answers.check(points=3, title="normal: a Service with an address of its own")
def normal_name(trial: Trial) -> Verdict:
    return _told(trial, "normal")


@answers.check(points=3, title="headless: a Service without")
def headless_name(trial: Trial) -> Verdict:
    return _told(trial, "headless")


@answers.check(points=3, title="anna.headless: a Pod with hostname and subdomain")
def anna_by_name(trial: Trial) -> Verdict:
    return _told(trial, "anna.headless")


@answers.check(points=3, title="otto.headless: another one, which is not Ready")
def otto_by_name(trial: Trial) -> Verdict:
    return _told(trial, "otto.headless")


@answers.check(points=3, title="web-pod.headless: a Pod of Deployment web by its name")
def pod_of_a_deployment(trial: Trial) -> Verdict:
    return _told(trial, "web-pod.headless")


def _told(trial: Trial, question: str) -> Verdict:
    return one_of(trial, question, runs.answers()[question])


# ---- 3. Repair a Service that selects nothing

repair = Task(
    "ps2.repair",
    points=18,
    about="Service `orders` finds nobody: repair it, changing no more than is broken.",
    start=runs.LOST,
    given=runs.ORDERS,
    hints=(
        "Compare what the Service looks for with what the Pods have: kubectl get pods --show-labels.",
        "Two labels are not as the Pods have them, and one port has another name: kubectl describe pod shows it.",
        "selector app: orders and part: api; targetPort: web.",
    ),
)


@repair.check(points=6, title="The Service finds the three Pods of orders, and no others")
def finds_the_three(trial: Trial) -> Verdict:
    return found_by(trial, "orders", "deployment/orders") or yes("")


@repair.check(points=5, title="A visitor gets an answer at http://orders")
def visitor_is_answered(trial: Trial) -> Verdict:
    if trial.get("service/orders") is None:
        return not_there(trial, "service/orders")
    return _each_time(trial) or yes("")


@repair.check(points=4, title="Only what was broken has changed")
def only_what_was_broken(trial: Trial) -> Verdict:
    problem = found_by(trial, "orders", "deployment/orders")
    if problem is not None:
        return no("It cannot be told before the Service finds its Pods.", line=problem.line)
    free = ("app", "part", "targetPort", "labels", "annotations", "namespace")
    return little_changed(trial, runs.LOST, half=1, free=free)


def _each_time(trial: Trial) -> Verdict | None:
    """Several visits: a Service that leads to the wrong Pods too is right now and then."""
    return next((problem for _ in range(12) if (problem := answers_at(trial, "visitor", "orders", "Service"))), None)


# ---- 4. Members that must meet before they are ready

early = Task(
    "ps2.early",
    points=18,
    about="The members of `gossip` are Ready when they have found each other: let them be found before.",
    start=runs.WAITING,
    given=runs.gossip(3),
    hints=(
        "Who is in a Service's list, and who waits for whom?",
        "Pods that are not Ready are left out, unless the Service says that it publishes them too.",
        "publishNotReadyAddresses: true, in the Service's spec, beside clusterIP: None.",
    ),
)


@early.check(points=8, title="All three members get Ready")
def get_ready(trial: Trial) -> Verdict:
    if trial.get("service/gossip") is None:
        return not_there(trial, "service/gossip")
    problem = _members(trial, 3)
    if problem is None:
        return yes("")
    ready = sum(each.ready for each in trial.pods_of("deployment/gossip"))
    seen = (
        f"{ready or 'None'} of the three members {'are' if ready > 1 else 'is'} Ready: each looks for three addresses"
    )
    return no(f"{seen}, and {trial.dns('gossip')}.", *problem.evidence, line=trial.line("Service", "spec"))


@early.check(points=4, title="gossip leads to the three members and to nobody else")
def leads_to_members(trial: Trial) -> Verdict:
    problem = pods_not_ready(trial, "deployment/gossip", 3) or runs.leads_to(trial, "gossip", "gossip")
    return problem.at(trial.line("Service", "spec")) if problem else yes("")


@early.check(points=3, title="After a power cut, all three start anew and meet again")
def after_a_power_cut(trial: Trial) -> Verdict:
    problem = pods_not_ready(trial, "deployment/gossip", 3)
    if problem is not None:
        return problem.at(trial.line("Service", "spec"))
    for each in trial.pods_of("deployment/gossip"):
        trial.delete(each.reference)
    trial.wait(10)
    problem = _members(trial, 3) or runs.leads_to(trial, "gossip", "gossip")
    return problem.at(trial.line("Service", "spec")) if problem else yes("")


def _members(trial: Trial, wanted: int) -> Verdict | None:
    def all_ready() -> bool:
        return sum(each.ready for each in trial.pods_of("deployment/gossip")) == wanted

    # Probes come every ten seconds, and those who come last are found last.
    trial.when(all_ready, timeout_s=35)
    return pods_not_ready(trial, "deployment/gossip", wanted)


# ---- 5. What names the Pods of Deployments can have

team = Task(
    "ps2.team",
    points=25,
    about="Two Deployments whose Pods are found as `red.team` and `blue.team`, and both as `team`.",
    start=runs.TEAM,
    hints=(
        "What in a Pod's spec gives it a name in DNS? A Deployment's template is a Pod's spec.",
        "hostname and subdomain in the template; and a headless Service that has the subdomain's name.",
        "A Service team with clusterIP: None, and a label that both Deployments' Pods have as its selector; "
        "in red's template hostname: red, subdomain: team, and so with blue.",
    ),
)


@team.check(points=5, title="team leads to both Pods at once, and they are Pods of Deployments")
def both_at_once(trial: Trial) -> Verdict:
    # Today's addresses may be written down by hand; what is asked for is what holds tomorrow.
    for each in [pod for name in ("red", "blue") for pod in trial.pods_of(f"deployment/{name}")]:
        trial.delete(each.reference)
    trial.settle()
    return _two_deployments(trial) or _by_line(trial, runs.leads_to(trial, "team", "red", "blue"), "selector")


@team.check(points=10, title="red.team leads to red's Pod, blue.team to blue's")
def each_by_name(trial: Trial) -> Verdict:
    problem = _two_deployments(trial)
    if problem is not None:
        return problem
    found = [(name, runs.leads_to(trial, f"{name}.team", name)) for name in ("red", "blue")]
    results = [(wrong is None, wrong.message if wrong else name) for name, wrong in found]
    path = ("spec", "template", "spec", "hostname")
    line = next((trial.line("Deployment", *path, name=name) for name, wrong in found if wrong), None)
    return parts(results, "").at(line)


@team.check(points=5, title="Killed, both come back at other addresses under the same names")
def under_the_same_names(trial: Trial) -> Verdict:
    problem = _two_deployments(trial)
    if problem is not None:
        return problem
    for name in ("red", "blue"):
        for each in trial.pods_of(f"deployment/{name}"):
            trial.delete(each.reference)
    trial.settle(quiet_s=40)
    problem = _two_deployments(trial)
    if problem is not None:
        return problem
    found = [runs.leads_to(trial, "team", "red", "blue")]
    found += [runs.leads_to(trial, f"{name}.team", name) for name in ("red", "blue")]
    return next((each for each in found if each is not None), None) or yes("")


def _two_deployments(trial: Trial) -> Verdict | None:
    return pods_not_ready(trial, "deployment/red", 1) or pods_not_ready(trial, "deployment/blue", 1)


def _by_line(trial: Trial, problem: Verdict | None, field: str) -> Verdict:
    if problem is None:
        return yes("")
    if trial.get("service/team") is None:
        return not_there(trial, "service/team")
    return problem.at(trial.line("Service", "spec", field, name="team") or trial.line("Service", "spec", name="team"))


__all__ = ["answers", "early", "headless", "repair", "team"]
