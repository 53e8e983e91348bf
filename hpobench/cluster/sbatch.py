"""A script for SLURM whose array runs a study, each job a part of it."""

import shlex
from collections.abc import Sequence

from hpobench.cluster.settings import Settings

_DIRECTIVES = {
    "queue": "--partition={}",
    "account": "--account={}",
    "cores": "--cpus-per-task={}",
    "memory": "--mem={}",
    "walltime": "--time={}",
}

_HEAD = """\
#!/usr/bin/env bash
# A study of hpobench as an array of {parts} jobs, each with its part of the runs:
#     sbatch {file}
#     sbatch --array=1-{other} {file}        # in {other} parts
#     sbatch --array={parts} {file}         # part {parts} of {parts} alone
# Given again, it runs what is missing. What takes longer than a job may is ended in time, stored as
# far as it has come, and goes on with the next array. Written by:
#     {command}
"""

_BODY = """\
set -euo pipefail
cd {folder}
{prologue}
parts={parts}
count=${{SLURM_ARRAY_TASK_COUNT:-$parts}}
if [ "${{SLURM_ARRAY_TASK_MIN:-1}} ${{SLURM_ARRAY_TASK_MAX:-$parts}}" = "1 $count" ]; then
  parts=$count   # an array of all parts, from 1 on
fi
part=${{SLURM_ARRAY_TASK_ID:?this script is for an array of jobs: sbatch --array=1-$parts}}
if [ "$part" -gt "$parts" ] || [ "$part" -lt 1 ]; then
  echo "part $part of $parts: number the jobs of the array from 1 on" >&2
  exit 2
fi
# The signal that SLURM sends before it ends a job reaches hpobench itself.
exec {program} \\
  shard=$part/$parts{processes}
"""


def script(
    settings: Settings,
    *,
    name: str,
    folder: str,
    file: str,
    program: Sequence[str],
    command: str,
    simulated: bool,
) -> str:
    """The text of the script.

    `settings`: of `engine=slurm`, `jobs` the number of parts. `program`: the words that run the
    study. `command`: what wrote this. Raises ValueError for what a script cannot hold.
    """
    parts = settings.get("jobs") or 1
    lines = [
        f"--job-name=hpobench-{name}",
        f"--array=1-{parts}",
        "--output=hpobench-%A-%a.log",
        "--open-mode=append",
        "--requeue",
        "--signal=B:TERM@60",
        "--ntasks=1",
    ]
    given = {key: form for key, form in _DIRECTIVES.items() if settings.get(key) is not None}
    lines += [form.format(_value(key, settings[key])) for key, form in given.items()]
    lines += [str(line) for line in settings.get("job_extra_directives") or ()]
    for line in lines:
        if "\n" in line:
            raise ValueError(f"engine: {line!r} has a line break, which a script for SLURM cannot")
    head = _HEAD.format(parts=parts, other=2 * parts, file=shlex.quote(file), command=command)
    # Where SLURM binds jobs to no cores, Python would count those of the whole machine.
    processes = " n_jobs=${SLURM_CPUS_PER_TASK:-1}" if simulated else ""
    return (
        head
        + "".join(f"#SBATCH {line}\n" for line in lines)
        + _BODY.format(
            folder=shlex.quote(folder),
            prologue="\n".join(map(str, settings.get("job_script_prologue") or ())),
            parts=parts,
            program=shlex.join(program),
            processes=processes,
        )
    )


def _value(key: str, value: object) -> str:
    """As sbatch reads it: of bytes it knows K, M, G and T."""
    text = str(value)
    return text[:-1] if key == "memory" and text[-2:-1].isalpha() and text[-1] in "bB" else text
