"""Functions to optimise that leave something running, as long as `SLEEP` says."""

import hashlib
import multiprocessing
import os
import subprocess
import threading
import time

SLEEP = "3600.25"
_kept = []


def child(x):
    _kept.append(subprocess.Popen(["sleep", SLEEP]))
    return x


def daemon(x):
    subprocess.run(["sh", "-c", f"setsid sleep {SLEEP} > /dev/null 2>&1 &"], check=True)
    return x


def fork(x):
    if os.fork() == 0:
        time.sleep(float(SLEEP))
    return x


def fork_that_goes_on(x):
    os.fork()
    return x


def thread(x):
    threading.Thread(target=time.sleep, args=[float(SLEEP)]).start()
    return x


def pool(x):
    _kept.append(multiprocessing.get_context("fork").Pool(1))
    return _kept[-1].map(abs, [x])[0]


def deaf(x):
    """Computes outside of Python, for minutes."""
    hashlib.pbkdf2_hmac("sha256", b"x", b"y", 100_000_000)
    return x


def stubborn(x):
    while True:
        try:
            time.sleep(1)
        except BaseException:
            continue


def slow(x):
    time.sleep(0.2)
    return x


def nap(x):
    time.sleep(0.03)
    return (x - 0.3) ** 2


ALL = (child, daemon, fork, fork_that_goes_on, thread, pool)
