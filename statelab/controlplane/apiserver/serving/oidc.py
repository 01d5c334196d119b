"""What anybody needs to check a ServiceAccount's token without asking the server: the issuer and its keys.

Source: pkg/serviceaccount/openidmetadata.go, OpenID Connect Discovery 1.0.
"""

from __future__ import annotations

from statelab.controlplane.apiserver.authentication.jwt import Signer
from statelab.controlplane.apiserver.authentication.tokens import ISSUER
from statelab.controlplane.apiserver.encoding.request import Response
from statelab.reader import jsonbytes

CONFIGURATION, KEYS = "/.well-known/openid-configuration", "/openid/v1/jwks"
_CACHE = [("Cache-Control", "public, max-age=3600")]


def answer(signer: Signer, path: str) -> Response:
    """The document at CONFIGURATION or KEYS."""
    if path == KEYS:
        return Response(200, jsonbytes.dumps(signer.key_set()), "application/jwk-set+json", list(_CACHE))
    about = {
        "issuer": ISSUER,
        "jwks_uri": f"{ISSUER}{KEYS}",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    }
    return Response(200, jsonbytes.dumps(about), "application/json", list(_CACHE))
