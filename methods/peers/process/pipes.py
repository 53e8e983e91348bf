"""Lines to and from a program of its own, with time limits, and with what it says on stderr.

No threads: whoever waits for an answer reads standard error at the same time, so that the program
can never block on a full pipe while it is waited for. `supervise.py` stands between: closing the
pipe `control` ends the program and all that it started, and so does the death of this process.
"""

import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from hpobench.methods.peers.process import supervise

# What is kept of standard error, and what is shown of it.
_KEPT_BYTES = 8192
_SHOWN_LINES = 24
# A longer line is no message.
_LONGEST_LINE_BYTES = 1 << 24
_CHUNK_BYTES = 1 << 16
# What is left once the program is to end, for the supervisor to end it.
_END_S = 10.0


class Pipes:
    """A running program. Not one system resource of it outlives `close`."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], cwd: str | None = None
    ) -> None:
        self._folder = tempfile.mkdtemp(prefix="hpobench-peer-")
        control, self._control = os.pipe()
        script = [sys.executable, "-I", "-S", supervise.__file__, str(control), self._folder]
        try:
            self._process = subprocess.Popen(
                [*script, *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                cwd=cwd,
                env={**environment, "TMPDIR": self._folder},
                pass_fds=[control],
                start_new_session=True,
            )
        except OSError:
            os.close(self._control)
            os.rmdir(self._folder)
            raise
        finally:
            os.close(control)
        self._closed = False
        self._said = bytearray()
        self._received = bytearray()
        self._searched = 0
        self._watch()

    def _watch(self) -> None:
        """Watch both outputs. They and the input are read and written without ever blocking."""
        files = self._process.stdin, self._process.stdout, self._process.stderr
        self._input, self._output, self._error = (file.fileno() for file in files if file)
        self._poll = select.poll()
        self._open = {self._output, self._error}
        for descriptor in (self._input, *self._open):
            os.set_blocking(descriptor, False)
        for descriptor in self._open:
            self._poll.register(descriptor, select.POLLIN)

    def unasked(self) -> bytes | None:
        """A line that was received already, though nothing was asked."""
        return self._line()

    def exchange(self, line: bytes, timeout_s: float) -> bytes:
        """Send a line, return the next one that comes.

        Raises TimeoutError, EOFError (the program ended or closed its output) or ValueError (what
        comes is endless).
        """
        deadline = time.monotonic() + timeout_s
        unsent = self._send(line)
        while True:
            if not unsent and (answer := self._line()) is not None:
                return answer
            if len(self._received) > _LONGEST_LINE_BYTES:
                raise ValueError(f"a line of more than {_LONGEST_LINE_BYTES} bytes")
            if self._output not in self._open:
                raise EOFError
            if unsent:
                self._poll.register(self._input, select.POLLOUT)
            try:
                self._read(deadline)
            finally:
                if unsent:
                    self._poll.unregister(self._input)
            unsent = self._send(unsent)

    def _send(self, line: bytes) -> bytes:
        """Write what the pipe takes at once; the rest."""
        try:
            return line[os.write(self._input, line) :] if line else b""
        except BlockingIOError:
            return line
        except BrokenPipeError:
            return b""  # it ended: what it said last is still to be read

    def _line(self) -> bytes | None:
        """Take the first whole line of what was received."""
        end = self._received.find(b"\n", self._searched)
        if end < 0:
            self._searched = len(self._received)
            return None
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        self._searched = 0
        return line

    def _read(self, deadline: float) -> None:
        """Wait until something can be read or written, and read; raises TimeoutError."""
        left_s = deadline - time.monotonic()
        ready = self._poll.poll(left_s * 1000) if left_s > 0 else []
        if not ready:
            raise TimeoutError
        for descriptor, _ in ready:
            if descriptor == self._input:
                continue
            chunk = os.read(descriptor, _CHUNK_BYTES)
            if not chunk:
                self._poll.unregister(descriptor)
                self._open.remove(descriptor)
            elif descriptor == self._output:
                self._received += chunk
            else:
                self._said += chunk
                del self._said[:-_KEPT_BYTES]

    def last_words(self) -> str:
        """The end of what it said on standard error."""
        lines = self._said.decode(errors="replace").splitlines()
        return "\n".join(lines[-_SHOWN_LINES:]).strip()

    def close(self, farewell: bytes = b"", grace_s: float = 0.0) -> int:
        """End it, in `grace_s` seconds at the latest; its exit status, 128 + N for signal N."""
        if self._closed:
            return self._process.returncode
        self._closed = True
        if grace_s:
            self._send(farewell)
            self._process.stdin.close()  # type: ignore[union-attr]
            self._listen(grace_s)
        os.close(self._control)
        self._listen(_END_S)
        try:
            return self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)
            for file in (self._process.stdin, self._process.stdout, self._process.stderr):
                with suppress(OSError):
                    file.close()  # type: ignore[union-attr]

    def _listen(self, seconds: float) -> None:
        """Read until both outputs end, the program's and, after it, the supervisor's."""
        deadline = time.monotonic() + seconds
        with suppress(TimeoutError):
            while self._open:
                self._read(deadline)
                self._received.clear()
