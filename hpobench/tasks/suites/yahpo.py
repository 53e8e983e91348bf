"""YAHPO Gym's surrogates: one instance of a scenario, read from the folder of its data.

    # conf/task/yahpo_lcbench.yaml
    _target_: hpobench.tasks.suites.yahpo.Yahpo
    folder: ~/yahpo_data/lcbench      # holds config_space.json, encoding.json and model.onnx
    instance: "3945"
    target: val_accuracy
    goal: maximize

It needs `onnxruntime`, and not the package yahpo_gym; if that is installed the names of a scenario
are taken from it, else they are to be stated: `names: {cat: [...], cont: [...], y: [...],
fidelity: [epoch], instance: OpenML_task_id, runtime: time}`.
"""

import hashlib
import importlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.records import Constraint, Evaluation, Fidelity, Job, Metric
from hpobench.space.config_space import from_config_space
from hpobench.space.space import Configuration
from hpobench.tasks.importing.asked import goal_of, is_iterative
from hpobench.tasks.suites.listed import needed

MISSING = "#na#"
"""What an inactive category is called in the encoding; an inactive number is 0."""
_SAMPLE, _SAMPLE_SEED = 512, 20240229


class Yahpo:
    """The surrogate of one instance.

    `target`: one of its outputs; `goal`: minimize or maximize, "" as its name says; `ceiling`: what
    a maximised target is taken from, such as 100 for percentages. The fidelity is the first that
    the scenario names; others stand at their highest. Predictions have no noise. The optimum is
    not known.
    """

    reproducible = True

    def __init__(
        self,
        folder: str,
        instance: str | int,
        target: str,
        *,
        goal: str = "",
        ceiling: float = 1.0,
        names: Mapping[str, Any] | None = None,
        levels: int = 50,
    ) -> None:
        model, encoding, space = needed(folder, "model.onnx", "encoding.json", "config_space.json")
        self._names = dict(names) if names is not None else _known_names(model.parent.name)
        if target not in self._names["y"]:
            raise ValueError(f"target={target!r}: the scenario has {', '.join(self._names['y'])}")
        self._model = str(model)
        self._codes: dict[str, dict[str, int]] = json.loads(encoding.read_text())
        content = json.loads(space.read_text())
        fixed = self._fixed(content, instance)
        aside = {*fixed, *self._names["fidelity"]}
        given = [each for each in content["hyperparameters"] if each["name"] not in aside]
        self.space = from_config_space({**content, "hyperparameters": given})
        self._fidelity = next(iter(self._names["fidelity"]), None)
        self._fixed_values = fixed | self._others_at_most(content)
        self.fidelity = self._levels(content, levels)
        direction = goal_of(target, goal)
        words = f"{ceiling:g} - {target}" if direction == "maximize" else target
        self.metric = Metric(target, words, direction, ceiling)
        self._target = self._names["y"].index(target)
        runtime = self._names.get("runtime")
        self._runtime = self._names["y"].index(runtime) if runtime in self._names["y"] else None
        self.clock = "evaluations" if self._runtime is None else "seconds"
        self.constraints: tuple[Constraint, ...] = ()
        self.can_checkpoint = self.fidelity.comparable
        self.optimum: float | None = None
        self.data_hash = hashlib.sha256(model.read_bytes()).hexdigest()
        rng = np.random.default_rng(_SAMPLE_SEED)
        last = [
            self._row(config, self.fidelity.r_max) for config in self.space.sample(rng, _SAMPLE)
        ]
        values = self.metric.to_minimised(self._predict(last)[:, self._target])
        self.median: float | None = float(np.median(values))

    def _fixed(self, content: Mapping[str, Any], instance: str | int) -> dict[str, Any]:
        """The instance as a value of its hyperparameter."""
        name = self._names["instance"]
        known = next(each for each in content["hyperparameters"] if each["name"] == name)
        choices = known.get("choices", known.get("sequence", [known.get("value")]))
        found = [choice for choice in choices if str(choice) == str(instance)]
        if not found:
            some = ", ".join(map(str, choices[:10]))
            raise ValueError(f"instance={instance!r}: the scenario has {some}, ...")
        return {name: found[0]}

    def _others_at_most(self, content: Mapping[str, Any]) -> dict[str, Any]:
        others = self._names["fidelity"][1:]
        known = {each["name"]: each for each in content["hyperparameters"]}
        return {name: known[name]["upper"] for name in others}

    def _levels(self, content: Mapping[str, Any], count: int) -> Fidelity:
        """The fidelity: every whole number, or so many steps of a share."""
        if self._fidelity is None:
            self._resources = np.ones(1)
            return Fidelity()
        known = {each["name"]: each for each in content["hyperparameters"]}[self._fidelity]
        low, high = known["lower"], known["upper"]
        whole = "int" in known["type"]
        compares = is_iterative(self._fidelity)
        self._resources = (
            np.arange(low, high + 1.0) if whole else np.geomspace(low, high, min(count, 10))
        )
        made = Fidelity(self._fidelity, float(low), float(high), whole, compares)
        return made.only_at(self._resources.tolist())

    def evaluate(self, job: Job, seed: int, checkpoint: Any) -> Evaluation:  # noqa: ARG002
        """Predict `job`: every level that it passes, or the one that it reaches."""
        self.space.validate(job.config)
        first, last = np.searchsorted(
            self._resources, (job.from_resource, job.to_resource), side="right"
        ).tolist()
        if first >= last:
            raise ValueError(f"a job to {job.to_resource} reaches no level of {self.fidelity}")
        if not self.fidelity.comparable:
            first = last - 1
        levels = self._resources[first:last]
        before = [self._resources[first - 1]] if first and checkpoint is not None else []
        predicted = self._predict([self._row(job.config, r) for r in [*before, *levels]])
        seconds = self._seconds(predicted, len(before), levels)
        values = self.metric.to_minimised(predicted[len(before) :, self._target])
        return Evaluation(
            resources=levels,
            seconds=seconds,
            values=values,
            duration_s=float(seconds[-1]),
            true_values=values,
            checkpoint=float(levels[-1]),
        )

    def _seconds(self, predicted: FloatArray, before: int, levels: FloatArray) -> FloatArray:
        """Seconds since the job began: the model's runtime, which it is made to rise with."""
        if self._runtime is None:
            spent = np.concatenate([[0.0], levels]) / self._resources[-1]
            begun = (levels[0] - 1) / self._resources[-1] if before else 0.0
            return np.asarray(spent[1:] - begun)
        spent = np.maximum.accumulate(np.maximum(predicted[:, self._runtime], 1e-9))
        return np.asarray(np.maximum(spent[before:] - (spent[0] if before else 0.0), 1e-9))

    def _row(self, config: Configuration, resource: float) -> Configuration:
        row = dict(config) | self._fixed_values
        return row if self._fidelity is None else row | {self._fidelity: resource}

    def _predict(self, rows: list[Configuration]) -> FloatArray:
        """Outputs (n, y) of the model."""
        cats, conts = self._names["cat"], self._names["cont"]
        categories = [[self._code(name, row.get(name, MISSING)) for name in cats] for row in rows]
        numbers = [[float(row.get(name, 0.0)) for name in conts] for row in rows]
        session = _session(self._model)
        inputs = [each.name for each in session.get_inputs()]
        given = {
            inputs[0]: np.array(categories, np.int32),
            inputs[1]: np.array(numbers, np.float32),
        }
        found: FloatArray = np.asarray(session.run(None, given)[0], dtype=float)
        return found

    def _code(self, name: str, value: Any) -> int:
        codes = self._codes[name]
        text = str(value)
        if text not in codes:
            raise ValueError(f"{name}={value!r} is none of the categories of the surrogate")
        return codes[text]


