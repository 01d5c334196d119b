"""What `[sig-node]` conformance tests do with containers of a Pod: commands, variables, hooks, ends, users, files.

Source of the steps: test/e2e/common/node/{containers,expansion,init_container,kubelet,runtime,configmap,secrets,
downwardapi,security_context,lifecycle_hook,ephemeral_containers}.go, test/e2e/node/{pre_stop,security_context}.go.
"""

from __future__ import annotations

from typing import Any

import pytest
from e2e_client import AGNHOST, BUSYBOX, Api, once, pod

from statelab.controlplane.quantity import whole

pytestmark = pytest.mark.slow


# ---- containers.go


@pytest.mark.parametrize(
    ("container", "said"),
    [
        ({"args": ["entrypoint-tester", "override", "arguments"]}, "[/agnhost entrypoint-tester override arguments]"),
        ({"command": ["/agnhost-2", "entrypoint-tester"]}, "[/agnhost-2 entrypoint-tester]"),
        (
            {"command": ["/agnhost-2"], "args": ["entrypoint-tester", "override", "arguments"]},
            "[/agnhost-2 entrypoint-tester override arguments]",
        ),
    ],
    ids=["arguments", "command", "both"],
)
def test_should_be_able_to_override_the_images_defaults(api: Api, container: Any, said: str) -> None:
    assert said in api.output(pod("overrides", restartPolicy="Never", container=container))


def test_should_use_the_image_defaults_if_command_and_args_are_blank(api: Api) -> None:
    api.create("pods", pod("defaults"))
    api.until(lambda: "Paused" in api.log("defaults"), "the image's default says so")


# ---- expansion.go


def test_should_allow_composing_env_vars_into_new_env_vars(api: Api) -> None:
    env = [
        {"name": "FOO", "value": "foo-value"}, {"name": "BAR", "value": "bar-value"},
        {"name": "FOOBAR", "value": "$(FOO);;$(BAR)"},
    ]  # fmt: skip
    said = api.output(once("composes", "env", container={"env": env}))
    assert {"FOO=foo-value", "BAR=bar-value", "FOOBAR=foo-value;;bar-value"} <= set(said.splitlines())


@pytest.mark.parametrize("where", ["command", "args"])
def test_should_allow_substituting_values_in_a_containers_command_and_args(api: Api, where: str) -> None:
    script = 'TEST_VAR=wrong echo "$(TEST_VAR)"'
    container: Any = {"env": [{"name": "TEST_VAR", "value": "test-value"}]}
    container |= (
        {"command": ["sh", "-c", script]} if where == "command" else {"command": ["sh", "-c"], "args": [script]}
    )
    said = api.output(pod("substitutes", image=BUSYBOX, restartPolicy="Never", container=container))
    assert "test-value" in said


def _expanding(name: str, expression: str, script: str, value: str = "foo", **more: Any) -> Any:
    source = {"fieldRef": {"fieldPath": "metadata.annotations['mysubpath']"}}
    container = {
        "env": [{"name": "ANNOTATION", "valueFrom": source}],
        "volumeMounts": [
            {"name": "work", "mountPath": "/subpath_mount", "subPathExpr": expression},
            {"name": "work", "mountPath": "/volume_mount"},
        ],
    }
    annotations = {"mysubpath": value}
    return once(name, script, container=container, annotations=annotations,
                volumes=[{"name": "work", "emptyDir": {}}], **more)  # fmt: skip


def test_should_allow_substituting_values_in_a_volume_subpath(api: Api) -> None:
    api.output(
        _expanding("subpath", "$(ANNOTATION)", "touch /subpath_mount/test.log; test -f /volume_mount/foo/test.log")
    )


@pytest.mark.parametrize("value", ["/tmp", "../..`id`"], ids=["absolute path", "backticks"])
def test_should_fail_substituting_values_in_a_volume_subpath(api: Api, value: str) -> None:
    api.create("pods", _expanding("fails", "$(ANNOTATION)", "true", value))

    def waiting() -> Any:
        [status] = api.get("pods", "fails")["status"].get("containerStatuses") or [{}]
        return status.get("state", {}).get("waiting", {}).get("reason") == "CreateContainerConfigError"

    api.until(waiting, "it cannot be made")


