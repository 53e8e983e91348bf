"""ConfigSpace's spaces as ours, and back: objects of the library, or the JSON that it writes.

What has no counterpart here is refused by name: forbidden combinations, priors that are not
uniform, conditions on more than one parent. A constant is a hyperparameter of one value.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hpobench.space.hyperparameters import Categorical, Float, Hyperparameter, Integer, Ordinal
from hpobench.space.space import Space

if TYPE_CHECKING:
    import ConfigSpace


def from_config_space(space: "ConfigSpace.ConfigurationSpace | Mapping[str, Any]") -> Space:
    """Our space of a `ConfigurationSpace`, or of the content of its JSON file, of any version.

    Raises ValueError, naming the hyperparameter, for what has no counterpart.
    """
    written: Any = getattr(space, "to_serialized_dict", None)
    content: Any = space if written is None else written()
    if content.get("forbiddens"):
        raise ValueError(
            f"the space forbids {len(content['forbiddens'])} combinations, which a space here "
            "cannot: let your function return NaN for them"
        )
    specs = {given["name"]: _stated(given) for given in content["hyperparameters"]}
    for name, when in _conditions(content.get("conditions") or []).items():
        specs[name]["when"] = when
    ordered: dict[str, Any] = {}

    def place(name: str) -> None:
        for parent in specs[name].get("when", {}):
            place(parent)
        ordered.setdefault(name, specs[name])

    for name in specs:
        place(name)
    return Space(ordered)


def _stated(given: Mapping[str, Any]) -> dict[str, Any]:
    """The statement of one hyperparameter."""
    kind = str(given["type"]).removesuffix("_hyperparameter")
    default = given.get("default_value", given.get("default"))
    known = {} if default is None else {"default": default}
    log = {"log": True} if given.get("log") else {}
    if given.get("q") is not None:
        raise ValueError(f"hyperparameter {given['name']!r} is quantised: leave out q")
    match kind:
        case "uniform_float":
            return {"type": "float", "low": given["lower"], "high": given["upper"]} | log | known
        case "uniform_int":
            return {"type": "integer", "low": given["lower"], "high": given["upper"]} | log | known
        case "categorical":
            return {"type": "categorical", "values": list(given["choices"])} | known
        case "ordinal":
            values = given.get("sequence", given.get("choices"))
            return {"type": "ordinal", "values": list(values or ())} | known
        case "constant" | "unparametrized":
            return {"type": "categorical", "values": [given["value"]]}
    raise ValueError(
        f"hyperparameter {given['name']!r} is {kind}, which has no counterpart: use a uniform one"
    )


def _conditions(given: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, list[Any]]]:
    """By child its parent, and the values of that for which it is active."""
    whens: dict[str, dict[str, list[Any]]] = {}
    for condition in given:
        child, kind = condition["child"], condition["type"]
        if kind not in ("EQ", "IN") or child in whens:
            raise ValueError(
                f"hyperparameter {child!r} has a condition {kind!r} that has no counterpart: state "
                "one parent, and the values for which it is active"
            )
        values = condition["values"] if kind == "IN" else [condition["value"]]
        whens[child] = {condition["parent"]: list(values)}
    return whens


def to_config_space(space: Space, seed: int | None = None) -> "ConfigSpace.ConfigurationSpace":
    """The same space as an object of ConfigSpace. Raises ModuleNotFoundError without it."""
    import ConfigSpace

    made = ConfigSpace.ConfigurationSpace(seed=seed)
    items = {name: _made(name, space[name]) for name in space.names}
    made.add(list(items.values()))
    for name, spec in space.specification().items():
        for parent, values in (spec.get("when") or {}).items():
            made.add(ConfigSpace.InCondition(items[name], items[parent], list(values)))
    return made


def _made(name: str, item: Hyperparameter) -> Any:
    import ConfigSpace

    known: dict[str, Any] = {} if item.default is None else {"default_value": item.default}
    match item:
        case Float() | Integer() if item.low == item.high:
            return ConfigSpace.Constant(name, item.low)
        case Float():
            kind: Any = ConfigSpace.UniformFloatHyperparameter
            return kind(name, item.low, item.high, log=item.log, **known)
        case Integer():
            kind = ConfigSpace.UniformIntegerHyperparameter
            return kind(name, item.low, item.high, log=item.log, **known)
        case Ordinal():
            return ConfigSpace.OrdinalHyperparameter(name, list(item.levels), **known)
        case Categorical():
            return ConfigSpace.CategoricalHyperparameter(name, list(item.levels), **known)
    raise ValueError(
        f"hyperparameter {name!r} is a {type(item).__name__}, which has no counterpart"
    )
