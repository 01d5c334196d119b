"""kubectl logs. Source: pkg/cmd/logs/logs.go, pkg/polymorphichelpers/logsforobject.go."""

from __future__ import annotations

from collections.abc import Sequence

from statelab.kubectl.api import Object, Pause, Steps, Stream
from statelab.kubectl.builder import select
from statelab.kubectl.call import Call
from statelab.kubectl.problems import Fail, Refused, UsageFail
from statelab.kubectl.verbs.pods import container_of, pods_of

FOLLOW_S = 60.0
_EXPECTED = "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'"


def logs(call: Call) -> Steps[None]:
    flags = call.flags
    label = flags.text("selector")
    if not call.args and not label:
        raise UsageFail(f"{_EXPECTED}.\nPOD or TYPE/NAME is a required argument for the logs command", "logs")
    if len(call.args) > 2:
        raise UsageFail(_EXPECTED, "logs")
    if call.args and label:
        raise UsageFail("only a selector (-l) or a POD name is allowed", "logs")
    params = _params(call, bool(label))
    container = flags.text("container") or (call.args[1] if len(call.args) == 2 else "")
    if flags.on("all-containers") and container:
        raise Fail("--all-containers=true should not be specified with container name")
    targets = _targets(call, label, container)
    prefix = flags.on("prefix") or (flags.on("all-pods") and not flags.has("prefix"))
    if flags.on("follow"):
        yield from _follow(call, targets, params, prefix)
        return
    for pod, name in targets:
        path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}/log"
        try:
            text = call.request("GET", path, {**params, "container": name})
        except Refused as refused:
            if flags.on("ignore-errors"):
                call.err(f"error: {refused.message}\n")
                continue
            raise
        call.out(_prefixed(pod, name, str(text) if text is not None else "", prefix))


def _params(call: Call, by_label: bool) -> dict[str, str]:
    """Raises Fail."""
    flags = call.flags
    params: dict[str, str] = {}
    if flags.text("since-time") and flags.seconds("since"):
        raise Fail("at most one of `sinceTime` or `sinceSeconds` may be specified")
    if flags.text("since-time"):
        params["sinceTime"] = flags.text("since-time")
    if flags.seconds("since"):
        params["sinceSeconds"] = str(int(flags.seconds("since") + 0.5))
    if flags.has("tail") and flags.number("tail") < -1:
        raise Fail("--tail must be greater than or equal to -1")
    if flags.has("tail") and flags.number("tail") >= 0:
        params["tailLines"] = flags.text("tail")
    elif (by_label and not flags.has("tail") and not flags.on("follow")) or (by_label and not flags.has("tail")):
        params["tailLines"] = "10"
    if flags.number("limit-bytes") < 0:
        raise Fail("--limit-bytes must be greater than 0")
    if flags.number("limit-bytes"):
        params["limitBytes"] = flags.text("limit-bytes")
    for flag in ("previous", "timestamps"):
        if flags.on(flag):
            params[flag] = "true"
    return params


def _targets(call: Call, label: str, container: str) -> list[tuple[Object, str]]:
    """The containers whose logs are shown. Raises Fail, Refused."""
    flags = call.flags
    every = flags.on("all-containers")
    if label:
        pods = call.list(call.mapper.find("pods"), call.namespace, labelSelector=label)
        if not pods:
            call.err(f"No resources found in {call.namespace} namespace.\n")
        return [target for pod in pods for target in _of_pod(call, pod, container, every)]
    try:
        info = select(call, call.args[:1], files=False, fallback="pods").all()[0]
    except Refused as refused:
        if refused.reason == "NotFound":
            raise Fail(
                f"error from server (NotFound): {refused.message} in namespace {_quoted(call.namespace)}"
            ) from None
        raise
    pods = pods_of(call, info)
    if not pods:
        raise Fail("timed out waiting for the condition")
    if flags.on("all-pods"):
        return [target for pod in pods for target in _of_pod(call, pod, container, every)]
    if len(pods) > 1:
        call.err(f"Found {len(pods)} pods, using pod/{pods[0]['metadata']['name']}\n")
    return _of_pod(call, pods[0], container, every)


def _quoted(text: str) -> str:
    return f'"{text}"'


def _of_pod(call: Call, pod: Object, container: str, every: bool) -> list[tuple[Object, str]]:
    if every:
        spec = pod["spec"]
        fields = ("initContainers", "containers", "ephemeralContainers")
        return [(pod, each["name"]) for field in fields for each in spec.get(field) or ()]
    return [(pod, container_of(call, pod, container))]


def _prefixed(pod: Object, container: str, text: str, prefix: bool) -> str:
    if not prefix or not text:
        return text
    head = f"[pod/{pod['metadata']['name']}/{container}] "
    return "".join(head + line for line in text.splitlines(keepends=True))


def _follow(call: Call, targets: Sequence[tuple[Object, str]], params: dict[str, str], prefix: bool) -> Steps[None]:
    """For FOLLOW_S: there is nobody to press Ctrl-C."""
    most = call.flags.number("max-log-requests")
    if len(targets) > most:
        raise Fail(
            f"you are attempting to follow {len(targets)} log streams, but maximum allowed concurrency is {most}, use "
            "--max-log-requests to increase the limit"
        )
    streams: list[tuple[Object, str, Stream]] = []
    ends_s = call.api.now_s + FOLLOW_S
    try:
        for pod, name in targets:
            path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}/log"
            streams.append((pod, name, call.api.follow(path, {**params, "container": name, "follow": "true"})))
        while True:
            box: list[tuple[Object, str, bytes]] = []

            def has_come(box: list[tuple[Object, str, bytes]] = box) -> bool:
                for pod, name, stream in streams:
                    box.extend((pod, name, data) for data in stream.taken())
                return bool(box) or all(stream.is_over for _, _, stream in streams)

            left_s = ends_s - call.api.now_s
            if left_s <= 0:
                call.err(f"(followed for {FOLLOW_S:.0f} s)\n")
                return
            yield Pause(has_come, left_s)
            for pod, name, data in box:
                call.out(_prefixed(pod, name, data.decode("utf-8", "replace"), prefix))
            if not box and all(stream.is_over for _, _, stream in streams):
                return
    finally:
        for _, _, stream in streams:
            stream.close()
