"""Ports on the loopback interface for a broker or database that keeps them from one start to the next."""

import random
import socket
from pathlib import Path

HOST = "127.0.0.1"

_LINUX_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port(other_than: int | None = None) -> int:
    """A port that nothing listens on now, below those the system hands out to outgoing connections.

    Not `bind(0)`: that gives a port of the outgoing range. While our server is down, a client that keeps trying to
    reach it may be handed that very port as its own, connects to itself, and the server cannot come back.
    """
    ceiling = 32768
    if _LINUX_RANGE.exists():
        ceiling = min(ceiling, int(_LINUX_RANGE.read_text().split()[0]))
    candidates = range(10240, ceiling) if ceiling > 12000 else range(20000, 32768)
    while True:
        port = random.choice(candidates)
        if port != other_than and is_free(port):
            return port


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now. Connections that linger from an earlier one do not count."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def listens(host: str, port: int) -> bool:
    """Whether anything accepts a TCP connection there within half a second."""
    try:
        with socket.create_connection((host, port), timeout=0.5):
            return True
    except OSError:
        return False
