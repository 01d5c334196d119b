"""CEL: read (parsing.py), checked as far as can be (checking.py) and answered within a budget (evaluating.py).

The language of a schema's `x-kubernetes-validations`, of admission policies and of webhooks' match conditions.
Of our own, not cel-python's: a rule's cost is bounded step by step, the words for a syntax error are the API server's,
Kubernetes' own functions are in it, and it is pure Python, so that it runs in a browser, too.
Source: github.com/google/cel-spec/blob/master/doc/langdef.md, apiserver/pkg/cel/library.
"""

from statelab.controlplane.apiserver.validation.custom.cel.checking import problems
from statelab.controlplane.apiserver.validation.custom.cel.evaluating import Budget, TooCostly, evaluate
from statelab.controlplane.apiserver.validation.custom.cel.parsing import CelSyntaxError, Node, parse
from statelab.controlplane.apiserver.validation.custom.cel.values import CelError, Extension, Optional, type_name

__all__ = [
    "Budget",
    "CelError",
    "CelSyntaxError",
    "Extension",
    "Node",
    "Optional",
    "TooCostly",
    "evaluate",
    "parse",
    "problems",
    "type_name",
]
