"""The trial's namespace has one name for the learner ("default") and another on the cluster; texts go both ways.

So a manifest, a question to DNS and a verdict read the same wherever they are, and `web-0.nginx.default.svc` leads to
the trial's own Pods. Names of any other namespace are left as they are: nothing of the learner's is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from statelab.controlplane.errors import ApiError


class Names:
    """`logical`: what the learner and the rubric say. `real`: what the cluster says; nothing else is called so."""

    def __init__(self, logical: str, real: str, services: Iterable[str] = ()) -> None:
        self.logical = logical
        self.real = real
        known = "|".join(re.escape(each) for each in services) or "(?!)"
        name = re.escape(logical)
        # `nginx.default` is a name of DNS where nginx is a Service; `nginx.default.svc` always is.
        self._asked = re.compile(rf"(?:(?<=[a-z0-9])\.{name}(?=\.svc\b)|(?<![\w-])({known})\.{name}(?![\w-]))")

    def namespace(self, named: str) -> str:
        """The namespace to write to. Raises ApiError for any but the trial's own."""
        if named != self.logical:
            raise ApiError(404, "NotFound", f'namespaces "{named}" not found')
        return self.real

    def outward(self, value: Any) -> Any:
        """A text, or all texts of an object, as the cluster has to read them. What is given is not changed."""
        if isinstance(value, str):
            return self._asked.sub(lambda found: f"{found[1] or ''}.{self.real}", value)
        if isinstance(value, dict):
            return {key: self.outward(each) for key, each in value.items()}
        return [self.outward(each) for each in value] if isinstance(value, list) else value

    def inward(self, value: Any) -> Any:
        """A text, or an object, as the learner reads it."""
        if isinstance(value, str):
            return value.replace(self.real, self.logical)
        if isinstance(value, dict):
            return {key: self.inward(each) for key, each in value.items()}
        return [self.inward(each) for each in value] if isinstance(value, list) else value
