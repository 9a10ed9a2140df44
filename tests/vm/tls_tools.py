"""What the tests of the transports share, on the host: certificates, servers, and a client."""

import base64
import json
import os
import queue
import re
import socket
import subprocess
import threading

from vm import MICROPYTHON, ROOT

# In 32-bit words, as an ESP32 counts. Compiling takes more than running: more still for
# WebSocket, and for both transports.
HEAP = "80wK"
HEAP_OF_WEBSOCKET = "112wK"
LIMIT_S = 20


def der(pem):
    """Returns what is in one block of PEM, as DER."""
    inside = re.search(rb"-----BEGIN [^-]+-----(.*?)-----END", pem.bytes(), re.S)
    assert inside
    return base64.b64decode(b"".join(inside.group(1).split()))


class Papers:
    """An authority of our own, and what it signs, as files in a folder."""

    def __init__(self, folder, authority):
        self.folder, self.authority = folder, authority
        (folder / "ca.pem").write_bytes(authority.cert_pem.bytes())
        self.ca = self._file("ca.der", der(authority.cert_pem))

    def _file(self, name, content):
        (self.folder / name).write_bytes(content)
        return str(self.folder / name)

    def server(self, *names, **options):
        """Returns Mosquitto's lines for a certificate of those names."""
        leaf = self.authority.issue_cert(*(names or ("localhost",)), **options)
        self._file("server.pem", b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
        self._file("server.key", leaf.private_key_pem.bytes())
        return (
            f"cafile {self.folder}/ca.pem\ncertfile {self.folder}/server.pem\n"
            f"keyfile {self.folder}/server.key\n"
        )

    def client(self):
        """Returns TLS's options for a certificate of the client's own."""
        leaf = self.authority.issue_cert("talk", common_name="talk")
        return {
            "certificate": self._file("client.der", der(leaf.cert_chain_pems[0])),
            "key": self._file("client.key", der(leaf.private_key_pem)),
        }


class Talk:
    """tls_talk.py as a process: `expect()` waits for what it says. Ended with the block."""

    def __init__(self, port, host="localhost", heap=None, **options):
        heap = heap or (HEAP_OF_WEBSOCKET if "websocket" in options else HEAP)
        self.lines = []
        self._queue = queue.Queue()
        self._process = subprocess.Popen(
            [MICROPYTHON, "-X", f"heapsize={heap}", "tests/vm/tls_talk.py"],
            cwd=ROOT,
            env={**os.environ, "MICROPYPATH": ".frozen"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert self._process.stdin
        with self._process.stdin as pipe:
            pipe.write(json.dumps({"host": host, "port": port, **options}) + "\n")

    def _read(self):
        assert self._process.stdout
        for line in self._process.stdout:
            self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def expect(self, start):
        """Returns the rest of the next line with that start."""
        while True:
            try:
                line = self._queue.get(timeout=LIMIT_S)
            except queue.Empty:
                line = None
            assert line is not None, f"{start!r} never came: {self.lines}"
            self.lines.append(line)
            if line.startswith(start):
                return line[len(start) :].strip()

    def end(self):
        """Waits for its end and returns all it said."""
        self.expect("loop")
        assert self._process.wait(LIMIT_S) == 0, self.lines
        return self.lines

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._reader.join()
        assert self._process.stdout
        self._process.stdout.close()


def reason(port, **options):
    """Returns why the client's first connection ended, or never stood."""
    with Talk(port, **{"rounds": 0, **options}) as talk:
        text = talk.expect("down")
        talk.end()
        return text


class Server:
    """A server that does what the script says: script(connection), each in a thread."""

    host = "127.0.0.1"

    def __init__(self, script):
        self._script = script
        self._listener = socket.create_server((self.host, 0))
        self.port = self._listener.getsockname()[1]
        self._open = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        # What went wrong in a script, told at the end of the block.
        self._errors = []

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(LIMIT_S)
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection):
        try:
            self._script(connection)
        except (ConnectionError, BrokenPipeError):
            pass
        except Exception as error:
            self._errors.append(error)
        finally:
            connection.close()

    def __enter__(self):
        self._threads[0].start()
        return self

    def __exit__(self, kind, *_):
        # shutdown() and not close() alone: an accept() or recv() under way has to end.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join(LIMIT_S)
        if kind is None:
            assert self._errors == []


def drain(connection):
    """Reads until the client goes."""
    while connection.recv(4096):
        pass


class Gate(Server):
    """A proxy before a broker. It can stop to take what the client sends.

    What the broker says it hands on `grain` bytes at a time.
    """

    def __init__(self, port, grain=4096):
        super().__init__(self._both)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        self._port, self._grain = port, grain
        # Set while what the client sends is taken.
        self.open = threading.Event()
        self.open.set()

    def _both(self, client):
        with socket.create_connection((self.host, self._port), LIMIT_S) as broker:
            back = threading.Thread(target=self._copy, args=(broker, client, None), daemon=True)
            back.start()
            self._copy(client, broker, self.open)
            back.join(LIMIT_S)

    def _copy(self, source, target, gate):
        try:
            while gate is None or gate.wait(LIMIT_S):
                piece = source.recv(4096)
                if not piece:
                    break
                grain = len(piece) if gate else self._grain
                for i in range(0, len(piece), grain):
                    target.sendall(piece[i : i + grain])
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def flood(broker, **options):
    """A client fills its socket, which then gets room again. Returns what went out and came."""
    with Gate(broker.port) as gate, Talk(gate.port, flood=True, **options) as talk:
        talk.expect("up")
        gate.open.clear()
        talk.expect("full")
        gate.open.set()
        sent = int(talk.expect("sent"))
        lines = talk.end()
    assert not [line for line in lines if line.startswith(("down", "error"))]
    came = re.findall(r"Received PUBLISH from talk .*'flood/(\d+)'", broker.log)
    return list(range(sent)), [int(number) for number in came]
