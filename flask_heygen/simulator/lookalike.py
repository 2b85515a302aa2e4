"""Tokens that have the shape of a JSON Web Token, and a signature that nobody checks."""

import base64
import json
import secrets
from collections.abc import Mapping


def lookalike(claims: Mapping[str, object]) -> str:
    """Make a token that says these claims to whoever reads it, and is like no other."""
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    parts.append(secrets.token_bytes(32))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
