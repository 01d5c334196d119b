"""The scenarios of ps2: what is given, what is started from, and what DNS answered when it was asked."""

from __future__ import annotations

from grader.given import IMAGE
from grader.rubrics.ps1.runs import VISITOR
from grader.seen import Seen
from grader.shared import remembered
from grader.tasks import Task
from grader.trial import Answered, Trial
from grader.verdict import Verdict, no

# A Pod of chat is Ready until it is tired: until its page is gone.
CHAT = f"""\
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: chat}}
spec:
  replicas: 3
  selector: {{matchLabels: {{app: chat}}}}
  template:
    metadata: {{labels: {{app: chat}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: web
        image: {IMAGE}
        ports: [{{containerPort: 80, name: http}}]
        readinessProbe: {{httpGet: {{path: /index.html, port: 80}}, periodSeconds: 5, failureThreshold: 1}}
"""

NORMAL = """\
apiVersion: v1
kind: Service
metadata:
  name: chat
spec:
  selector:
    app: chat
  ports:
  - name: http
    port: 80
"""

# ---- eight answers

QUESTIONS = """\
normal:
headless:
anna.headless:
otto.headless:
web-pod.headless:
idle:
early:
elsewhere:
"""


def _service(name: str, selector: str, *, more: str = "") -> str:
    ports = "ports: [{port: 80, name: http}]"
    return f"---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{{more}{selector}, {ports}}}\n"


def _named_pod(name: str, *, ready: bool) -> str:
    probe = "" if ready else ", readinessProbe: {exec: {command: [sh, -c, exit 1]}, periodSeconds: 60}"
    container = f'{{name: web, image: "{IMAGE}", ports: [{{containerPort: 80, name: http}}]{probe}}}'
    spec = f"{{hostname: {name}, subdomain: headless, containers: [{container}]}}"
    return f"---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{app: web}}}}\nspec: {spec}\n"


_WEB = "selector: {app: web}"
SCENARIO = (
    CHAT.replace("chat", "web").replace("replicas: 3", "replicas: 2")
    + _named_pod("anna", ready=True)
    + _named_pod("otto", ready=False)
    + _service("normal", _WEB)
    + _service("headless", _WEB, more="clusterIP: None, ")
    + _service("early", _WEB, more="clusterIP: None, publishNotReadyAddresses: true, ")
    + _service("idle", "selector: {app: nobody}")
    + "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: far-away}\n"
)


@remembered
def answers() -> dict[str, str]:
    """Question → vip, nxdomain, or the number of Pods' addresses, as it was when it was asked."""
    trial = scenario()
    asked = {each: trial.dns(each) for each in ("normal", "headless", "anna.headless", "otto.headless")}
    asked["web-pod.headless"] = trial.dns(f"{trial.pods_of('deployment/web')[0].name}.headless")
    return {question: in_a_word(trial, answer) for question, answer in asked.items()}


def scenario() -> Trial:
    """What the questions are about, settled."""
    return Trial(Task("ps2.dns", 1, "", given=SCENARIO)).settle()


def in_a_word(trial: Trial, answer: Answered) -> str:
    """vip, the number of addresses, or nxdomain and its like."""
    virtual = {str(each.at("spec", "clusterIP")) for each in trial.all("service")}
    if not answer.records:
        return answer.rcode.lower()
    return "vip" if set(answer.records) <= virtual else str(len(answer.records))


# ---- a Service that finds nobody

ORDERS = f"""\
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: orders}}
spec:
  replicas: 3
  selector: {{matchLabels: {{app: orders, part: api}}}}
  template:
    metadata: {{labels: {{app: orders, part: api}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: api
        image: registry.k8s.io/e2e-test-images/agnhost:2.53
        args: [netexec, --http-port=8080]
        ports: [{{containerPort: 8080, name: web}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: orders-jobs}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: orders, part: jobs}}}}
  template:
    metadata: {{labels: {{app: orders, part: jobs}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{{name: jobs, image: "{IMAGE}"}}]
{VISITOR}"""

LOST = """\
apiVersion: v1
kind: Service
metadata:
  name: orders
spec:
  selector:
    app: order
    part: API
  ports:
  - port: 80
    targetPort: http
"""

# ---- members that must meet before they are ready


def gossip(replicas: int) -> str:
    """A Deployment whose Pods are Ready when they find at least as many addresses under `gossip` as there are Pods."""
    find = f"test $(nslookup gossip | grep -c 'Address.*10[.]244') -ge {replicas}"
    return f"""\
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: gossip}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: gossip}}}}
  template:
    metadata: {{labels: {{app: gossip}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: member
        image: busybox:1.36
        command: [sleep, "1000000"]
        readinessProbe: {{periodSeconds: 10, exec: {{command: [sh, -c, "{find}"]}}}}
"""


WAITING = """\
apiVersion: v1
kind: Service
metadata:
  name: gossip
spec:
  clusterIP: None
  selector:
    app: gossip
  ports:
  - port: 7946
"""

# ---- names for the Pods of Deployments


def _team(name: str) -> str:
    return f"""\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
  replicas: 1
  selector:
    matchLabels:
      app: {name}
  template:
    metadata:
      labels:
        app: {name}
    spec:
      containers:
      - name: web
        image: {IMAGE}
        ports:
        - containerPort: 80
"""


TEAM = _team("red") + "---\n" + _team("blue")


def leads_to(trial: Trial, name: str, *deployments: str) -> Verdict | None:
    """Why a name does not answer with the addresses of these Deployments' ready Pods, and no others; None if so."""
    pods: list[Seen] = [pod for each in deployments for pod in trial.pods_of(f"deployment/{each}") if pod.ready]
    answer = trial.dns(name)
    if pods and set(answer.records) == {each.ip for each in pods}:
        return None
    return no(_otherwise(trial, name, answer, pods), f"{answer}.")


def _otherwise(trial: Trial, name: str, answer: Answered, pods: list[Seen]) -> str:
    wanted = ", ".join(each.name for each in pods) or "a ready Pod, and there is none"
    if not answer.records:
        return f"{name} has no address. It should lead to {wanted}."
    named = {each.ip: each.name for each in trial.all("pod")}
    services = {each.at("spec", "clusterIP"): f"Service {each.name}'s own address" for each in trial.all("service")}
    led = sorted(str(named.get(each) or services.get(each) or each) for each in answer.records)
    return f"{name} leads to {', '.join(led)}. It should lead to {wanted}."
