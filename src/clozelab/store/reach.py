"""Whether a server answers at all, known within seconds: the clients of hubs and dashboards wait for half a minute."""

import socket
import threading
from collections.abc import Callable
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, getproxies, proxy_bypass, urlopen


def answers(endpoint: str, *, timeout: float = 2.0) -> bool:
    """Says whether a connection to a server, or to the proxy on the way to it, can be made.

    Args:
        endpoint: URL of the server.
        timeout: seconds, the look-up of the name included.
    """
    return _within(timeout, lambda: _connects(endpoint, timeout))


def responds(url: str, *, body: bytes, timeout: float) -> bool:
    """Says whether a server answers a POST at all, be it with an error: one that hangs still takes connections.

    Args:
        url: to post to.
        body: JSON.
        timeout: seconds, the look-up of the name included.
    """
    return _within(timeout, lambda: _posts(url, body, timeout))


def _within(timeout: float, question: Callable[[], bool]) -> bool:
    result: list[bool] = []
    # In a thread, because a look-up of a name has no time limit of its own.
    thread = threading.Thread(target=lambda: result.append(question()), daemon=True)
    thread.start()
    thread.join(timeout)
    return bool(result) and result[0]


def _posts(url: str, body: bytes, timeout: float) -> bool:
    try:
        request = Request(url, data=body, headers={"Content-Type": "application/json"})
        urlopen(request, timeout=timeout).close()
    except HTTPError as error:  # an answer, too
        error.close()
    except (OSError, ValueError, HTTPException):  # ValueError: not a URL
        return False
    return True


def _connects(endpoint: str, timeout: float) -> bool:
    address = urlsplit(endpoint)
    proxy = "" if proxy_bypass(address.hostname or "") else getproxies().get(address.scheme, "")
    if proxy:  # then it alone is reached directly
        address = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    try:
        port = address.port or (80 if address.scheme == "http" else 443)
        socket.create_connection((address.hostname or "", port), timeout=timeout).close()
    except (OSError, ValueError):  # ValueError: no port number
        return False
    return True
