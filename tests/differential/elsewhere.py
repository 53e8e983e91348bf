"""Another library, as it is, in the environment that holds it: a script there, JSON in, JSON out.

The versions are those of `methods/peers/requirements/`, so an answer does not depend on what else
is installed here.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from hpobench.methods.peers.process import environments

HERE = Path(__file__).parent
TIMEOUT_S = 300


def missing(environment: str) -> str | None:
    """The command that installs an environment, unless it is installed."""
    there = environments.named(environment)
    return None if there.status == environments.INSTALLED else there.remedy


def answer(environment: str, script: Path, question: Any, folder: Path) -> Any:
    """What `script` says to `question`, run by the Python of `environment` inside `folder`.

    Its time-out is generous; a script that fails raises with the end of what it said.
    """
    # -I: nothing but the environment's own packages; the script's folder is no place to import from
    done = subprocess.run(
        [environments.named(environment).python, "-I", str(script)],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        cwd=folder,
        env={**environments.clean(os.environ), "SYNETUNE_FOLDER": str(folder)},
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{script.name} in {environment!r} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])
