"""Listens in between an SM-SR and its service centre.

tap.py PORT TO FILE           passes SMPP on from PORT to TO; the user data of each short message to a
                              chip becomes a line of FILE
tap.py --counters FILE KIC..  the secured packets (SCP80) in FILE, deciphered with the key of each chip:
                              prints how many counters each used; fails when one stands in two packets
"""
import asyncio
import collections
import subprocess
import sys

SUBMIT_SM = 4
SPI_CIPHERED = 0x04
MOST = 1 << 20  # counters above are none: the packet is of another key


def text_of(pdu):
    """The user data of a submit_sm."""
    at = 16

    def string():
        nonlocal at
        end = pdu.index(0, at)
        at = end + 1

    string()
    for _ in "source", "destination":
        at += 2
        string()
    at += 3
    string(), string()
    at += 4
    size = pdu[at]
    return pdu[at + 1:at + 1 + size]


async def pump(reader, writer, on_pdu):
    try:
        while True:
            head = await reader.readexactly(16)
            pdu = head + await reader.readexactly(int.from_bytes(head[:4], "big") - 16)
            if on_pdu and int.from_bytes(head[4:8], "big") == SUBMIT_SM:
                on_pdu(text_of(pdu))
            writer.write(pdu)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    writer.close()


async def listen(port, to, path):
    with open(path, "a", buffering=1) as file:
        async def accepted(reader, writer):
            try:
                there, back = await asyncio.open_connection("127.0.0.1", to)
            except OSError:
                writer.close()
                return
            await asyncio.gather(pump(reader, back, lambda text: print(text.hex(), file=file)),
                                 pump(there, writer, None))
        async with await asyncio.start_server(accepted, "127.0.0.1", port) as server:
            await server.serve_forever()


def first_blocks(path):
    """The beginning of each ciphered packet, CNTR, PCNTR and checksum, with all of it."""
    for line in open(path):
        ud = bytes.fromhex(line)
        size, at, part, packet = ud[0], 1, 1, False
        while at < 1 + size:
            iei, n = ud[at], ud[at + 1]
            if iei == 0x00:
                part = ud[at + 4]
            packet = packet or iei == 0x70
            at += 2 + n
        body = ud[1 + size:]
        # CPL (2), CHL, SPI (2), KIc, KID, TAR (3)
        if packet and part == 1 and body[3] & SPI_CIPHERED:
            yield body[10:26], body


def counters(path, keys):
    packets = list(first_blocks(path))
    for key in keys:
        clear = subprocess.run(["openssl", "enc", "-d", "-aes-128-ecb", "-nopad", "-K", key],
                               input=b"".join(block for block, _ in packets),
                               capture_output=True, check=True).stdout
        used = collections.defaultdict(set)
        for i, (_, body) in enumerate(packets):
            counter = int.from_bytes(clear[16 * i:16 * i + 5], "big")
            if counter < MOST:
                used[counter].add(body)
        twice = [n for n, bodies in used.items() if len(bodies) > 1]
        print(f"{len(used)} counters, up to {max(used, default=0)}")
        if twice or not used:
            sys.exit(f"used for two packets: {twice}")


if sys.argv[1] == "--counters":
    counters(sys.argv[2], sys.argv[3:])
else:
    asyncio.run(listen(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
