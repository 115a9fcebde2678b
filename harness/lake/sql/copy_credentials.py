"""The credentials and the encryption that a ``COPY INTO`` names for its source."""

from __future__ import annotations

from harness.lake.confs import AZURE_SCHEMES
from harness.lake.sql.copy_grammar import CopyInto
from harness.lake.sql.failures import SqlError

S3_SCHEMES = ("s3", "s3a", "s3n")
AWS_KEYS = {"AWS_ACCESS_KEY": "access.key", "AWS_SECRET_KEY": "secret.key", "AWS_SESSION_TOKEN": "session.token"}


def own_settings(scheme: str, copy: CopyInto) -> dict[str, str]:
    """Hadoop settings of this source alone; they go with each read and never into the session.

    A storage credential has no local meaning, nor has a token of Azure's: the engine's own access to the S3 server
    stands for both.

    Raises: ``SqlError`` for credentials that do not fit the source.
    """
    credential, encryption = copy.credential, copy.encryption
    azure = scheme in AZURE_SCHEMES
    if (credential and scheme not in S3_SCHEMES and not azure) or (encryption and scheme not in S3_SCHEMES):
        what = "CREDENTIALS" if credential and not azure else "ENCRYPTION"
        message = f"Invalid scheme {scheme}. Source {what.lower()} is only supported for {', '.join(S3_SCHEMES)}."
        raise SqlError(f"COPY_INTO_{what}_NOT_ALLOWED_ON", message, "0A000")
    keys = {"AZURE_SAS_TOKEN"} if azure else set(AWS_KEYS)
    if isinstance(credential, dict) and set(credential) != keys:
        message = f"Source credentials must specify {', '.join(keys if azure else AWS_KEYS)}."
        raise SqlError("COPY_INTO_CREDENTIALS_REQUIRED", message, "42601")
    settings = {}
    if isinstance(credential, dict) and not azure:
        settings = {f"fs.s3a.{AWS_KEYS[key]}": value for key, value in credential.items()}
        settings["fs.s3a.aws.credentials.provider"] = "org.apache.hadoop.fs.s3a.TemporaryAWSCredentialsProvider"
    if encryption:
        if encryption.get("TYPE") != "AWS_SSE_C" or "MASTER_KEY" not in encryption:
            message = "Source encryption must specify TYPE = 'AWS_SSE_C' and MASTER_KEY."
            raise SqlError("COPY_INTO_ENCRYPTION_REQUIRED", message, "42601")
        settings["fs.s3a.encryption.algorithm"] = "SSE-C"
        settings["fs.s3a.encryption.key"] = encryption["MASTER_KEY"]
    return settings