def test_a_failing_subpath_expansion_can_be_modified_during_the_lifecycle_of_a_container(api: Api) -> None:
    api.create("pods", _expanding("mended", "$(ANNOTATION)", "sleep 1000", "/no"))
    api.stays(lambda: api.phase("mended") == "Pending", 5)
    api.patch("pods", "mended", {"metadata": {"annotations": {"mysubpath": "mypath"}}})
    api.until_ready("mended")


def test_should_succeed_in_writing_subpaths_in_container(api: Api) -> None:
    api.create("pods", _expanding("writes", "$(ANNOTATION)", "sleep 1000", "mypath/foo"))
    api.until_ready("writes")
    api.run("writes", "touch /volume_mount/mypath/foo/test.log")
    api.run("writes", "test -f /subpath_mount/test.log")
    api.patch("pods", "writes", {"metadata": {"annotations": {"mysubpath": "mynewpath"}}})
    api.until_ready("writes")
    api.delete("pods", "writes")
    api.until_gone("pods", "writes")


# ---- init_container.go


def _with_init(name: str, policy: str, *scripts: str, main: str) -> Any:
    made = once(name, main)
    made["spec"]["restartPolicy"] = policy
    made["spec"]["initContainers"] = [
        {"name": f"init{number}", "image": BUSYBOX, "command": ["/bin/sh", "-c", script]}
        for number, script in enumerate(scripts, 1)
    ]
    return made


@pytest.mark.parametrize("policy", ["Never", "Always"])
def test_should_invoke_init_containers(api: Api, policy: str) -> None:
    main = "true" if policy == "Never" else "sleep 1000"
    api.create("pods", _with_init("begins", policy, "true", "true", main=main))
    if policy == "Never":
        assert api.until_over("begins") == "Succeeded"
    else:
        api.until_ready("begins")
    found = api.get("pods", "begins")["status"]
    [initialized] = [each for each in found["conditions"] if each["type"] == "Initialized"]
    assert initialized["status"] == "True"
    states = [each["state"]["terminated"]["exitCode"] for each in found["initContainerStatuses"]]
    assert (states, [each["ready"] for each in found["initContainerStatuses"]]) == ([0, 0], [True, True])


def test_should_not_start_app_containers_if_init_containers_fail_on_a_restart_always_pod(api: Api) -> None:
    api.create("pods", _with_init("never", "Always", "false", "true", main="sleep 1000"))

    def restarted() -> Any:
        found = api.get("pods", "never")["status"]
        first, second = found.get("initContainerStatuses") or ({"restartCount": 0}, {"state": {}})
        if first["restartCount"] < 3:
            return None
        assert "waiting" in second["state"]
        [main] = found["containerStatuses"]
        assert main["state"]["waiting"]["reason"] == "PodInitializing"
        return found

    found = api.until(restarted, "it failed three times")
    [condition] = [each for each in found["conditions"] if each["type"] == "Initialized"]
    assert (found["phase"], condition["status"], condition["reason"]) == (
        "Pending", "False", "ContainersNotInitialized",
    )  # fmt: skip
    assert condition["message"] == "containers with incomplete status: [init1 init2]"


def test_should_not_start_app_containers_and_fail_the_pod_if_init_containers_fail_on_a_restart_never_pod(
    api: Api,
) -> None:
    api.create("pods", _with_init("fails", "Never", "true", "false", main="true"))
    assert api.until_over("fails") == "Failed"
    found = api.get("pods", "fails")["status"]
    assert [each["state"]["terminated"]["exitCode"] for each in found["initContainerStatuses"]] == [0, 1]
    [main] = found["containerStatuses"]
    assert main["state"]["waiting"]["reason"] == "PodInitializing"


# ---- kubelet.go


def test_should_print_the_output_to_logs(api: Api) -> None:
    api.create("pods", once("says", "echo 'Hello World' ; sleep 240"))
    api.until(lambda: api.log("says") == "Hello World\n", "it is in the log")


def test_a_command_that_always_fails_has_a_reason_and_can_be_deleted(api: Api) -> None:
    made = pod("false", image=BUSYBOX, command=["/bin/false"])
    api.create("pods", made)

    def reason() -> Any:
        [status] = api.get("pods", "false")["status"].get("containerStatuses") or [{}]
        return (status.get("state", {}).get("terminated") or {}).get("reason")

    assert api.until(reason, "it has ended") == "Error"
    api.delete("pods", "false")
    api.until_gone("pods", "false")


