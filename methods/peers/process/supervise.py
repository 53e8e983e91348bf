"""Runs a program, and ends it with all that it started once nobody wants it any more.

Called as `python -I -S supervise.py CONTROL FOLDER PROGRAM ARGUMENT...`. CONTROL is the reading end
of a pipe to which nothing is written: it ends when its owner closes it, and when its owner is
killed, which no handler could hear. FOLDER, for temporary files, goes at the end. The exit status
is that of the program, 128 + N if signal N ended it.
"""

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys

CANNOT_START = 127


def main() -> int:
    """Start the program, wait until it ends or must, leave nothing behind."""
    control, folder, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    woken = _wake_on(signal.SIGCHLD, signal.SIGTERM)
    try:
        program = subprocess.Popen(command, start_new_session=True)
    except OSError as error:
        print(f"{command[0]} cannot be started: {error}", file=sys.stderr, flush=True)
        return CANNOT_START
    else:
        _let_go_of_its_pipes()
        select.select([control, woken], [], [])
        status = _end(program)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return status if status >= 0 else 128 - status


def _wake_on(*signals: int) -> int:
    """A file descriptor that can be read once one of `signals` has come."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    for number in signals:
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(wake)
    return woken


def _let_go_of_its_pipes() -> None:
    """Standard input and output are the program's alone: they end when it does."""
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)


def _end(program: "subprocess.Popen[bytes]") -> int:
    """Kill its process group. Until it is waited for, the group's number is nobody else's."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(program.pid, signal.SIGKILL)
    return program.wait()


if __name__ == "__main__":
    sys.exit(main())
