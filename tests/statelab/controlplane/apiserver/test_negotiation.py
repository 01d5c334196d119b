"""Which form of an answer a client gets for what it accepts."""

from __future__ import annotations

import pytest

from statelab.controlplane.apiserver.encoding.negotiation import body_type, form_of, patch_type
from statelab.controlplane.errors import ApiError

VIEWS = ("Table", "PartialObjectMetadata")
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@pytest.mark.parametrize(
    ("accept", "media_type", "what", "version"),
    [
        ("", "application/json", "", "v1"),
        ("*/*", "application/json", "", "v1"),
        ("application/*", "application/json", "", "v1"),
        (
            f"{TABLE},application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
            "application/json",
            "Table",
            "v1",
        ),
        ("application/json;as=Table;v=v1beta1;g=meta.k8s.io", "application/json", "Table", "v1beta1"),
        ("application/json;as=Table;v=v9;g=meta.k8s.io,application/yaml", "application/yaml", "", "v1"),
        (
            "application/json; as=PartialObjectMetadata; g=meta.k8s.io; v=v1",
            "application/json",
            "PartialObjectMetadata",
            "v1",
        ),
        ("application/vnd.kubernetes.protobuf,application/json", "application/json", "", "v1"),
        ("application/vnd.kubernetes.protobuf, */*", "application/json", "", "v1"),
        ("application/json;q=0.1,application/yaml", "application/yaml", "", "v1"),
        ("application/json;stream=watch", "application/json", "", "v1"),
    ],
)
def test_the_first_form_that_there_is(accept: str, media_type: str, what: str, version: str) -> None:
    form = form_of(accept, VIEWS)
    assert (form.media_type, form.what, form.version) == (media_type, what, version)


@pytest.mark.parametrize(
    "accept", ["text/html", "application/vnd.kubernetes.protobuf", "application/json;as=Other;v=v1;g=x", ";;"]
)
def test_what_there_is_not(accept: str) -> None:
    with pytest.raises(ApiError) as refused:
        form_of(accept, VIEWS)
    assert refused.value.code == 406


def test_bodies_and_patches_name_their_type() -> None:
    assert body_type("") == "application/json"
    assert body_type("application/json; charset=utf-8") == "application/json"
    assert patch_type("application/merge-patch+json; charset=utf-8") == "merge"
    for wrong, read in (("text/plain", body_type), ("application/json", patch_type)):
        with pytest.raises(ApiError) as refused:
            read(wrong)
        assert refused.value.code == 415
