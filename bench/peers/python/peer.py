"""What Python's socket.send_fds and socket.recv_fds do, on a SEQPACKET socket."""
import array
import os
import socket
import sys
from time import perf_counter_ns

near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
source = os.open(os.devnull, os.O_RDONLY)
SPACE = socket.CMSG_LEN(array.array("i").itemsize)


def recv_fd(sock):
    # recv_fds as it stands in the standard library, but for its flags, which it takes and does not use.
    fds = array.array("i")
    _, ancillary, flags, _ = sock.recvmsg(0, SPACE, socket.MSG_CMSG_CLOEXEC)
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - (len(data) % fds.itemsize)])
    if len(fds) != 1 or flags & socket.MSG_CTRUNC:
        raise OSError("recvmsg: not one descriptor")
    return fds[0]


def do_pass(count):
    for _ in range(count):
        socket.send_fds(near, [b""], [source])
        os.close(recv_fd(far))


def each(count):
    for _ in range(count):
        start = perf_counter_ns()
        do_pass(1)
        yield perf_counter_ns() - start


for line in sys.stdin:
    verb, _, count = line.split()
    if verb == "batch":
        start = perf_counter_ns()
        do_pass(int(count))
        print(perf_counter_ns() - start, flush=True)
    else:
        print(*list(each(int(count))), flush=True)
