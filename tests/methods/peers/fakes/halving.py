"""Successive halving, eta 3, of nine trials: a peer that goes on with trials, and waits."""

import json
import random
import sys

trials, best, running, queue, level = 0, [], 0, [], 1
for line in sys.stdin:
    message = json.loads(line)
    kind, answer = message["message"], {"message": "told", "cpu_s": 0.25}
    if kind == "hello":
        low, high = message["space"]["rate"]["low"], message["space"]["rate"]["high"]
        rng = random.Random(message["seed"])
        answer = {"message": "ready", "name": "halving 1"}
        queue = [(trial, {"rate": rng.uniform(low, high)}) for trial in range(9)]
    elif kind == "ask" and queue:
        trial, config = queue.pop(0)
        answer = {"message": "job", "trial": trial, "resource": level, "cpu_s": 0.5}
        if config is not None:
            answer["config"] = config
        running += 1
    elif kind == "ask":
        answer = {"message": "wait"}
    elif kind == "tell":
        running -= 1
        best.append((message["value"], message["trial"]))
        if not running and not queue and level < 9:
            best.sort()
            level, queue, best = level * 3, [(t, None) for _, t in best[: len(best) // 3]], []
    elif kind == "bye":
        break
    print(json.dumps(answer), flush=True)