def test_should_not_write_to_root_filesystem(api: Api) -> None:
    script = "echo test > /file; sleep 240"
    made = once("reads-only", script, container={"securityContext": {"readOnlyRootFilesystem": True}})
    made["spec"]["containers"][0]["command"][0] = "/bin/sh"
    api.create("pods", made)
    said = api.until(lambda: api.log("reads-only"), "it says so")
    assert said == "/bin/sh: can't create /file: Read-only file system\n"


def test_should_write_entries_to_etc_hosts(api: Api) -> None:
    aliases = [{"ip": "123.45.67.89", "hostnames": ["foo", "bar"]}]
    said = api.output(pod("aliases", "etc-hosts", restartPolicy="Never", hostAliases=aliases))
    assert "# Entries added by HostAliases.\n123.45.67.89\tfoo\tbar" in said


# ---- kubelet_etc_hosts.go


def test_kubelet_managed_etc_hosts_file(api: Api) -> None:
    managed = "# Kubernetes-managed hosts file"
    mounts = [{"name": "host-etc-hosts", "mountPath": "/etc/hosts-original"}]
    busy = [
        {"name": f"busybox-{number}", "image": AGNHOST, "command": ["sleep", "900"], "volumeMounts": list(mounts)}
        for number in (1, 2, 3)
    ]
    busy[2]["volumeMounts"] = [*mounts, {"name": "host-etc-hosts", "mountPath": "/etc/hosts"}]
    volumes = [{"name": "host-etc-hosts", "hostPath": {"path": "/etc/hosts", "type": "File"}}]
    for name, on_host, containers in (("test-pod", False, busy), ("test-host-network-pod", True, busy[:2])):
        made = pod(name, volumes=volumes, hostNetwork=on_host)
        made["spec"]["containers"] = containers
        api.create("pods", made)
    api.until_ready("test-pod", "test-host-network-pod")

    def read(name: str, container: str, file: str) -> str:
        return api.kubectl("exec", name, "-c", container, "--", "cat", file)

    for container in ("busybox-1", "busybox-2"):
        assert read("test-pod", container, "/etc/hosts").startswith(managed)
        assert not read("test-host-network-pod", container, "/etc/hosts").startswith(managed)
    assert not read("test-pod", "busybox-3", "/etc/hosts").startswith(managed)
    for name in ("test-pod", "test-host-network-pod"):
        assert not read(name, "busybox-1", "/etc/hosts-original").startswith(managed)
    own = read("test-host-network-pod", "busybox-1", "/etc/hosts")
    assert own == read("test-host-network-pod", "busybox-1", "/etc/hosts-original")


# ---- runtime.go


def _ended(api: Api, name: str) -> Any:
    def found() -> Any:
        [status] = api.get("pods", name)["status"].get("containerStatuses") or [{}]
        return status.get("state", {}).get("terminated")

    return api.until(found, f"{name} ends")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("/bin/echo -n DONE; /bin/false", "DONE"),
        ("/bin/echo -n DONE; /bin/true", ""),
        ("/bin/echo -n OK > /dev/termination-log; /bin/echo DONE; /bin/true", "OK"),
    ],
    ids=["from log output", "as empty when pod succeeds", "from file when pod succeeds"],
)
def test_should_report_termination_message_with_fallback_to_logs_on_error(api: Api, script: str, message: str) -> None:
    api.create("pods", once("ends", script, container={"terminationMessagePolicy": "FallbackToLogsOnError"}))
    assert _ended(api, "ends").get("message", "") == message


@pytest.mark.parametrize(
    ("policy", "phase", "restarts", "ready"),
    [("Always", "Running", 2, True), ("OnFailure", "Succeeded", 1, False), ("Never", "Failed", 0, False)],
)
def test_should_run_with_the_expected_status(api: Api, policy: str, phase: str, restarts: int, ready: bool) -> None:
    """Fails the first time, ends well the second, and runs on the third."""
    script = (
        "f=/restart-count/count; n=$(cat $f 2>/dev/null || echo 0); echo $((n + 1)) > $f; "
        "[ $n = 0 ] && exit 1; [ $n = 1 ] && exit 0; sleep 10000"
    )
    made = once("counts", script, container={"volumeMounts": [{"name": "count", "mountPath": "/restart-count"}]})
    made["spec"] |= {"restartPolicy": policy, "volumes": [{"name": "count", "emptyDir": {}}]}
    api.create("pods", made)

    def as_expected() -> bool:
        found = api.get("pods", "counts")["status"]
        [status] = found.get("containerStatuses") or [{"restartCount": -1, "ready": None}]
        return (found["phase"], status["restartCount"], status["ready"]) == (phase, restarts, ready)

    api.until(as_expected, "it is as expected", timeout_s=60)


