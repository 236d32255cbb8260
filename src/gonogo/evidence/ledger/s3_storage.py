"""Objects of an S3 bucket, created by conditional writes."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from gonogo.errors import LedgerAccessError, LedgerError, UsageError
from gonogo.evidence.ledger.storage import MAX_OBJECT_BYTES

_TAKEN, _CONFLICT = 412, 409
_WRITER = "gonogo-writer"
_ATTEMPTS = 20


class S3Storage:
    """A prefix in a bucket, through s3fs; credentials and endpoint come from the usual AWS environment variables."""

    def __init__(self, filesystem: Any, bucket: str, prefix: str) -> None:
        self.location = f"s3://{bucket}/{prefix}".rstrip("/")
        self._filesystem = filesystem
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""

    @classmethod
    def from_url(cls, url: str) -> S3Storage:
        """Return the storage at `s3://bucket/prefix`; raises `UsageError` where s3fs is not installed."""
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        if not bucket or "?" in url or "//" in prefix:
            raise UsageError(f"{url!r} is not a place in S3; write s3://bucket/prefix")
        try:
            import s3fs
        except ImportError as error:
            raise UsageError(f"a ledger at {url} needs s3fs: {error}", "Install gonogo[s3].") from error
        filesystem = s3fs.S3FileSystem(
            use_listings_cache=False,
            # With more than one, s3fs asks for the size of every object before it reads it.
            max_concurrency=1,
            skip_instance_cache=True,
            config_kwargs={"connect_timeout": 5, "read_timeout": 30, "retries": {"max_attempts": 2}},
        )
        return cls(filesystem, bucket, prefix.strip("/"))

    def create(self, name: str, data: bytes) -> bool:
        """Put an object in one conditional request and return True; return False where the key is taken."""
        # The way to S3 repeats a request whose answer was lost, and is then told that the key is taken, by ourselves:
        # the token tells our own object from another's.
        token = secrets.token_hex(16)
        request = {"Bucket": self._bucket, "Key": self._prefix + name, "Body": data, "IfNoneMatch": "*"}
        for _ in range(_ATTEMPTS):
            with self._access():
                try:
                    self._filesystem.call_s3("put_object", **request, Metadata={_WRITER: token})
                except OSError as error:
                    status = _status(error)
                    if isinstance(error, FileExistsError) or status == _TAKEN:
                        return self._writer_of(name) == token
                    if status != _CONFLICT:
                        raise
                else:
                    return True
        raise LedgerAccessError(f"{self.location}/{name}: S3 answered 409 (conflict) {_ATTEMPTS} times")

    def _writer_of(self, name: str) -> str | None:
        answer = self._filesystem.call_s3("head_object", Bucket=self._bucket, Key=self._prefix + name)
        writer = answer.get("Metadata", {}).get(_WRITER)
        return writer if isinstance(writer, str) else None

    def read(self, names: Sequence[str]) -> list[bytes | None]:
        """Return the bytes of objects, read several at a time; None for one that is not there."""
        if not names:
            return []
        paths = [f"{self._bucket}/{self._prefix}{name}" for name in names]
        with self._access():
            # Unlike `cat`, this asks for nothing but the objects.
            blobs = self._filesystem.cat_ranges(paths, None, None, on_error="return")
            for answer in blobs:
                if isinstance(answer, BaseException) and not isinstance(answer, FileNotFoundError):
                    raise answer
        for name, blob in zip(names, blobs, strict=True):
            if isinstance(blob, bytes) and len(blob) > MAX_OBJECT_BYTES:
                raise LedgerError(f"{self.location}/{name} is larger than {MAX_OBJECT_BYTES} bytes")
        return [blob if isinstance(blob, bytes) else None for blob in blobs]

    def names(self, folder: str, start: str = "") -> list[str]:
        """Return the sorted names of the objects right inside a folder that begin with `start`."""
        inside = self._prefix + (f"{folder}/" if folder else "")
        found: list[str] = []
        more: dict[str, str] = {}
        while True:
            with self._access():
                page = self._filesystem.call_s3(
                    "list_objects_v2", Bucket=self._bucket, Prefix=inside + start, Delimiter="/", **more
                )
            found += [one["Key"].removeprefix(inside) for one in page.get("Contents", ())]
            if not page.get("IsTruncated"):
                return sorted(name for name in found if name and not name.startswith("."))
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def remove(self, names: Sequence[str]) -> None:
        """Remove objects; those that are not there are no error."""
        with self._access():
            for name in names:
                self._filesystem.call_s3("delete_object", Bucket=self._bucket, Key=self._prefix + name)

    @contextmanager
    def _access(self) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (OSError, BotoCoreError, ClientError) as error:
            raise LedgerAccessError(
                f"the ledger at {self.location} cannot be used: {error}",
                "Check the bucket, AWS_ENDPOINT_URL and the AWS credentials in the environment.",
            ) from error


def _status(error: BaseException) -> int | None:
    """Return the HTTP status that S3 answered, if an error comes from an answer."""
    response = getattr(error.__cause__, "response", None)
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(response, dict) else None
    return status if isinstance(status, int) else None
