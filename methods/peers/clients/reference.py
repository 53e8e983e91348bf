"""Random search as a peer: copy this file and replace `suggest`. See docs/protocol.md."""

import json
import math
import random
import sys

answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print is no message


def draw(item, rng):
    """A random value of one hyperparameter."""
    if "values" in item:  # ordinal or categorical
        return rng.choice(item["values"])
    to, back = (math.log, math.exp) if item["log"] else (float, float)
    half = 0.5 if item["type"] == "integer" else 0  # each whole number is as likely
    value = back(rng.uniform(to(item["low"] - half), to(item["high"] + half)))
    return min(max(round(value) if half else value, item["low"]), item["high"])


def suggest(space, rng):
    """A random configuration: `when` says for which values of an earlier one a name is active."""
    config = {}
    for name, item in space.items():
        if all(config.get(parent) in values for parent, values in item.get("when", {}).items()):
            config[name] = draw(item, rng)
    return config


for line in sys.stdin:
    message, answer = json.loads(line), {"message": "told"}  # to `tell`: it learns nothing
    if message["message"] == "hello":
        space, rng, trials = message["space"], random.Random(message["seed"]), 0
        answer = {"message": "ready", "name": "reference 1"}
    elif message["message"] == "ask":
        answer = {"message": "job", "trial": trials, "config": suggest(space, rng)}
        trials += 1
    elif message["message"] == "bye":
        break
    print(json.dumps(answer), file=answers, flush=True)