# ---- configmap.go, secrets.go


@pytest.mark.parametrize("kind", ["configmap", "secret"])
def test_should_be_consumable_via_the_environment(api: Api, kind: str) -> None:
    field = "data" if kind == "configmap" else "stringData"
    data = {"data-1": "value-1", "data_2": "value-2"}
    api.create(f"{kind}s", {"metadata": {"name": "held"}, field: data})
    ref = {"configMapKeyRef" if kind == "configmap" else "secretKeyRef": {"name": "held", "key": "data-1"}}
    source = {"configMapRef" if kind == "configmap" else "secretRef": {"name": "held"}}
    container = {
        "env": [{"name": "ONE", "valueFrom": ref}],
        "envFrom": [source, {"prefix": "p-", **source}],
    }
    said = set(api.output(once("tells", "env", container=container)).splitlines())
    assert {"ONE=value-1", "data-1=value-1", "data_2=value-2", "p-data-1=value-1", "p-data_2=value-2"} <= said


@pytest.mark.parametrize("plural", ["configmaps", "secrets"])
def test_should_fail_to_create_with_an_empty_key(api: Api, plural: str) -> None:
    refused = api.refusal("POST", api.path(plural), {"metadata": {"name": "empty"}, "data": {"": "dmFsdWU="}})
    assert refused.code == 422 and "data" in str(refused)


@pytest.mark.parametrize("plural", ["configmaps", "secrets"])
def test_should_be_immutable_if_its_field_is_set(api: Api, plural: str) -> None:
    api.create(plural, {"metadata": {"name": "fixed"}, "data": {"a": "YQ=="}})
    api.update(plural, "fixed", lambda obj: obj["data"].update(a="Yg=="))
    api.update(plural, "fixed", lambda obj: obj.update(immutable=True))
    for change in ({"data": {"a": "Yw=="}}, {"immutable": False}):
        body = {**api.get(plural, "fixed"), **change}
        assert api.refusal("PUT", api.path(plural, "fixed"), body).code == 422
    api.update(plural, "fixed", lambda obj: obj["metadata"].update(labels={"may": "change"}))
    api.delete(plural, "fixed")


# ---- downwardapi.go


