"""Messages of Protocol Buffers, written and read by hand: a field after another (protobuf.dev, "Encoding")."""

import struct
from typing import Iterator, Union


def varint(value: int) -> bytes:
    value &= 2**64 - 1
    out = b""
    while value > 0x7f:
        out += bytes([value & 0x7f | 0x80])
        value >>= 7
    return out + bytes([value])


def zigzag(value: int) -> int:
    return value << 1 ^ value >> 63


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def real(field: int, value: float) -> bytes:
    return varint(field << 3 | 1) + struct.pack("<d", value)


def fixed64(field: int, value: int) -> bytes:
    return varint(field << 3 | 1) + struct.pack("<Q", value & 2**64 - 1)


def text(field: int, value: Union[str, bytes]) -> bytes:
    """A string, bytes, a message or a packed list."""
    data = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(data)) + data


def fields(message: bytes) -> Iterator[tuple[int, Union[int, bytes]]]:
    """Number and value of each field; of fixed ones the bytes."""
    at = 0

    def take_varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        tag = take_varint()
        if tag & 7 == 0:
            yield tag >> 3, take_varint()
            continue
        size = {1: 8, 2: None, 5: 4}[tag & 7]
        size = take_varint() if size is None else size
        yield tag >> 3, message[at:at + size]
        at += size
