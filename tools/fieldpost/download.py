"""A file from the web whose SHA-256 is known beforehand; what was fetched once is kept."""

import hashlib
import http.client
import os
import tempfile
import time
import urllib.error
import urllib.request

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

# For each answer of the server, and for all of it, s.
TIMEOUT_S = 20.0
WHOLE_S = 300.0
# A download that takes longer shows how far it is, s.
SHOW_AFTER_S = 1.0
CHUNK = 1 << 16


class DownloadError(Exception):
    """Nothing was fetched; the text says from where and why."""


def fetch(url, sha256, limit, folder):
    """Returns the bytes at `url`, from `folder` where they are already.

    `sha256` is 64 hexadecimal digits, `limit` the most bytes that are taken. Raises DownloadError
    (also for another sum), OSError where the folder can't be written.
    """
    kept = folder / f"{sha256}.bin"
    if kept.is_file():
        data = kept.read_bytes()
        if hashlib.sha256(data).hexdigest() == sha256:
            return data
    data = _body(url, limit)
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise DownloadError(f"{url}: its SHA-256 is {found}, not {sha256}")
    _keep(kept, data)
    return data


def _keep(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    number, beside = tempfile.mkstemp(prefix=".fetched-", dir=path.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(data)
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """What is pinned is at its address: a redirect is told, not followed."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        return None


def _body(url, limit):
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "fieldpost"})
        with opener.open(request, timeout=TIMEOUT_S) as response:
            return _read(url, response, limit)
    except urllib.error.HTTPError as error:
        with error:
            raise DownloadError(f"{url}: {_refusal(error)}") from None
    except urllib.error.URLError as error:
        reason = getattr(error.reason, "strerror", None) or error.reason
        raise DownloadError(f"{url}: can't be reached: {reason}") from None
    except ValueError as error:
        raise DownloadError(f"{url}: no address: {error}") from None
    except (http.client.HTTPException, OSError) as error:
        raise DownloadError(f"{url}: the connection broke: {_reason(error)}") from None


def _refusal(error):
    if error.code == 404:
        return "there is no such file (404)"
    if 300 <= error.code < 400:
        return f"it has moved to {error.headers.get('Location')}: give that address"
    return f"the server answers {error.code} {error.reason}"


def _reason(error):
    return getattr(error, "strerror", None) or str(error).strip() or type(error).__name__


def _read(url, response, limit):
    length = response.length
    if length is not None and length > limit:
        raise DownloadError(f"{url}: {length:,} bytes are more than the board's flash has")
    found, end = bytearray(), time.monotonic() + WHOLE_S
    with _Bar(length) as bar:
        while chunk := response.read1(CHUNK):
            found += chunk
            bar.show(len(found))
            if len(found) > limit:
                raise DownloadError(f"{url}: it doesn't end: more than the board's flash has")
            if time.monotonic() > end:
                raise DownloadError(f"{url}: not whole within {WHOLE_S:.0f} s")
    if length is not None and len(found) < length:
        raise DownloadError(f"{url}: it ended after {len(found):,} of {length:,} bytes")
    return bytes(found)


class _Bar:
    """How far a download is, on stderr: for those that take their time, on a terminal."""

    def __init__(self, length):
        self._length = length
        self._begin = time.monotonic()
        columns = (TextColumn("fetching"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        # The line of the progress, None until it is shown.
        self._task = None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        # Where it never began, its end would be an empty line.
        if self._task is not None:
            self._progress.stop()

    def show(self, done):
        if self._task is None:
            if (
                time.monotonic() - self._begin < SHOW_AFTER_S
                or not self._progress.console.is_terminal
            ):
                return
            self._task = self._progress.add_task("", total=self._length)
            self._progress.start()
        self._progress.update(self._task, completed=done)
