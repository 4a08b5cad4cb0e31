"""Snappy's framing format. Debian 12's python3-snappy cannot write it: its checksum fails on Python 3.11."""

import snappy

IDENTIFIER = b"\xff\x06\x00\x00sNaPpY"
PART_BYTES_MAX = 65536


def _table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


TABLE = _table()


def _checksum(text: bytes) -> int:
    """CRC-32C, masked as framing_format.txt section 3 says."""
    crc = 0xFFFFFFFF
    for byte in text:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def compress_framed(text: bytes) -> bytes:
    out = IDENTIFIER
    for begin in range(0, len(text), PART_BYTES_MAX):
        part = text[begin:begin + PART_BYTES_MAX]
        data = _checksum(part).to_bytes(4, "little") + snappy.compress(part)
        out += b"\x00" + len(data).to_bytes(3, "little") + data
    return out
