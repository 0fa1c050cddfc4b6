# SPDX-License-Identifier: GPL-2.0-only
"""Archives in the format that the kernel unpacks as an initramfs."""


def entry(name, mode, data=b"", device=(0, 0)):
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


# A console before anything is mounted: no need to be root to pack a device node.
CONSOLE = entry("dev", 0o040755) + entry("dev/console", 0o020600, device=(5, 1))


def program(name, source):
    """The file source as an executable."""
    with open(source, "rb") as file:
        return entry(name, 0o100755, file.read())


def write(path, *entries):
    with open(path, "wb") as file:
        file.write(b"".join(entries) + entry("TRAILER!!!", 0))
