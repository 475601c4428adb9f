"""Reading the broker's segment files from outside, to see what was really stored."""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

_CODECS = {0: "none", 1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"}
_HEADER_BYTES = 61


@dataclass(frozen=True)
class StoredBatch:
    """The header of one record batch of format v2."""

    partition: int
    base_offset: int
    codec: str
    producer_id: int
    record_count: int


def stored_batches(data: Path, topic: str) -> Iterator[StoredBatch]:
    """Every batch of the topic, partition by partition in offset order."""
    folders = sorted(
        (int(folder.name.rpartition("-")[2]), folder) for folder in data.glob(f"{topic}-*")
        if folder.name[len(topic) + 1:].isdigit())
    for partition, folder in folders:
        for segment in sorted(folder.glob("*.log")):
            content = segment.read_bytes()
            position = 0
            while position + _HEADER_BYTES <= len(content):
                base_offset, length = struct.unpack_from(">qi", content, position)
                (attributes,) = struct.unpack_from(">h", content, position + 21)
                (producer_id,) = struct.unpack_from(">q", content, position + 43)
                (count,) = struct.unpack_from(">i", content, position + 57)
                if length <= 0:
                    break
                yield StoredBatch(partition, base_offset, _CODECS[attributes & 7], producer_id, count)
                position += 12 + length
