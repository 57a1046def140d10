"""What Python's socket.send_fds and socket.recv_fds do, on a SEQPACKET socket: an empty packet, or 64 bytes."""
import array
import os
import socket
import sys
from time import perf_counter_ns

near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
source = os.open(os.devnull, os.O_RDONLY)
DATA = b"x" * 64


def recv_fds(sock, room, most):
    # recv_fds as it stands in the standard library, but for its flags, which it takes and does not use.
    fds = array.array("i")
    data, ancillary, flags, _ = sock.recvmsg(
        room, socket.CMSG_LEN(most * fds.itemsize), socket.MSG_CMSG_CLOEXEC
    )
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(content[: len(content) - (len(content) % fds.itemsize)])
    if len(fds) != 1 or flags & socket.MSG_CTRUNC:
        raise OSError("recvmsg: not one descriptor")
    return data, fds[0]


def do_pass(count):
    for _ in range(count):
        socket.send_fds(near, [b""], [source])
        os.close(recv_fds(far, 0, 1)[1])


def do_message(count):
    for _ in range(count):
        socket.send_fds(near, [DATA], [source])
        data, fd = recv_fds(far, 65536, 253)
        if len(data) != len(DATA):
            raise OSError("recvmsg: not the message")
        os.close(fd)


OPERATIONS = {"pass": do_pass, "message": do_message}


def each(run, count):
    for _ in range(count):
        start = perf_counter_ns()
        run(1)
        yield perf_counter_ns() - start


for line in sys.stdin:
    verb, operation, count = line.split()
    run = OPERATIONS[operation]
    if verb == "batch":
        start = perf_counter_ns()
        run(int(count))
        print(perf_counter_ns() - start, flush=True)
    else:
        print(*list(each(run, int(count))), flush=True)
