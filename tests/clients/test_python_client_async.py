"""The official Python client's asynchronous half, against a server of its own."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

aio = pytest.importorskip("kubernetes.aio", reason="this version of the client has no asynchronous half")


def test_calls_and_watches_work(server: Any, namespace: str) -> None:
    from kubernetes.aio import client, config, watch

    async def scenario() -> list[str]:
        await config.load_kube_config(config_file=str(server.kubeconfig))
        async with client.ApiClient() as api:
            core = client.CoreV1Api(api)
            for name in ("one", "two"):
                await core.create_namespaced_config_map(namespace, {"metadata": {"name": name}, "data": {"a": "b"}})
            listed = await core.list_namespaced_config_map(namespace)
            names = [item.metadata.name for item in listed.items]
            async with watch.Watch().stream(
                core.list_namespaced_config_map, namespace, timeout_seconds=10, field_selector="metadata.name=two"
            ) as events:
                async for event in events:
                    names.append(f"{event['type']} {event['object'].metadata.name}")
                    break
            return names

    assert asyncio.run(scenario()) == ["kube-root-ca.crt", "one", "two", "ADDED two"]


def test_exec_over_a_websocket(server: Any, namespace: str) -> None:
    from kubernetes.aio import client, config
    from kubernetes.aio.stream import WsApiClient

    container = {"name": "main", "image": "busybox:1.36", "command": ["sleep", "3600"]}

    async def scenario() -> str:
        await config.load_kube_config(config_file=str(server.kubeconfig))
        async with client.ApiClient() as api:
            core = client.CoreV1Api(api)
            await core.create_namespaced_pod(
                namespace, {"metadata": {"name": "runs"}, "spec": {"containers": [container]}}
            )
            for _ in range(200):
                pod = await core.read_namespaced_pod("runs", namespace)
                if pod.status.phase == "Running":
                    break
                await asyncio.sleep(0.05)
        async with WsApiClient() as api:
            return str(
                await client.CoreV1Api(api).connect_get_namespaced_pod_exec(
                    "runs", namespace, command=["hostname"], stderr=True, stdin=False, stdout=True, tty=False
                )
            )

    assert asyncio.run(scenario()) == "runs\n"
