"""What is checked is what is called, and who dribbles is hung up on."""

import http.client
import ipaddress
import socket
import threading
from urllib.parse import urlsplit

import pytest

from feedsmith.outside import Checked, Unreachable, may_be_called, places


def test_private_networks_are_called_only_where_they_are_allowed() -> None:
    for place in ("127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.1"):
        assert not may_be_called(ipaddress.ip_address(place))
    assert may_be_called(ipaddress.ip_address("10.1.2.3"), "127.0.0.1,10.1.0.0/16")
    assert not may_be_called(ipaddress.ip_address("10.2.2.3"), "127.0.0.1,10.1.0.0/16")
    assert may_be_called(ipaddress.ip_address("93.184.216.34"))


def test_a_name_that_leads_inside_is_named_with_what_to_do() -> None:
    with pytest.raises(
        Unreachable, match=r"localhost leads to .*, an address of a private"
    ) as caught:
        places(urlsplit("http://localhost/x"), mend="allow PLACE")
    assert caught.value.mend in ("allow 127.0.0.1", "allow ::1")


def test_the_name_is_looked_up_when_the_call_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: a name that was public a moment ago leads inside now."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(Unreachable):
        Checked(urlsplit("http://rebound.example/")).request("GET", "/")


def test_a_server_that_answers_a_byte_now_and_then_is_hung_up_on() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def dribble() -> None:
        ours, _ = listening.accept()
        with ours:
            ours.recv(1 << 16)
            try:
                while not over.wait(0.05):
                    ours.send(b"H")
            except OSError:
                over.set()

    thread = threading.Thread(target=dribble)
    thread.start()
    parts = urlsplit(f"http://127.0.0.1:{listening.getsockname()[1]}/")
    connection = Checked(parts, allowed="127.0.0.1")
    with connection.ended_after(0.3):
        connection.request("GET", "/")
        with pytest.raises((OSError, http.client.HTTPException)):
            connection.getresponse()
    assert connection.hung_up
    assert over.wait(20)
    thread.join()
    listening.close()
