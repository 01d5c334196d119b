"""Which flags each kubectl command takes: kubectl 1.37's, as facts.

A row is `shorthand,name:type=default`. Types: b bool, s string, l list, i whole number, d duration, o a string whose
value may be left out. "options" are the flags of every command.
"""

from __future__ import annotations

FLAGS: dict[str, str] = {
    "create": (
        "allow-missing-template-keys:b=true dry-run:o=none edit:b field-manager:s=kubectl-create f,filename:l "
        "k,kustomize:s o,output:s raw:s R,recursive:b save-config:b l,selector:s show-managed-fields:b template:s "
        "validate:s=strict windows-line-endings:b"
    ),
    "create clusterrole": (
        "aggregation-rule:s allow-missing-template-keys:b=true dry-run:o=none field-manager:s=kubectl-create "
        "non-resource-url:l o,output:s resource:l resource-name:l save-config:b show-managed-fields:b template:s "
        "validate:s=strict verb:l"
    ),
    "create clusterrolebinding": (
        "allow-missing-template-keys:b=true clusterrole:s dry-run:o=none field-manager:s=kubectl-create group:l "
        "o,output:s save-config:b serviceaccount:l show-managed-fields:b template:s user:l validate:s=strict"
    ),
    "create configmap": (
        "allow-missing-template-keys:b=true append-hash:b dry-run:o=none field-manager:s=kubectl-create "
        "from-env-file:l from-file:l from-literal:l o,output:s save-config:b show-managed-fields:b template:s "
        "validate:s=strict"
    ),
    "create cronjob": (
        "allow-missing-template-keys:b=true dry-run:o=none field-manager:s=kubectl-create image:s o,output:s "
        "restart:s save-config:b schedule:s show-managed-fields:b template:s validate:s=strict"
    ),
    "create deployment": (
        "allow-missing-template-keys:b=true dry-run:o=none field-manager:s=kubectl-create image:l o,output:s "
        "port:i=-1 r,replicas:i=1 save-config:b show-managed-fields:b template:s validate:s=strict"
    ),
    "create ingress": (
        "allow-missing-template-keys:b=true annotation:l class:s default-backend:s dry-run:o=none "
        "field-manager:s=kubectl-create o,output:s rule:l save-config:b show-managed-fields:b template:s "
        "validate:s=strict"
    ),
    "create job": (
        "allow-missing-template-keys:b=true dry-run:o=none field-manager:s=kubectl-create from:s image:s o,output:s "
        "save-config:b show-managed-fields:b template:s validate:s=strict"
    ),
    "create namespace": (
        "allow-missing-template-keys:b=true dry-run:o=none field-manager:s=kubectl-create o,output:s save-config:b "
        "show-managed-fields:b template:s validate:s=strict"
    ),
    "create poddisruptionbudget": (
        "allow-missing-template-keys:b=true dry-run:o=none field-manager:s=kubectl-create max-unavailable:s "
        "min-available:s o,output:s save-config:b selector:s show-managed-fields:b template:s validate:s=strict"
    ),
    "create priorityclass": (
        "allow-missing-template-keys:b=true description:s dry-run:o=none field-manager:s=kubectl-create "
        "global-default:b o,output:s preemption-policy:s=PreemptLowerPriority save-config:b show-managed-fields:b "
        "template:s validate:s=strict value:i=0"
    ),
    "create quota": (
        "allow-missing-template-keys:b=true dry-run:o=none field-manager:s=kubectl-create hard:s o,output:s "
        "save-config:b scopes:s show-managed-fields:b template:s validate:s=strict"
    ),
    "create role": (
        "allow-missing-template-keys:b=true dry-run:o=none field-manager:s=kubectl-create o,output:s resource:l "
        "resource-name:l save-config:b show-managed-fields:b template:s validate:s=strict verb:l"
    ),
    "create rolebinding": (
        "allow-missing-template-keys:b=true clusterrole:s dry-run:o=none field-manager:s=kubectl-create group:l "
        "o,output:s role:s save-config:b serviceaccount:l show-managed-fields:b template:s user:l validate:s=strict"
    ),
    "create secret docker-registry": (
        "allow-missing-template-keys:b=true append-hash:b docker-email:s docker-password:s "
        "docker-server:s=https://index.docker.io/v1/ docker-username:s dry-run:o=none field-manager:s=kubectl-create "
        "from-file:l o,output:s save-config:b show-managed-fields:b template:s validate:s=strict"
    ),
    "create secret generic": (
        "allow-missing-template-keys:b=true append-hash:b dry-run:o=none field-manager:s=kubectl-create "
        "from-env-file:l from-file:l from-literal:l o,output:s save-config:b show-managed-fields:b template:s type:s "
        "validate:s=strict"
    ),
    "create secret tls": (
        "allow-missing-template-keys:b=true append-hash:b cert:s dry-run:o=none field-manager:s=kubectl-create key:s "
        "o,output:s save-config:b show-managed-fields:b template:s validate:s=strict"
    ),
    "create service clusterip": (
        "allow-missing-template-keys:b=true clusterip:s dry-run:o=none field-manager:s=kubectl-create o,output:s "
        "save-config:b show-managed-fields:b tcp:l template:s validate:s=strict"
    ),
    "create service externalname": (
        "allow-missing-template-keys:b=true dry-run:o=none external-name:s field-manager:s=kubectl-create o,output:s "
        "save-config:b show-managed-fields:b tcp:l template:s validate:s=strict"
    ),
    "create service loadbalancer": (
        "allow-missing-template-keys:b=true dry-run:o=none field-manager:s=kubectl-create o,output:s save-config:b "
        "show-managed-fields:b tcp:l template:s validate:s=strict"
    ),
    "create service nodeport": (
        "allow-missing-template-keys:b=true dry-run:o=none field-manager:s=kubectl-create node-port:i=0 o,output:s "
        "save-config:b show-managed-fields:b tcp:l template:s validate:s=strict"
    ),
    "create serviceaccount": (
        "allow-missing-template-keys:b=true dry-run:o=none field-manager:s=kubectl-create o,output:s save-config:b "
        "show-managed-fields:b template:s validate:s=strict"
    ),
    "create token": (
        "allow-missing-template-keys:b=true audience:l bound-object-kind:s bound-object-name:s bound-object-uid:s "
        "duration:d o,output:s show-managed-fields:b template:s"
    ),
    "expose": (
        "allow-missing-template-keys:b=true cluster-ip:s dry-run:o=none external-ip:s field-manager:s=kubectl-expose "
        "f,filename:l k,kustomize:s l,labels:s load-balancer-ip:s name:s o,output:s override-type:s=merge overrides:s "
        "port:s protocol:s R,recursive:b save-config:b selector:s session-affinity:s show-managed-fields:b "
        "target-port:s template:s type:s"
    ),
    "run": (
        "allow-missing-template-keys:b=true annotations:l attach:b cascade:o=background command:b "
        "detach-keys:s=ctrl-p,ctrl-q dry-run:o=none env:l expose:b field-manager:s=kubectl-run force:b "
        "grace-period:i=-1 image:s image-pull-policy:s k,kustomize:s l,labels:s leave-stdin-open:b o,output:s "
        "override-type:s=merge overrides:s pod-running-timeout:d=1m0s port:s privileged:b q,quiet:b R,recursive:b "
        "restart:s=Always rm:b save-config:b show-managed-fields:b i,stdin:b template:s timeout:d t,tty:b wait:b"
    ),
    "set env": (
        "all:b allow-missing-template-keys:b=true c,containers:s=* dry-run:o=none e,env:l field-manager:s=kubectl-set "
        "f,filename:l from:s keys:l k,kustomize:s list:b local:b o,output:s overwrite:b=true prefix:s R,recursive:b "
        "resolve:b l,selector:s show-managed-fields:b template:s"
    ),
    "set image": (
        "all:b allow-missing-template-keys:b=true dry-run:o=none field-manager:s=kubectl-set f,filename:l "
        "k,kustomize:s local:b o,output:s R,recursive:b l,selector:s show-managed-fields:b template:s"
    ),
    "set resources": (
        "all:b allow-missing-template-keys:b=true c,containers:s=* dry-run:o=none field-manager:s=kubectl-set "
        "f,filename:l k,kustomize:s limits:s local:b o,output:s R,recursive:b requests:s l,selector:s "
        "show-managed-fields:b template:s"
    ),
    "set selector": (
        "all:b allow-missing-template-keys:b=true dry-run:o=none field-manager:s=kubectl-set f,filename:l local:b "
        "o,output:s R,recursive:b=true resource-version:s show-managed-fields:b template:s"
    ),
    "set serviceaccount": (
        "all:b allow-missing-template-keys:b=true dry-run:o=none field-manager:s=kubectl-set f,filename:l "
        "k,kustomize:s local:b o,output:s R,recursive:b show-managed-fields:b template:s"
    ),
    "set subject": (
        "all:b allow-missing-template-keys:b=true dry-run:o=none field-manager:s=kubectl-set f,filename:l group:l "
        "k,kustomize:s local:b o,output:s R,recursive:b l,selector:s serviceaccount:l show-managed-fields:b "
        "template:s user:l"
    ),
    "explain": "api-version:s max-depth:i=0 o,output:s=plaintext R,recursive:b",
    "get": (
        "A,all-namespaces:b allow-missing-template-keys:b=true chunk-size:i=500 field-selector:s f,filename:l "
        "ignore-not-found:b k,kustomize:s L,label-columns:l no-headers:b o,output:s output-watch-events:b raw:s "
        "R,recursive:b l,selector:s server-print:b=true show-kind:b show-labels:b show-managed-fields:b sort-by:s "
        "subresource:s template:s w,watch:b watch-only:b"
    ),
    "edit": (
        "allow-missing-template-keys:b=true field-manager:s=kubectl-edit f,filename:l k,kustomize:s o,output:s "
        "output-patch:b R,recursive:b save-config:b show-managed-fields:b subresource:s template:s validate:s=strict "
        "windows-line-endings:b"
    ),
    "delete": (
        "all:b A,all-namespaces:b cascade:o=background dry-run:o=none field-selector:s f,filename:l force:b "
        "grace-period:i=-1 ignore-not-found:b i,interactive:b k,kustomize:s now:b o,output:s raw:s R,recursive:b "
        "l,selector:s timeout:d wait:b=true"
    ),
    "rollout history": (
        "allow-missing-template-keys:b=true f,filename:l k,kustomize:s o,output:s R,recursive:b revision:i=0 "
        "l,selector:s show-managed-fields:b template:s"
    ),
    "rollout pause": (
        "allow-missing-template-keys:b=true field-manager:s=kubectl-rollout f,filename:l k,kustomize:s o,output:s "
        "R,recursive:b l,selector:s show-managed-fields:b template:s"
    ),
    "rollout restart": (
        "allow-missing-template-keys:b=true field-manager:s=kubectl-rollout f,filename:l k,kustomize:s o,output:s "
        "R,recursive:b l,selector:s show-managed-fields:b template:s"
    ),
    "rollout resume": (
        "allow-missing-template-keys:b=true field-manager:s=kubectl-rollout f,filename:l k,kustomize:s o,output:s "
        "R,recursive:b l,selector:s show-managed-fields:b template:s"
    ),
    "rollout status": "f,filename:l k,kustomize:s R,recursive:b revision:i=0 l,selector:s timeout:d w,watch:b=true",
    "rollout undo": (
        "allow-missing-template-keys:b=true dry-run:o=none f,filename:l k,kustomize:s o,output:s R,recursive:b "
        "l,selector:s show-managed-fields:b template:s to-revision:i=0"
    ),
    "scale": (
        "all:b allow-missing-template-keys:b=true current-replicas:i=-1 dry-run:o=none f,filename:l k,kustomize:s "
        "o,output:s R,recursive:b replicas:i=0 resource-version:s l,selector:s show-managed-fields:b template:s "
        "timeout:d"
    ),
    "autoscale": (
        "allow-missing-template-keys:b=true cpu:s dry-run:o=none field-manager:s=kubectl-autoscale f,filename:l "
        "k,kustomize:s max:i=-1 memory:s min:i=-1 name:s o,output:s R,recursive:b save-config:b show-managed-fields:b "
        "template:s"
    ),
    "certificate approve": (
        "allow-missing-template-keys:b=true f,filename:l force:b k,kustomize:s o,output:s R,recursive:b "
        "show-managed-fields:b template:s"
    ),
    "certificate deny": (
        "allow-missing-template-keys:b=true f,filename:l force:b k,kustomize:s o,output:s R,recursive:b "
        "show-managed-fields:b template:s"
    ),
    "cluster-info dump": (
        "A,all-namespaces:b allow-missing-template-keys:b=true namespaces:l o,output:s=json output-directory:s "
        "pod-running-timeout:d=20s show-managed-fields:b template:s"
    ),
    "top node": "no-headers:b l,selector:s show-capacity:b show-swap:b sort-by:s use-protocol-buffers:b=true",
    "top pod": (
        "A,all-namespaces:b containers:b field-selector:s no-headers:b l,selector:s show-swap:b sort-by:s sum:b "
        "use-protocol-buffers:b=true"
    ),
    "cordon": "dry-run:o=none l,selector:s",
    "uncordon": "dry-run:o=none l,selector:s",
    "drain": (
        "chunk-size:i=500 delete-emptydir-data:b disable-eviction:b dry-run:o=none force:b grace-period:i=-1 "
        "ignore-daemonsets:b pod-selector:s l,selector:s skip-wait-for-delete-timeout:i=0 timeout:d"
    ),
    "taint": (
        "all:b allow-missing-template-keys:b=true dry-run:o=none field-manager:s=kubectl-taint o,output:s overwrite:b "
        "l,selector:s show-managed-fields:b template:s validate:s=strict"
    ),
    "describe": "A,all-namespaces:b chunk-size:i=500 f,filename:l k,kustomize:s R,recursive:b l,selector:s "
    "show-events:b=true",
    "logs": (
        "all-containers:b all-pods:b c,container:s f,follow:b ignore-errors:b insecure-skip-tls-verify-backend:b "
        "limit-bytes:i=0 max-log-requests:i=5 pod-running-timeout:d=20s prefix:b p,previous:b l,selector:s since:d "
        "since-time:s tail:i=-1 timestamps:b"
    ),
    "attach": "c,container:s detach-keys:s=ctrl-p,ctrl-q pod-running-timeout:d=1m0s q,quiet:b i,stdin:b t,tty:b",
    "exec": "c,container:s f,filename:l pod-running-timeout:d=1m0s q,quiet:b i,stdin:b t,tty:b",
    "port-forward": "address:l=localhost pod-running-timeout:d=1m0s",
    "proxy": (
        "accept-hosts:s accept-paths:s address:s=127.0.0.1 api-prefix:s=/ "
        "append-server-path:b disable-filter:b keepalive:d p,port:i=8001 reject-methods:s "
        "reject-paths:s u,unix-socket:s w,www:s P,www-prefix:s=/static/"
    ),
    "cp": "c,container:s no-preserve:b retries:i=0",
    "auth can-i": "A,all-namespaces:b list:b no-headers:b q,quiet:b subresource:s",
    "auth reconcile": (
        "allow-missing-template-keys:b=true dry-run:o=none f,filename:l k,kustomize:s o,output:s R,recursive:b "
        "remove-extra-permissions:b remove-extra-subjects:b show-managed-fields:b template:s"
    ),
    "auth whoami": "allow-missing-template-keys:b=true o,output:s show-managed-fields:b template:s",
    "debug": (
        "arguments-only:b attach:b c,container:s copy-to:s custom:s env:l f,filename:l image:s image-pull-policy:s "
        "keep-annotations:b keep-init-containers:b=true keep-labels:b keep-liveness:b keep-readiness:b keep-startup:b "
        "profile:s=general q,quiet:b replace:b same-node:b set-image:l share-processes:b=true i,stdin:b target:s "
        "t,tty:b"
    ),
    "events": (
        "A,all-namespaces:b allow-missing-template-keys:b=true chunk-size:i=500 for:s no-headers:b o,output:s "
        "show-managed-fields:b template:s types:l w,watch:b"
    ),
    "diff": (
        "concurrency:i=1 field-manager:s=kubectl-client-side-apply f,filename:l force-conflicts:b k,kustomize:s "
        "prune:b prune-allowlist:l R,recursive:b l,selector:s server-side:b show-managed-fields:b show-secrets:b"
    ),
    "apply": (
        "all:b allow-missing-template-keys:b=true cascade:o=background dry-run:o=none "
        "field-manager:s=kubectl-client-side-apply f,filename:l force:b force-conflicts:b grace-period:i=-1 "
        "k,kustomize:s openapi-patch:b=true o,output:s overwrite:b=true prune:b prune-allowlist:l R,recursive:b "
        "l,selector:s server-side:b show-managed-fields:b subresource:s template:s timeout:d validate:s=strict wait:b"
    ),
    "apply edit-last-applied": (
        "allow-missing-template-keys:b=true field-manager:s=kubectl-client-side-apply f,filename:l k,kustomize:s "
        "o,output:s R,recursive:b show-managed-fields:b template:s validate:s=strict windows-line-endings:b"
    ),
    "apply set-last-applied": (
        "allow-missing-template-keys:b=true create-annotation:b dry-run:o=none f,filename:l o,output:s "
        "show-managed-fields:b template:s"
    ),
    "apply view-last-applied": "all:b f,filename:l k,kustomize:s o,output:s=yaml R,recursive:b l,selector:s",
    "patch": (
        "allow-missing-template-keys:b=true dry-run:o=none field-manager:s=kubectl-patch f,filename:l k,kustomize:s "
        "local:b o,output:s p,patch:s patch-file:s R,recursive:b show-managed-fields:b subresource:s template:s "
        "type:s=strategic"
    ),
    "replace": (
        "allow-missing-template-keys:b=true cascade:o=background dry-run:o=none field-manager:s=kubectl-replace "
        "f,filename:l force:b grace-period:i=-1 k,kustomize:s o,output:s raw:s R,recursive:b save-config:b "
        "show-managed-fields:b subresource:s template:s timeout:d validate:s=strict wait:b"
    ),
    "wait": (
        "all:b A,all-namespaces:b allow-missing-template-keys:b=true field-selector:s f,filename:l for:l local:b "
        "o,output:s R,recursive:b=true l,selector:s show-managed-fields:b template:s timeout:d=30s"
    ),
    "kustomize": (
        "as-current-user:b enable-alpha-plugins:b enable-helm:b e,env:l helm-api-versions:l helm-command:s=helm "
        "helm-debug:b helm-kube-version:s load-restrictor:s=LoadRestrictionsRootOnly mount:l network:b "
        "network-name:s=bridge o,output:s"
    ),
    "label": (
        "all:b A,all-namespaces:b allow-missing-template-keys:b=true dry-run:o=none field-manager:s=kubectl-label "
        "field-selector:s f,filename:l k,kustomize:s list:b local:b o,output:s overwrite:b R,recursive:b "
        "resource-version:s l,selector:s show-managed-fields:b template:s"
    ),
    "annotate": (
        "all:b A,all-namespaces:b allow-missing-template-keys:b=true dry-run:o=none field-manager:s=kubectl-annotate "
        "field-selector:s f,filename:l k,kustomize:s list:b local:b o,output:s overwrite:b R,recursive:b=true "
        "resource-version:s l,selector:s show-managed-fields:b template:s"
    ),
    "api-resources": (
        "api-group:s cached:b categories:l namespaced:b=true no-headers:b o,output:s show-managed-fields:b sort-by:s "
        "verbs:l"
    ),
    "config get-contexts": "no-headers:b o,output:s",
    "config set": "set-raw-bytes:b",
    "config set-cluster": "certificate-authority:s embed-certs:b insecure-skip-tls-verify:b proxy-url:s server:s "
    "tls-server-name:s",
    "config set-context": "cluster:s current:b n,namespace:s user:s",
    "config set-credentials": (
        "auth-provider:s auth-provider-arg:l client-certificate:s client-key:s embed-certs:b exec-api-version:s "
        "exec-arg:l exec-command:s exec-env:l exec-interactive-mode:s exec-provide-cluster-info:b password:s token:s "
        "username:s"
    ),
    "config view": (
        "allow-missing-template-keys:b=true flatten:b merge:b=true minify:b o,output:s=yaml raw:b "
        "show-managed-fields:b template:s"
    ),
    "kuberc set": "allowlist-entry:l appendarg:l command:s kuberc:s name:s option:l overwrite:b policy:s "
    "prependarg:l section:s",
    "kuberc view": "allow-missing-template-keys:b=true kuberc:s o,output:s=yaml show-managed-fields:b template:s",
    "plugin list": "name-only:b",
    "version": "client:b o,output:s",
    "options": (
        "as:s as-group:l as-uid:s as-user-extra:l cache-dir:s certificate-authority:s client-certificate:s "
        "client-key:s cluster:s context:s disable-compression:b insecure-skip-tls-verify:b kubeconfig:s kuberc:s "
        "log-flush-frequency:d=5s match-server-version:b n,namespace:s password:s profile:s=none "
        "profile-output:s=profile.pprof proxy-url:s request-timeout:s=0 s,server:s tls-server-name:s token:s user:s "
        "username:s v,v:i=0 vmodule:s warnings-as-errors:b"
    ),
}
