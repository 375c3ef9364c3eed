"""Ports that a server keeps from one start to the next."""

import socket
from pathlib import Path

from localstack.ports import HOST, free_port, is_free, listens


def test_a_port_is_outside_those_that_outgoing_connections_are_given() -> None:
    lowest_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for _ in range(50):
        port = free_port()
        assert 1024 <= port < lowest_outgoing
        assert is_free(port)


def test_a_port_is_taken_while_another_server_listens_and_free_again_after() -> None:
    port = free_port()
    with socket.create_server((HOST, port)):
        assert listens(HOST, port)
        assert not is_free(port)
        socket.create_connection((HOST, port)).close()
    assert not listens(HOST, port)
    assert is_free(port), "a connection that lingers after its server must not keep the server from returning"
