"""What a training task is made of, and how its functions are found and called."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from hpobench.space.space import Configuration
from hpobench.system import package
from hpobench.system.dotted import locate

Function = Callable[..., Any]
BATCH_SIZE = "batch_size"
_CHOICES = {
    "device": ("auto", "cpu", "cuda"),
    "precision": ("float32", "bfloat16"),
    "cost": ("cpu", "wall"),
    "metric": ("accuracy", "balanced_accuracy"),
}


@dataclass(frozen=True)
class Recipe:
    """How configurations are trained. Functions may be dotted paths, imported when first needed.

    `data() -> DataSet`; `model(shape, classes, **hyperparameters) -> Module` of logits;
    `optimizer(parameters, **hyperparameters) -> Optimizer`. Model and optimizer are given the
    hyperparameters that their signatures name. `fixed`: values of those that are not tuned.

    `metric`: of the classes predicted; `balanced_accuracy` is the mean of the classes' recalls.

    `cost`: what a second is, of the thread's CPU time or of the wall clock. `precision` is that of
    the training steps on the device; weights are kept in float32. `threads`: of torch.
    """

    data: Function | str
    model: Function | str
    optimizer: Function | str = "hpobench.tasks.training.optimizers.sgd_or_adam"
    fixed: Mapping[str, Any] = field(default_factory=dict)
    metric: str = "accuracy"
    cost: str = "cpu"
    device: str = "auto"
    precision: str = "float32"
    channels_last: bool = True
    threads: int = 1

    def __post_init__(self) -> None:
        package.require("torch")
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name}={getattr(self, name)!r}: use {', '.join(choices)}")
        if not isinstance(self.threads, int) or self.threads < 1:
            raise ValueError(f"threads={self.threads!r}: use a whole number of at least 1")

    def settings(self, config: Configuration) -> Configuration:
        """All hyperparameters of a configuration, those that are fixed included.

        Raises ValueError if one of them would change nothing, or if there is no batch size.
        """
        settings = {**self.fixed, **config}
        used = {BATCH_SIZE} | _accepted(self.model) | _accepted(self.optimizer)
        if idle := [name for name in settings if name not in used and "**" not in used]:
            raise ValueError(
                f"hyperparameter {idle[0]!r} is an argument of neither the model nor the optimizer"
            )
        if BATCH_SIZE not in settings:
            raise ValueError("there is no batch_size: put it into the space, or into fixed")
        return settings


@cache
def resolve(function: Function | str) -> Function:
    """The function itself, or the one at a dotted path."""
    if not isinstance(function, str):
        return function
    resolved: Function = locate(function)
    return resolved


def path(function: Function | str) -> str:
    """How a function is called in checkpoints and messages."""
    if isinstance(function, str):
        return function
    if hasattr(function, "__qualname__"):
        return f"{function.__module__}.{function.__qualname__}"
    return repr(function)


def _accepted(function: Function | str) -> set[str]:
    """Names of the arguments of a function; "**" if it takes any."""
    parameters = inspect.signature(resolve(function)).parameters.values()
    return {"**" if item.kind is item.VAR_KEYWORD else item.name for item in parameters}


def call(function: Function | str, *arguments: Any, settings: Mapping[str, Any]) -> Any:
    """Call with the arguments and with those settings that the signature names."""
    accepted = _accepted(function)
    named = {key: value for key, value in settings.items() if accepted & {key, "**"}}
    return resolve(function)(*arguments, **named)
