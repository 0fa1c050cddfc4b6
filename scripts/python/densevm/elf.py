# SPDX-License-Identifier: GPL-2.0-only
"""Program headers and notes of 64-bit ELF files."""
import struct

PT_LOAD, PT_NOTE = 1, 4
NT_GNU_BUILD_ID, NT_XEN_PHYS32_ENTRY = 3, 18


class ElfError(Exception):
    """The file is something else."""


class ElfFile:
    """A file, its segments (address, physical address, offset, size) and notes (name, kind, body)."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as file:
            self.data = file.read()
        if self.data[:6] != b"\x7fELF\2\1":
            raise ElfError(f"{path}: not a 64-bit ELF file")
        self.entry, phoff = struct.unpack_from("<QQ", self.data, 24)
        phentsize, phnum = struct.unpack_from("<HH", self.data, 54)
        self.loads, self.notes = [], []
        for i in range(phnum):
            kind, _, off, va, pa, size, _, _ = struct.unpack_from("<IIQQQQQQ", self.data,
                                                                  phoff + i * phentsize)
            if kind == PT_LOAD:
                self.loads.append((va, pa, off, size))
            elif kind == PT_NOTE:
                self.notes.extend(self.read_notes(off, off + size))

    def read_notes(self, at, end):
        while at + 12 <= end:
            namesz, descsz, kind = struct.unpack_from("<III", self.data, at)
            name = at + 12
            body = name + (namesz + 3 & ~3)
            yield self.data[name:name + namesz], kind, self.data[body:body + descsz]
            at = body + (descsz + 3 & ~3)

    def note(self, name, kind):
        """The body of the last such note; None if there is none."""
        bodies = [body for *head, body in self.notes if head == [name, kind]]
        return bodies[-1] if bodies else None

    @property
    def build_id(self):
        body = self.note(b"GNU\0", NT_GNU_BUILD_ID)
        return None if body is None else body.hex()

    @property
    def pvh_entry(self):
        """Where QEMU's -kernel starts a vmlinux; None if it can't."""
        body = self.note(b"Xen\0", NT_XEN_PHYS32_ENTRY)
        return None if body is None else struct.unpack_from("<I", body)[0]