def test_downward_api_should_provide_env_vars(api: Api) -> None:
    fields = {
        "NAME": "metadata.name", "NAMESPACE": "metadata.namespace", "UID": "metadata.uid",
        "POD_IP": "status.podIP", "HOST_IP": "status.hostIP", "HOST_IPS": "status.hostIPs",
    }  # fmt: skip
    env = [{"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in fields.items()]
    resources = {"limits": {"cpu": "1250m", "memory": "64Mi"}, "requests": {"cpu": "250m", "memory": "32Mi"}}
    wanted = ("limits.cpu", "limits.memory", "requests.cpu", "requests.memory")
    env += [
        {"name": each.upper().replace(".", "_"), "valueFrom": {"resourceFieldRef": {"resource": each}}}
        for each in wanted
    ]
    said = dict(
        line.split("=", 1)
        for line in api.output(once("told", "env", container={"env": env, "resources": resources})).splitlines()
    )
    found = api.get("pods", "told")
    assert (said["NAME"], said["NAMESPACE"], said["UID"]) == ("told", api.namespace, found["metadata"]["uid"])
    assert (said["POD_IP"], said["HOST_IP"]) == (found["status"]["podIP"], found["status"]["hostIP"])
    assert said["HOST_IPS"] == found["status"]["hostIP"]
    numbers = [said[each.upper().replace(".", "_")] for each in wanted]
    assert numbers == ["2", "67108864", "1", "33554432"]


def test_downward_api_should_provide_default_limits_from_node_allocatable(api: Api) -> None:
    wanted = ("limits.cpu", "limits.memory")
    env = [{"name": each[7:], "valueFrom": {"resourceFieldRef": {"resource": each}}} for each in wanted]
    said = api.output(once("told", "env", container={"env": env}))
    node = api.request("GET", f"/api/v1/nodes/{api.get('pods', 'told')['spec']['nodeName']}")
    assert f"cpu={node['status']['allocatable']['cpu']}\n" in said
    assert f"memory={(whole(node['status']['allocatable']['memory']))}\n" in said


# ---- security_context.go


def test_should_run_the_container_as_the_user_that_is_asked_for(api: Api) -> None:
    said = api.output(once("nobody", "id -u; id", container={"securityContext": {"runAsUser": 65534}}))
    assert said.startswith("65534\n")


@pytest.mark.parametrize("level", ["pod", "container"])
def test_should_support_run_as_user_and_run_as_group(api: Api, level: str) -> None:
    context = {"runAsUser": 1001, "runAsGroup": 2002}
    more = {"securityContext": context} if level == "pod" else {"container": {"securityContext": context}}
    said = api.output(once("grouped", "id", **more))
    assert "uid=1001" in said and "gid=2002" in said


@pytest.mark.parametrize("context", [{"privileged": False}, {"readOnlyRootFilesystem": False}], ids=str)
def test_should_run_the_container_unprivileged_and_writable(api: Api, context: Any) -> None:
    script = "ip link add dummy0 type dummy || true" if "privileged" in context else "touch checkfile"
    said = api.output(once("plain", script, container={"securityContext": context}))
    if "privileged" in context:
        assert "RTNETLINK answers: Operation not permitted" in said or "ip: " in said


def test_should_not_allow_privilege_escalation_when_false(api: Api) -> None:
    context = {"allowPrivilegeEscalation": False, "runAsUser": 1000}
    said = api.output(once("stays", 'echo "Effective uid: $(id -u)"', container={"securityContext": context}))
    assert "Effective uid: 1000" in said


# ---- lifecycle_hook.go, pre_stop.go


@pytest.mark.parametrize("hook", ["postStart", "preStop"])
@pytest.mark.parametrize("kind", ["exec", "httpGet"])
def test_should_execute_its_lifecycle_hook_properly(api: Api, hook: str, kind: str) -> None:
    api.create("pods", pod("handler", "netexec", container={"ports": [{"containerPort": 8080}]}))
    api.until_ready("handler")
    ip = api.get("pods", "handler")["status"]["podIP"]
    called = f"/echo?msg={hook}"
    what: Any = {"httpGet": {"path": called, "host": ip, "port": 8080}}
    if kind == "exec":
        what = {"exec": {"command": ["sh", "-c", f"curl http://{ip}:8080{called}"]}}
    api.create("pods", pod("hooked", container={"lifecycle": {hook: what}}))
    api.until_ready("hooked")
    if hook == "preStop":
        assert called not in api.log("handler")
        api.delete("pods", "hooked")
        api.until_gone("pods", "hooked")
    api.until(lambda: f"GET {called}" in api.log("handler"), "the handler was called")


# ---- ephemeral_containers.go


def test_will_start_and_update_ephemeral_containers_in_an_existing_pod(api: Api) -> None:
    api.create("pods", pod("target", image=BUSYBOX, command=["/bin/sleep", "10000"]))
    api.until_ready("target")

    def add(name: str) -> None:
        script = "while true; do echo polo; sleep 2; done"
        each = {"name": name, "image": BUSYBOX, "command": ["/bin/sh", "-c", script], "targetContainerName": "main"}
        body = {"spec": {"ephemeralContainers": [each]}}
        api.patch("pods", "target", body, "ephemeralcontainers")

    def running() -> set[str]:
        statuses = api.get("pods", "target")["status"].get("ephemeralContainerStatuses") or ()
        return {each["name"] for each in statuses if "running" in each["state"]}

    add("debugger")
    api.until(lambda: running() == {"debugger"}, "it runs")
    api.until(lambda: "polo" in api.log("target", "debugger"), "it says so")
    add("second")
    api.until(lambda: running() == {"debugger", "second"}, "both run")
    assert len(api.get("pods", "target")["spec"]["ephemeralContainers"]) == 2
