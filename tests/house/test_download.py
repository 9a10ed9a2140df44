"""An image from the web: a real HTTP server that does all that servers do."""

import hashlib
import http.server
import os
import socket
import struct
import threading

import pytest

import chip_images
from fieldpost import cli, download, factory
from vboard import profile

IMAGE = chip_images.of_board("esp32_generic")
SUM = hashlib.sha256(IMAGE).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """What the path says: good, other, missing, ..."""

    def do_GET(self):
        self.server.asked.append(self.path)
        getattr(self, self.path.strip("/"))()

    def log_message(self, format, *args):
        pass

    def answer(self, code, length=None, **headers):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def good(self):
        self.answer(200, len(IMAGE))
        self.wfile.write(IMAGE)

    def unannounced(self):
        self.answer(200)
        self.wfile.write(IMAGE)

    def other(self):
        self.answer(200, 5)
        self.wfile.write(b"other")

    def missing(self):
        self.send_error(404)

    def failing(self):
        self.send_error(503)

    def moved(self):
        self.answer(302, 0, Location="/good")

    def stopping(self):
        self.answer(200, len(IMAGE))
        self.wfile.write(IMAGE[:20_000])

    def reset(self):
        self.answer(200, len(IMAGE))
        self.wfile.write(IMAGE[:20_000])
        self.wfile.flush()
        # Linger 0: what follows is a RST.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def closing(self):
        self.close_connection = True

    def silent(self):
        self.server.end.wait(20)

    def dripping(self):
        self.answer(200, len(IMAGE))
        for i in range(len(IMAGE)):
            self.wfile.write(IMAGE[i : i + 1])
            if self.server.end.wait(0.01):
                return

    def large(self):
        self.answer(200, 1 << 40)

    def endless(self):
        self.answer(200)
        while not self.server.end.is_set():
            self.wfile.write(bytes(1 << 16))

    def garbage(self):
        self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked, self.end = [], threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        """A client that goes away is what these tests are about."""


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.end.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def make(tmp_path, monkeypatch, capsys):
    """Makes a factory of what is at an address; returns (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("no_proxy", "*")

    def call(url, *arguments):
        code = cli.main(["factory", "--micropython", url, *arguments])
        return code, *capsys.readouterr()

    return call


def test_what_is_fetched_is_kept(server, make, tmp_path):
    code, said, errors = make(f"{server.url}/good", "--sha256", SUM)
    assert (code, errors) == (0, "")
    assert f"MicroPython: {server.url}/good, SHA-256 {SUM}" in said
    kept = tmp_path / f"build/downloads/{SUM}.bin"
    assert kept.read_bytes() == IMAGE
    assert make(f"{server.url}/good", "--sha256", SUM)[0] == 0
    assert server.asked == ["/good"]
    # What was kept is not believed, either.
    kept.write_bytes(IMAGE[:-1])
    assert make(f"{server.url}/unannounced", "--sha256", SUM)[0] == 0
    assert kept.read_bytes() == IMAGE and server.asked == ["/good", "/unannounced"]
    assert os.listdir(kept.parent) == [kept.name]


def test_a_board_file_may_name_it(server, make, tmp_path, monkeypatch, capsys):
    (tmp_path / "boards").mkdir()
    text = (profile.BOARDS / "esp32_generic.toml").read_text(encoding="utf-8")
    pinned = f'[micropython]\nversion = "1.29"\nurl = "{server.url}/good"\nsha256 = "{SUM}"\n'
    (tmp_path / "boards/mine.toml").write_text(text.replace("[micropython]\n", pinned))
    monkeypatch.setattr(profile, "BOARDS", tmp_path / "boards")
    assert cli.main(["factory", "--board", "mine"]) == 0
    told = f"MicroPython: 1.29, {server.url}/good, SHA-256 {SUM}\n"
    assert capsys.readouterr().out.startswith(told)
    # It is the one with the standard layout.
    assert cli.main(["factory", "--board", "mine", "--layout", "ota"]) == 1
    assert "names no image of MicroPython" in capsys.readouterr().err
    assert server.asked == ["/good"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


FAULTS = {
    "other": f"its SHA-256 is {hashlib.sha256(b'other').hexdigest()}, not {SUM}",
    "missing": "there is no such file (404)",
    "failing": "the server answers 503 Service Unavailable",
    "moved": "it has moved to /good: give that address",
    "stopping": f"it ended after 20,000 of {len(IMAGE):,} bytes",
    "reset": "the connection broke: Connection reset by peer",
    "closing": "the connection broke: Remote end closed connection without response",
    "silent": "the connection broke: timed out",
    "dripping": "not whole within 0 s",
    "large": "1,099,511,627,776 bytes are more than the board's flash has",
    "endless": "it doesn't end: more than the board's flash has",
    "garbage": "the connection broke: SSH-2.0-OpenSSH_9.2",
}


@pytest.mark.parametrize("path", FAULTS)
def test_what_goes_wrong_is_a_line_and_leaves_nothing(path, server, make, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT_S", 0.3)
    monkeypatch.setattr(download, "WHOLE_S", 0.3)
    url = f"{server.url}/{path}"
    refused(make(url, "--sha256", SUM), f"{url}: {FAULTS[path]}")
    assert list(tmp_path.iterdir()) == []
    assert server.asked == [f"/{path}"]


def refused(done, told):
    code, said, errors = done
    assert (code, said) == (1, "")
    assert errors == f"fieldpost factory: {told}\n"


def test_without_a_network_or_an_address(make):
    url = f"http://127.0.0.1:{free_port()}/image.bin"
    refused(make(url, "--sha256", SUM), f"{url}: can't be reached: Connection refused")
    refused(make(url), f"{url}: --sha256 HEX is needed as well: what its SHA-256 must be")
    code, _, errors = make("https://nowhere.invalid/image.bin", "--sha256", SUM)
    assert code == 1 and "https://nowhere.invalid/image.bin: can't be reached: " in errors
    for url in ("file:///etc/passwd", "ftp://micropython.example/image.bin"):
        refused(make(url, "--sha256", SUM), f"{url}: only https:// and http:// are fetched")
    code, _, errors = make("http://[::1/image.bin", "--sha256", SUM)
    assert (code, errors.count("\n")) == (1, 1) and "http://[::1/image.bin: no address" in errors


def test_a_folder_that_can_t_be_written_is_told(server, make, tmp_path, monkeypatch):
    monkeypatch.setattr(factory, "DOWNLOADS", tmp_path / "file/downloads")
    (tmp_path / "file").write_text("")
    code, _, errors = make(f"{server.url}/good", "--sha256", SUM)
    assert (code, errors.count("\n")) == (1, 1) and "can't be written: " in errors


def test_what_takes_long_shows_how_far_it_is(server, make, monkeypatch):
    # As a terminal would have it.
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "fetching" not in make(f"{server.url}/other", "--sha256", SUM)[2]
    monkeypatch.setattr(download, "SHOW_AFTER_S", 0)
    assert "fetching" in make(f"{server.url}/other", "--sha256", SUM)[2]


def test_a_sum_is_judged(make, capsys):
    with pytest.raises(SystemExit):
        make("http://micropython.example/image.bin", "--sha256", "abc")
    assert "'abc' is no SHA-256: 64 digits 0-9, a-f" in capsys.readouterr().err
