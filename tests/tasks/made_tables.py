"""Recorded tables in closed form, as `hpobench record` would write them."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hpobench.space.space import Space
from hpobench.study.recording import design
from hpobench.tasks.recorded_facts import METADATA, SERIES, Facts

SPACE = {
    "rate": {"type": "float", "low": 1e-4, "high": 1, "log": True},
    "layers": {"type": "integer", "low": 1, "high": 4},
    "kind": {"type": "categorical", "values": ["a", "b"]},
    "extra": {"type": "float", "low": 0, "high": 1, "when": {"kind": "a"}},
}
LEVELS = (1, 2, 3, 4)


def error(config, resource):
    """Least at a rate of 0.01, with few layers and little extra; falls with the resource."""
    distance = (np.log10(config["rate"]) + 2) / 2
    final = 0.05 + 0.4 * (1 - np.exp(-(distance**2))) + 0.02 * config["layers"]
    final += 0.1 * config.get("extra", 0.3)
    return final + (1 - final) * np.exp(-np.asarray(resource) / 1.5)


def pace(config):
    """Seconds a unit of resource."""
    return 0.5 * config["layers"] * (1.5 if config["kind"] == "a" else 1.0)


def columns(configs, repetitions, noise):
    """Validation errors differ by `noise` times the error, costs by as many per cent."""
    rng = np.random.default_rng(0)
    rows = []
    for number, config in enumerate(configs):
        for repetition in range(repetitions):
            shift, slower = 1 + noise * rng.normal(), np.exp(noise * rng.normal())
            for level in LEVELS:
                value = float(error(config, level) * shift)
                series = dict.fromkeys(SERIES, value) | {
                    "test_error": value + 0.01,
                    "training_s": 0.9 * pace(config) * level * slower,
                    "evaluation_s": 0.1 * pace(config) * level * slower,
                }
                rows.append(
                    {"config": number, "repetition": repetition, "resource": float(level)}
                    | series
                    | {"parameters": 100.0 * config["layers"]}
                    | {name: config.get(name) for name in SPACE}
                )
    return {name: [row[name] for row in rows] for name in rows[0]}


def write(path, columns, space=SPACE):
    """The table with its metadata; None: without."""
    table = pa.table(columns)
    if space is not None:
        facts = Facts(Space(space).specification(), metrics=("parameters",))
        table = table.replace_schema_metadata({METADATA: facts.to_json()})
    pq.write_table(table, path)
    return str(path)


def make(path, count=40, repetitions=2, noise=0.02):
    """Write a table; its configurations."""
    configs = design(Space(SPACE), count)
    write(path, columns(configs, repetitions, noise))
    return configs
