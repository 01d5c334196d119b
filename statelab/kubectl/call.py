"""One kubectl line while it is carried out: its words and flags, the server it speaks with, what it writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from statelab.kubectl.api import JSON, Api, Object, Params
from statelab.kubectl.flags import Flags
from statelab.kubectl.problems import Fail, Refused, checked
from statelab.kubectl.resources import Mapper, Resource
from statelab.kubectl.session import Files, Session

MAX_OUTPUT = 4_000_000  # characters; who writes more is stopped
Write = Callable[[str, str], None]  # ("stdout" | "stderr", text)


class TooMuch(Fail):
    """A line that writes without end."""


@dataclass
class Call:
    """`command` is the command's full name ("rollout status"); `dash` how many words stood before `--`, or -1."""

    command: str
    args: list[str]
    flags: Flags
    dash: int
    api: Api
    session: Session
    files: Files
    stdin: str | None
    write: Write
    mapper: Mapper
    written: int = 0
    warned: set[str] = field(default_factory=set)
    has_told_of_dry_run: bool = False
    printed_by: Any = None  # how results are printed, once it is known

    # ---- what it writes

    def out(self, text: str) -> None:
        self._write("stdout", text)

    def err(self, text: str) -> None:
        self._write("stderr", text)

    def _write(self, stream: str, text: str) -> None:
        self.written += len(text)
        if self.written > MAX_OUTPUT:
            raise TooMuch(f"the output is longer than {MAX_OUTPUT:,} characters: the rest is left out")
        if text:
            self.write(stream, text)

    # ---- where

    @property
    def namespace(self) -> str:
        return self.flags.text("namespace") or self.session.namespace

    @property
    def enforce_namespace(self) -> bool:
        return bool(self.flags.text("namespace"))

    @property
    def everywhere(self) -> bool:
        return "all-namespaces" in self.flags.known and self.flags.on("all-namespaces")

    # ---- speaking with the server

    def request(
        self,
        method: str,
        path: str,
        params: Params | None = None,
        body: Any = None,
        *,
        content_type: str = JSON,
        accept: str = JSON,
        is_raw: bool = False,
    ) -> Any:
        """The decoded answer; warnings go to stderr, each once. Raises Refused, Fail.

        `is_raw`: the path is a person's own, and no error says what resource it would be.
        """
        try:
            body = ordered(body) if isinstance(body, dict) else body
            reply = self.api.request(method, path, params, body, content_type=content_type, accept=accept)
        except ConnectionError as error:
            raise Fail(str(error)) from None
        for warning in reply.warnings:
            if warning not in self.warned:
                self.warned.add(warning)
                self.err(f"Warning: {warning}\n")
        return checked(reply, method, "" if is_raw else path)

    def get(self, resource: Resource, namespace: str, name: str, *, accept: str = JSON) -> Object:
        try:
            found: Object = self.request("GET", resource.path(namespace, name), accept=accept)
        except Refused as refused:
            raise self.of_namespace(refused, namespace) from None
        return found

    def of_namespace(self, refused: Refused, namespace: str) -> Refused:
        """That the namespace is not there, where that is why an object is not. Source: resource/visitor.go Info.Get."""
        if refused.reason != "NotFound" or namespace in ("", "default"):
            return refused
        try:
            self.request("GET", f"/api/v1/namespaces/{namespace}")
        except Refused as no_namespace:
            if no_namespace.reason == "NotFound":
                return no_namespace
        return refused

    def maybe(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """The object, or None when there is none."""
        try:
            found: Object = self.request("GET", resource.path(namespace, name))
            return found
        except Refused as refused:
            if refused.code == 404:
                return None
            raise

    def list(self, resource: Resource, namespace: str = "", **params: str) -> list[Object]:
        """A collection's objects, each with its apiVersion and kind."""
        answer = self.request("GET", resource.path(namespace), {k: v for k, v in params.items() if v})
        return [{"apiVersion": resource.api_version, "kind": resource.kind, **each} for each in answer["items"] or ()]

    # ---- flags that many commands share

    @property
    def dry_run(self) -> str:
        """ "", "client" or "server". Raises Fail."""
        if "dry-run" not in self.flags.known:
            return ""
        said = self.flags.text("dry-run")
        if said == "unchanged":
            if not self.has_told_of_dry_run:
                self.has_told_of_dry_run = True
                self.err(
                    "W1130 00:00:00.000000       1 helpers.go:734] --dry-run is deprecated and can be replaced with "
                    "--dry-run=client.\n"
                )
            return "client"
        if said in ("none", ""):
            return ""
        if said in ("client", "server"):
            return said
        if said.lower() in ("true", "false", "t", "f", "1", "0"):
            raise Fail(_DRY_RUN_BOOLEAN)
        raise Fail(f'Invalid dry-run value ({said}). Must be "none", "server", or "client".')

    def write_params(self, **more: str) -> dict[str, str]:
        """Query parameters of a write: who writes, whether for the record only, how strictly it is read."""
        params: dict[str, str] = {}
        manager = self.flags.text("field-manager")
        if manager:
            params["fieldManager"] = manager
        if self.dry_run == "server":
            params["dryRun"] = "All"
        if "validate" in self.flags.known:
            params["fieldValidation"] = validation(self.flags.text("validate"))
        return {**params, **{name: value for name, value in more.items() if value}}

    @property
    def dry_run_note(self) -> str:
        return {"client": " (dry run)", "server": " (server dry run)"}.get(self.dry_run, "")


def ordered(value: Any) -> Any:
    """With the keys in order, as Go writes maps: in this order a server finds what it does not know."""
    if isinstance(value, dict):
        return {key: ordered(value[key]) for key in sorted(value)}
    return [ordered(each) for each in value] if isinstance(value, list) else value


_DRY_RUN_BOOLEAN = (
    "Invalid dry-run value: boolean values are no longer accepted; use --dry-run=client, --dry-run=server or "
    "--dry-run=none"
)


def validation(said: str) -> str:
    """Raises Fail."""
    if said in ("strict", "true", ""):
        return "Strict"
    if said == "warn":
        return "Warn"
    if said in ("ignore", "false"):
        return "Ignore"
    raise Fail(f"invalid - validate must be one of: strict (or true), warn, ignore (or false), got {said!r}")
