"""The two checksums of Chinese station protocols. They look alike and are not: HJ 212 folds the byte into the high half."""

from __future__ import annotations


def _table() -> tuple[int, ...]:
    found = []
    for value in range(256):
        crc = value
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        found.append(crc)
    return tuple(found)


_TABLE = _table()


def crc_modbus(data: bytes) -> int:
    """Return CRC-16/MODBUS of `data`, as SL 651-2014 uses it over everything before the checksum."""
    crc, table = 0xFFFF, _TABLE
    for byte in data:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc


def crc_hj212(data: bytes) -> int:
    """Return the checksum of HJ 212-2017, appendix A: each byte is folded into the high byte moved down, then come eight shifts."""
    crc, table = 0xFFFF, _TABLE
    for byte in data:
        crc = table[(crc >> 8) ^ byte]
    return crc
