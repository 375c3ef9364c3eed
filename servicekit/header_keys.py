"""Records whose header keys are not UTF-8 are read like any other (INV-05).

The broker takes such a record. aiokafka 0.14 then fails on it inside every fetch, and gives nothing more of that
partition, nor of the others in the same fetch: one organiser's faulty client would stop a service for good. Importing
this module makes aiokafka read them, with a replacement character for what is no text. It reaches into the client's
insides, so the version is pinned and tests/system/test_header_keys.py shows both the fault and the cure.
"""

import struct
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, SupportsIndex

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

#: Base offset (8 bytes) and length of what follows (4 bytes), before every batch.
_BEGIN: Final = struct.Struct(">qi")


class _Text(bytearray):
    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:  # noqa: ARG002
        return super().decode(encoding, "replace")


class _Buffer(bytearray):
    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        found = super().__getitem__(index)
        return _Text(found) if isinstance(index, slice) else found


class _LenientBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    _buffer: bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        if not isinstance(self._buffer, _Buffer):
            self._buffer = _Buffer(self._buffer)


class _Batch:
    """A batch that goes on where the client's own reading fails."""

    def __init__(self, batch: Any, raw: memoryview) -> None:
        self._batch = batch
        self._raw = raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        given = 0
        try:
            for record in self._batch:
                given += 1
                yield record
        except (UnicodeDecodeError, CorruptRecordException):
            # damage that is more than a header key fails again here, and is the client's to report
            yield from islice(_LenientBatch(self._raw), given, None)


class ReadableRecords:
    """What the client's ``MemoryRecords`` is to it: the batches of one partition in the answer to a fetch."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._at = 0
        self._records = MemoryRecords(data)

    def size_in_bytes(self) -> int:
        """Bytes of all batches."""
        return int(self._records.size_in_bytes())

    def has_next(self) -> bool:
        """Whether ``next_batch`` has one more."""
        return bool(self._records.has_next())

    def next_batch(self) -> Any:
        """The next batch; one of marks of transactions as the client made it."""
        batch = self._records.next_batch()
        _, length = _BEGIN.unpack_from(self._data, self._at)
        raw = self._data[self._at : self._at + _BEGIN.size + length]
        self._at += len(raw)
        return batch if batch is None or batch.is_control_batch else _Batch(batch, raw)


fetcher.MemoryRecords = ReadableRecords
