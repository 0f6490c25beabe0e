"""Bytes: binary messages are packed, framed, split from a stream, compressed, hashed and unpacked."""
import base64
import hashlib
import random
import struct
import sys
import zlib

MESSAGES = int(sys.argv[1]) if len(sys.argv) > 1 else 350000
HEADER = struct.Struct("<IHHq")


def make_stream(rng, count):
    stream = bytearray()
    for number in range(count):
        body = bytes([number & 255]) * rng.randrange(4, 40) + b"%d" % (number * number)
        if number % 500 == 0:
            body *= 300
        stream += HEADER.pack(len(body), number % 7, len(body) & 3, number) + body
    return bytes(stream)


def split(stream, chunk_size):
    pending = b""
    for start in range(0, len(stream), chunk_size):
        pending += stream[start:start + chunk_size]
        offset = 0
        while len(pending) - offset >= HEADER.size:
            length, kind, flags, number = HEADER.unpack_from(pending, offset)
            if len(pending) - offset - HEADER.size < length:
                break
            offset += HEADER.size
            yield kind, flags, number, pending[offset:offset + length]
            offset += length
        pending = pending[offset:]


def main():
    rng = random.Random(67)
    stream = make_stream(rng, MESSAGES)
    by_kind = {}
    digest = hashlib.sha256()
    for kind, flags, number, body in split(stream, 8192):
        view = memoryview(body)[::-1].tobytes()
        digest.update(view)
        by_kind.setdefault(kind, []).append((number, flags, base64.b64encode(view[:48])))
    packed = [zlib.compress(b"\n".join(text for _, _, text in messages), 1) for _, messages in sorted(by_kind.items())]
    back = sum(len(zlib.decompress(each).split(b"\n")) for each in packed)
    numbers = struct.unpack("<%dI" % (len(stream) // 4), stream[:len(stream) // 4 * 4])
    xor = 0
    for number in numbers[::3]:
        xor ^= number
    rebuilt = b"".join(text for kind in sorted(by_kind) for _, _, text in by_kind[kind])
    print("messages", back, len(stream), xor, digest.hexdigest()[:8], "%08x" % zlib.crc32(rebuilt))


main()
