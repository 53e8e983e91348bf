"""A peer that says what its settings tell it to, line by line, whatever it is asked.

`settings` hold a list for each question (hello, ask, tell, bye), the last entry of which is used
again and again. An entry is an object, a text that is written as it stands, or a list of deeds.
`log`: a file to which all that is received is written.
"""

import json
import os
import subprocess
import sys
import time

READY, TOLD = {"message": "ready", "name": "scripted 1"}, {"message": "told"}


def write(answer):
    print(answer if isinstance(answer, str) else json.dumps(answer), flush=True)


def do(deed, *details):
    if deed == "sleep":
        time.sleep(details[0])
    elif deed == "write":
        os.write(1, bytes(details[0]))
    elif deed == "exit":
        sys.exit(details[0])
    elif deed == "hang":
        time.sleep(3600)
    elif deed == "die":
        os.kill(os.getpid(), details[0])
    elif deed == "say":
        print(*details, file=sys.stderr, flush=True)
    elif deed == "babble":
        sys.stderr.write(details[0] * details[1])
    elif deed == "close":
        os.close(1)
        time.sleep(3600)
    elif deed == "child":  # of its own, which does not read what this one reads
        child = subprocess.Popen(["sleep", "3600"], stdin=subprocess.DEVNULL)
        with open(details[0], "w") as file:
            file.write(f"{os.getpid()} {child.pid} {os.environ['TMPDIR']}\n")
    else:
        write(deed)


script = {"hello": [READY], "ask": [{"message": "wait"}], "tell": [TOLD]}
for line in sys.stdin:
    message = json.loads(line)
    if message["message"] == "hello":
        script.update(message["settings"])
    if "log" in script:
        with open(script["log"], "a") as file:
            file.write(line)
    answers = script.get(message["message"])
    if answers is None:  # bye
        break
    answer = answers.pop(0) if len(answers) > 1 else answers[0]
    if isinstance(answer, list):
        for deed in answer:
            do(*deed) if isinstance(deed, list) else write(deed)
    else:
        write(answer)
