"""A method in a process of its own, in any environment or language: see docs/protocol.md."""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn
from weakref import finalize

import numpy as np

from hpobench.methods.first_points import first_points
from hpobench.methods.peers.process import messages
from hpobench.methods.peers.process.command import Command
from hpobench.methods.peers.process.pipes import Pipes
from hpobench.methods.peers.trials import Trials
from hpobench.records import Evaluation, Fidelity, Job
from hpobench.space.space import Space

# How long a peer may take to end after `bye`.
_GRACE_S = 5.0
# How long it may take to say its last words once something is wrong.
_LAST_WORDS_S = 1.0
_LARGEST_SEED = 2**31


class PeerError(RuntimeError):
    """A peer died, was silent for too long, or said what the protocol does not allow."""


class Process:
    """Asks a program of its own, line by line, what runs next.

    `peer`: how it is started, see `Command`. The constructor starts nothing, it only checks that
    all is there (ValueError); the program starts with `set_up`, or else with the first `ask`.
    Whatever is wrong with a peer afterwards raises PeerError, and ends it.

    `points_to_evaluate` are tried before it is asked, trained to the end; it is told what came of
    them. Its own trials are numbered from 0 on the wire: ours come before them here.

    Once a budget of trials is spent it is asked no more, for the protocol has no word for that: a
    peer that promotes trials should have a budget of time, resource or cost.
    """

    def __init__(
        self,
        space: Space,
        fidelity: Fidelity,
        rng: np.random.Generator,
        workers: int,
        peer: Mapping[str, Any],
        points_to_evaluate: Sequence[Mapping[str, Any] | str] = (),
    ) -> None:
        self._command = Command.read(peer)
        self._trials = Trials(space, fidelity, first_points(space, points_to_evaluate))
        seed = int(rng.integers(_LARGEST_SEED))
        self._hello = messages.hello(space, fidelity, seed, workers, self._command.settings)
        self._pipes: Pipes | None = None
        self._ended: str | None = None
        self.version = self._command.version
        self.name = self._command.title
        """What the peer calls itself, once it has said so."""
        self.elsewhere_cpu_s = 0.0

    def set_up(self) -> None:
        """Start the program, and wait until it is ready; if it is already, nothing is done."""
        if self._ended is not None:
            raise PeerError(self._ended)
        if self._pipes is not None:
            return
        command = self._command
        self._pipes = Pipes(command.words(), command.variables(), command.cwd)
        finalize(self, self._pipes.close)
        line, answer = self._exchange(self._pipes, self._hello, "hello", ("ready",))
        try:
            self.name = messages.text(answer, "name")
        except ValueError as error:
            self._refuse(line, error)

    def ask(self) -> Job | None:
        pipes = self._started()
        if (first := self._trials.first()) is not None:
            return first
        line, answer = self._exchange(pipes, messages.ASK, "ask", ("job", "wait"))
        if answer["message"] == "wait":
            return None
        try:
            return self._trials.wanted(messages.wish(answer))
        except ValueError as error:
            self._refuse(line, error)

    def tell(self, job: Job, evaluation: Evaluation) -> None:
        pipes = self._started()
        number, moved = self._trials.ended(job)
        line = messages.tell(number, job, evaluation, with_config=moved)
        self._exchange(pipes, line, "tell", ("told",))

    def close(self) -> None:
        """End the program: it is told so, and has a few seconds for it."""
        self._end(f"the peer {self.name} was closed", messages.BYE, _GRACE_S)

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"the method of the peer {self.name} cannot be pickled or copied, for it holds a "
            "running program: build a new one, and tell it what is known"
        )

    def _started(self) -> Pipes:
        self.set_up()
        assert self._pipes is not None
        return self._pipes

    def _exchange(
        self, pipes: Pipes, line: bytes, question: str, allowed: tuple[str, ...]
    ) -> tuple[bytes, dict[str, Any]]:
        """Send one message; the line that answers it, and the message on that line."""
        answer = pipes.unasked()
        asked = answer is None
        try:
            if answer is None:
                answer = pipes.exchange(line, self._command.timeout_s)
        except TimeoutError:
            self._fail(f"no answer to {question!r} in {self._command.timeout_s:g} s", grace_s=0)
        except EOFError:
            self._fail(f"ended instead of answering {question!r}")
        except ValueError as error:
            self._fail(f"{error} in answer to {question!r}")
        try:
            message = messages.decode(answer)
            self._check_kind(message, question, allowed if asked else ())
            if question != "hello":
                self.elsewhere_cpu_s += messages.cpu_s(message)
        except ValueError as error:
            self._refuse(answer, error)
        return answer, message

    def _check_kind(
        self, message: Mapping[str, Any], question: str, allowed: tuple[str, ...]
    ) -> None:
        kind = message["message"]
        if kind == "error":
            self._fail(f"it says: {message.get('text', 'no text')}")
        if not allowed:
            raise ValueError(f"nothing was asked, before {question!r}")
        if kind not in allowed:
            raise ValueError(f"{kind!r} is no answer to {question!r}: {' or '.join(allowed)} is")

    def _refuse(self, line: bytes, error: ValueError) -> NoReturn:
        self._fail(f"{error}; in the line {messages.shown(line)}", cause=error)

    def _fail(
        self, what: str, grace_s: float = _LAST_WORDS_S, cause: Exception | None = None
    ) -> NoReturn:
        """End the peer, and raise PeerError with its last words."""
        status = self._end(what, grace_s=grace_s)
        said = self._pipes.last_words() if self._pipes else ""
        words = f"its last words:\n{said}" if said else "it left no last words on stderr"
        message = f"peer {self.name}: {what} ({_how(status)}); {words}"
        # What it said may hold half a character, which no file takes.
        self._ended = message.encode(errors="replace").decode()
        raise PeerError(self._ended) from cause

    def _end(self, why: str, farewell: bytes = b"", grace_s: float = 0.0) -> int:
        if self._ended is None:
            self._ended = why
        return self._pipes.close(farewell, grace_s) if self._pipes is not None else 0


def _how(status: int) -> str:
    """How a process ended, in words."""
    return f"exit status {status}" if status <= 128 else f"ended by signal {status - 128}"
