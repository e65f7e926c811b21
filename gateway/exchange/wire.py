"""What little of the protobuf wire format we read by ourselves."""


def varint(raw: bytes | memoryview, at: int) -> tuple[int, int]:
    """A varint and the position behind it; position -1 when it is cut off."""
    value = shift = 0
    while at < len(raw) and shift < 70:
        byte = raw[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    return 0, -1
