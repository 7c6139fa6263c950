"""A tiny io_uring client, as text for scripts that run inside."""

from __future__ import annotations

RING = r"""
class Ring:
    def __init__(self):
        params = ctypes.create_string_buffer(120)
        fd, error = call(425, 4, params)
        if fd < 0:
            raise OSError(error, "io_uring_setup refused")
        self.fd = fd
        head = struct.unpack_from("10I", params.raw, 0)
        so, co = struct.unpack_from("10I", params.raw, 40), struct.unpack_from("10I", params.raw, 80)
        self.so, self.co = so, co
        self.sq = mmap.mmap(fd, so[6] + head[0] * 4, offset=0)
        self.cq = mmap.mmap(fd, co[5] + head[1] * 16, offset=0x8000000)
        self.sqes = mmap.mmap(fd, head[0] * 64, offset=0x10000000)
        self.count = head[0]

    def word(self, area, at, value=None):
        if value is None:
            return struct.unpack_from("I", area, at)[0]
        struct.pack_into("I", area, at, value)

    def do(self, op, fd, addr, length, offset, flags):
        tail = self.word(self.sq, self.so[1])
        index = tail % self.count
        struct.pack_into("BBHiQQII", self.sqes, index * 64, op, 0, 0, fd, offset, addr, length, flags)
        self.word(self.sq, self.so[6] + 4 * index, index)
        self.word(self.sq, self.so[1], tail + 1)
        call(426, self.fd, 1, 1, 1, None, 0)
        head = self.word(self.cq, self.co[0])
        size = self.word(self.cq, self.co[3])
        result = struct.unpack_from("QiI", self.cq, self.co[5] + 16 * (head % size))[1]
        self.word(self.cq, self.co[0], head + 1)
        return result
"""
