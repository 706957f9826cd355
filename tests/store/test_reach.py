"""A server that does not answer is known not to, within seconds."""

import socket
import time

from clozelab.store.reach import answers


def test_a_listening_server_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert answers(f"http://127.0.0.1:{server.getsockname()[1]}")


def test_a_closed_port_and_nonsense_do_not_answer() -> None:
    started = time.monotonic()
    assert not answers("http://127.0.0.1:9")
    assert not answers("http://127.0.0.1:port")
    assert not answers("")
    assert time.monotonic() - started < 5
