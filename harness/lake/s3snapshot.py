"""All objects of the S3 server as one piece of bytes, and back. Of a versioned object, its latest version."""

from __future__ import annotations

import datetime
import io
import json
from typing import Any

MARK = "harness-s3-snapshot-1"


class BadSnapshot(ValueError):
    """Bytes that are no snapshot of objects, or one of another form."""


def dump() -> bytes:
    """Every bucket and object: a line of JSON that describes them, then their contents."""
    backend = _backend()
    data = io.BytesIO()
    buckets = []
    for bucket in list(backend.buckets.values()):
        objects = []
        for name, key in bucket.keys.items():
            if not hasattr(key, "value"):
                continue  # the latest version is a delete marker
            value = key.value
            objects.append(
                {
                    "key": name,
                    "start": data.tell(),
                    "size": len(value),
                    "etag": key._etag,
                    "modified": key.last_modified.isoformat(),
                    "storage_class": key.storage_class,
                    "metadata": dict(key.metadata),
                    "tags": backend.tagger.get_tag_dict_for_resource(key.arn),
                }
            )
            data.write(value)
        buckets.append(
            {
                "name": bucket.name,
                "region": bucket.region_name,
                "versioning": bucket.versioning_status,
                "tags": backend.tagger.get_tag_dict_for_resource(bucket.arn),
                "objects": objects,
            }
        )
    return json.dumps({"mark": MARK, "buckets": buckets}).encode() + b"\n" + data.getvalue()


def restore(blob: bytes) -> None:
    """Replace every bucket by those of :func:`dump`. Raises: ``BadSnapshot``."""
    head, _, data = blob.partition(b"\n")
    try:
        index = json.loads(head)
    except ValueError:
        index = None
    if not isinstance(index, dict) or index.get("mark") != MARK:
        raise BadSnapshot(f"this is no snapshot of objects of the form {MARK}")
    backend = _backend()
    backend.reset()
    for described in index["buckets"]:
        bucket = backend.create_bucket(described["name"], described["region"])
        bucket.versioning_status = described["versioning"]
        backend.tagger.tag_resource(bucket.arn, _pairs(described["tags"]))
        for each in described["objects"]:
            key = backend.put_object(
                bucket.name,
                each["key"],
                data[each["start"] : each["start"] + each["size"]],
                each["storage_class"],
                each["etag"],
                disable_notification=True,
            )
            key.set_metadata(each["metadata"], replace=True)
            key.last_modified = datetime.datetime.fromisoformat(each["modified"])
            backend.tagger.tag_resource(key.arn, _pairs(each["tags"]))


def _pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _backend() -> Any:
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
