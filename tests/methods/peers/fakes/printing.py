"""A client made with `serve`, of a library that prints to standard output and reads its input."""

import os
import sys


class Number:
    """As NumPy's numbers: no number to JSON."""

    def __init__(self, value):
        self.value = value

    def item(self):
        return self.value


class Optimizer:
    name = "printing 1"

    def __init__(self, hello):
        print("a banner")
        os.write(1, b"a banner from C\n")
        assert sys.stdin.read() == "", "the messages were there to be read"
        self.trials = 0
        self.settings = hello["settings"]

    def ask(self):
        print("asked")
        if self.trials == self.settings["most"]:
            return None
        self.trials += 1
        total = sum(range(1_000_000))  # some work
        assert total
        return {"trial": self.trials - 1, "config": {"rate": Number(0.5)}, "resource": Number(1)}

    def tell(self, message):
        print("told", message)
        if message["value"] is None:
            raise LookupError("no value to learn from")


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])  # a client that stands beside serving.py need not do this
    from serving import serve

    serve(Optimizer)
