"""STS signs tokens of its caller that an OIDC client can check, as boto3 and PyJWT meet it."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import boto3
import jwt
import pytest
from botocore.exceptions import ClientError

from harness.lake.s3 import S3Endpoint


def sts(endpoint: S3Endpoint) -> str:
    return endpoint.sts_url or endpoint.url


def client(endpoint: S3Endpoint, service: str, **credentials: Any) -> Any:
    own = {"aws_access_key_id": endpoint.access_key, "aws_secret_access_key": endpoint.secret_key}
    return boto3.client(service, endpoint_url=sts(endpoint), region_name=endpoint.region, **{**own, **credentials})


def checked(endpoint: S3Endpoint, token: str, audience: str = "databricks") -> dict[str, Any]:
    """The claims of a token that is good, by keys found as OIDC says."""
    issuer = jwt.decode(token, options={"verify_signature": False})["iss"]
    assert issuer.startswith(sts(endpoint))
    with urllib.request.urlopen(f"{issuer}/.well-known/openid-configuration") as answer:
        keys = jwt.PyJWKClient(json.load(answer)["jwks_uri"])
    claims: dict[str, Any] = jwt.decode(
        token, keys.get_signing_key_from_jwt(token).key, ["RS256"], audience=audience, issuer=issuer
    )
    return claims


def test_a_token_says_who_asked_and_can_be_checked(s3_server: S3Endpoint) -> None:
    service = client(s3_server, "sts")
    wanted = {"Audience": ["databricks", "another"], "SigningAlgorithm": "RS256", "DurationSeconds": 120}
    answer = service.get_web_identity_token(**wanted)
    claims = checked(s3_server, answer["WebIdentityToken"])
    assert claims["sub"] == service.get_caller_identity()["Arn"]
    assert claims["aud"] == ["databricks", "another"]
    assert claims["exp"] - claims["iat"] == 120
    assert int(answer["Expiration"].timestamp()) == claims["exp"]
    with pytest.raises(jwt.InvalidAudienceError):
        checked(s3_server, answer["WebIdentityToken"], audience="someone else")


def test_the_token_of_a_role_s_session_names_the_role(s3_server: S3Endpoint) -> None:
    role = "arn:aws:iam::123456789012:role/airflow"
    assumed = client(s3_server, "sts").assume_role(RoleArn=role, RoleSessionName="task")["Credentials"]
    session = client(
        s3_server,
        "sts",
        aws_access_key_id=assumed["AccessKeyId"],
        aws_secret_access_key=assumed["SecretAccessKey"],
        aws_session_token=assumed["SessionToken"],
    )
    token = session.get_web_identity_token(Audience=["databricks"], SigningAlgorithm="RS256")["WebIdentityToken"]
    assert checked(s3_server, token)["sub"] == role


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"SigningAlgorithm": "ES384"}, "SigningAlgorithm must be RS256"),
        ({"DurationSeconds": 3601}, "between 60 and 3600"),
    ],
)
def test_what_cannot_be_signed_is_refused_by_name(s3_server: S3Endpoint, fields: dict[str, Any], words: str) -> None:
    wanted = {"Audience": ["databricks"], "SigningAlgorithm": "RS256", **fields}
    with pytest.raises(ClientError, match=words):
        client(s3_server, "sts").get_web_identity_token(**wanted)
