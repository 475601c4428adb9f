"""Records that are hard on a client and a broker: every shape of key, value and header, in a known order."""

import random
from dataclasses import dataclass, field

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
_FIRST_TIMESTAMP = 1_665_457_200_000  # 2022-10-11 05:00 in Paris: the first train of the recorded day


@dataclass(frozen=True)
class Sample:
    """What is produced and must come back the same."""

    key: bytes | None
    value: bytes | None
    timestamp: int
    headers: tuple[tuple[str, bytes], ...] = field(default=())


def samples(count: int = 300, seed: int = 1) -> list[Sample]:
    """`count` records: empty, tombstones, text, noise, large ones; repeated headers; times that jump back."""
    chance = random.Random(seed)
    made = []
    for index in range(count):
        shape = index % 6
        key: bytes | None = f"trip-{index % 17}".encode()
        if shape == 0:
            value: bytes | None = b""
        elif shape == 1:
            value = None
        elif shape == 2:
            value = b"the same words again and again " * chance.randint(1, 60)
        elif shape == 3:
            value = chance.randbytes(chance.randint(1, 2000))
        elif shape == 4:
            key, value = None, f"Gare de l'Est → Châtelet {index}".encode()
        else:
            key, value = b"", bytes(range(256)) * chance.randint(1, 8)
        headers = (("ce_type", b"station.arrived"), ("empty", b""), ("ce_type", bytes([index % 256, 0, 255])))
        made.append(Sample(
            key=key, value=value, timestamp=_FIRST_TIMESTAMP + index * 250 - (shape == 3) * 1000,
            headers=headers if index % 3 else ()))
    made.append(Sample(key=b"large", value=chance.randbytes(300_000) + b"x" * 300_000, timestamp=_FIRST_TIMESTAMP))
    return made
