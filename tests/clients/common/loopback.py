"""A network of one machine: whatever a client does, it talks to nobody else."""

import fcntl
import os
import socket
import struct
import subprocess
import sys

INSIDE = "HANDOFF_LOOPBACK"
IFF_UP = 0x41
SIOCSIFFLAGS = 0x8914


def alone():
    """Starts this script again without a network but loopback, where the system
    lets a user do that."""
    if os.environ.get(INSIDE):
        raise_up()
        return
    can = subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False)
    if can.returncode != 0:
        print("The system gives no network of its own: the client runs in the usual one.")
        return
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", "-rn", sys.executable, *sys.argv])


def raise_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14s", b"lo", IFF_UP, bytes(14))
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, request)
