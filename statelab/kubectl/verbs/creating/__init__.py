"""kubectl create NOUN: objects made of flags. Source: pkg/cmd/create/*.go.

Fields stand in the order of Kubernetes' own types: -o json shows them so.
"""

from statelab.kubectl.verbs.creating.access import (
    clusterrole,
    clusterrolebinding,
    role,
    rolebinding,
    serviceaccount,
    token,
)
from statelab.kubectl.verbs.creating.cluster import namespace, poddisruptionbudget, priorityclass, quota
from statelab.kubectl.verbs.creating.config import configmap, secret_docker, secret_generic, secret_tls
from statelab.kubectl.verbs.creating.network import (
    ingress,
    service_clusterip,
    service_externalname,
    service_loadbalancer,
    service_nodeport,
)
from statelab.kubectl.verbs.creating.workloads import cronjob, deployment, job

__all__ = [
    "clusterrole", "clusterrolebinding", "configmap", "cronjob", "deployment", "ingress", "job", "namespace",
    "poddisruptionbudget", "priorityclass", "quota", "role", "rolebinding", "secret_docker", "secret_generic",
    "secret_tls", "service_clusterip", "service_externalname", "service_loadbalancer", "service_nodeport",
    "serviceaccount", "token",
]  # fmt: skip
