"""YAML as people write settings in it: YAML 1.2's numbers, and nothing changed without a word.

Unlike PyYAML's own rules: `1e-3` is a number; `007` and `12:30` are texts, not 7 and 750; keys are
texts as written (`31:`, `no:`); dates are texts. `[l1, no]` is an error: YAML takes `no` for false.
"""

import re
from collections import Counter
from typing import Any

import yaml

_TAG = "tag:yaml.org,2002:"
_FLOAT = re.compile(
    r"""^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?
        |[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+
        |[-+]?\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?
        |[-+]?\.(?:inf|Inf|INF)
        |\.(?:nan|NaN|NAN))$""",
    re.VERBOSE,
)
# YAML 1.2, as JSON, takes these for letters, PyYAML for ends of lines: others stand in for them.
_BREAKS = {0x85: 0xF8F0, 0x2028: 0xF8F1, 0x2029: 0xF8F2}
_LETTERS = {letter: stand_in for stand_in, letter in _BREAKS.items()}
_INTEGER = re.compile(r"^[-+]?(?:0|[1-9][0-9_]*|0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+)$")


def parse(text: str, place: str) -> Any:
    """What a YAML text says; raises ValueError, naming `place` and the line, if it is none."""
    return _load(text, place, _Loader)


def texts(text: str, place: str) -> Any:
    """The same with every scalar as the text that was written, `null` and `1e3` too."""
    return _load(text, place, yaml.BaseLoader)


def _load(text: str, place: str, kind: type[Any]) -> Any:
    try:
        loader = kind(text.translate(_BREAKS))
        loader.name = place
        return loader.get_single_data()
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ValueError(f"{place} is not valid YAML: {error}") from error


class _Loader(yaml.SafeLoader):
    """The rules above; those of mappings and lists are checked on what is written."""

    def compose_scalar_node(self, anchor: Any) -> yaml.ScalarNode:
        node = super().compose_scalar_node(anchor)
        if not node.value.isascii():
            node.value = node.value.translate(_LETTERS)
            try:  # JSON writes letters beyond 65535 as two escapes
                node.value = node.value.encode("utf-16", "surrogatepass").decode("utf-16")
            except UnicodeDecodeError:
                raise _marked("half a letter: write both escapes of it", node) from None
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _marked("a key must be a text", key)
        counts = Counter(key.value for key, _ in node.value)
        for key, _ in node.value:
            if counts[key.value] > 1 and key.tag != f"{_TAG}merge":
                raise _marked(f"the key {key.value!r} is there twice", key)
            if key.tag != f"{_TAG}merge":
                key.tag = f"{_TAG}str"
        return node

    def compose_sequence_node(self, anchor: Any) -> yaml.SequenceNode:
        node = super().compose_sequence_node(anchor)
        tags = {item.tag for item in node.value}
        for item in node.value:
            words = item.tag == f"{_TAG}bool" and item.value.lower() not in ("true", "false")
            if words and f"{_TAG}str" in tags:
                value = item.value.lower() in ("yes", "on")
                raise _marked(
                    f"{item.value!r} is among texts, but YAML reads it as {str(value).lower()}: "
                    f"put it in quotes, '{item.value}', or write {str(value).lower()}",
                    item,
                )
        return node


def _marked(problem: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


def _written(_loader: Any, node: Any) -> str:
    return str(node.value)


def _set_rules() -> None:
    replaced = {f"{_TAG}{kind}" for kind in ("float", "int", "timestamp", "value")}
    _Loader.yaml_implicit_resolvers = {
        first: [(tag, rule) for tag, rule in rules if tag not in replaced]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    for tag, rule in ((f"{_TAG}float", _FLOAT), (f"{_TAG}int", _INTEGER)):
        _Loader.add_implicit_resolver(tag, rule, list("-+0123456789."))
    # `<<` where it is a value.
    _Loader.add_constructor(f"{_TAG}merge", _written)


_set_rules()