@lru_cache(maxsize=8)
def _session(model: str) -> Any:
    """The model, loaded once a process, on one thread."""
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise ValueError("YAHPO's surrogates need onnxruntime: pip install onnxruntime") from error
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model, sess_options=options, providers=["CPUExecutionProvider"]
    )


def _known_names(scenario: str) -> dict[str, Any]:
    """The names of a scenario, from the package yahpo_gym; ValueError if it is not there."""
    try:
        importlib.import_module("yahpo_gym.benchmarks")  # it fills what follows
        from yahpo_gym.configuration import config_dict

        about = config_dict.configs[scenario]
    except (ImportError, KeyError):
        raise ValueError(
            f"the names of scenario {scenario!r} are not known: state names: {{cat: [...], cont: "
            "[...], y: [...], fidelity: [...], instance: NAME, runtime: NAME}, or install yahpo_gym"
        ) from None
    dropped = about.get("drop_predict", [])
    return {
        "cat": [name for name in about["cat_names"] if name not in dropped],
        "cont": about["cont_names"],
        "y": about["y_names"],
        "fidelity": about["fidelity_params"],
        "instance": about["instance_names"],
        "runtime": about.get("runtime_name"),
    }


def paths(folder: str | Path) -> list[str]:
    """The scenarios of which data lies in `folder`."""
    return sorted(path.parent.name for path in Path(folder).expanduser().glob("*/model.onnx"))
