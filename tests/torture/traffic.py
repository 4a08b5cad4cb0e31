"""What the load of a round sends: a format and a content coding of sluice-load, drawn from the seed."""

import random
from dataclasses import dataclass

FORMATS = ("json", "ndjson", "influx", "influx-v2", "remote-write", "remote-write-2", "otlp", "otlp-json", "protobuf", "protobuf-delimited")
CODINGS = ("", "", "gzip", "zstd", "snappy", "deflate")  # empty: as senders of the format do by themselves

# Samples of a round whose disk gets full: a segment has to end while there is no room for another.
FAT_SAMPLE = '{"device_id":"{device}","seq":{seq},"type":"t","value":1,"note":"' + "x" * 4000 + '"}'


@dataclass(frozen=True)
class Traffic:
    format: str
    coding: str = ""
    is_chunked: bool = False
    is_fat: bool = False

    def text(self) -> str:
        return self.format + (f"+{self.coding}" if self.coding else "") + ("+chunked" if self.is_chunked else "")

    def options(self) -> tuple:
        return ("--format", self.format, *(("--body", FAT_SAMPLE) if self.is_fat else ()),
                *(("--encoding", self.coding) if self.coding else ()), *(("--chunked",) if self.is_chunked else ()))


def traffic_of(seed: int, number: int, is_fat: bool) -> Traffic:
    """The rounds of a seed go through all formats in an order of its own, so that few rounds have many of them."""
    if is_fat:
        return Traffic("json", is_fat=True)
    order = list(FORMATS)
    random.Random(f"{seed}/formats").shuffle(order)
    own = random.Random(f"{seed}/{number}/traffic")
    return Traffic(order[(number - 1) % len(order)], own.choice(CODINGS), own.random() < 0.25)
