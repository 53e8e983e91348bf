"""The stored plan of a study and that of a call: what the call would add, and what it would hide.

Call and study agree on a pair (task, method) if its fingerprints are equal, and on a task if its
conditions are: all settings but the method's. What they do not agree on cannot stand in one study,
since it does not compare.

    begins      there is no study of that name
    continues   all that the call asks for is in the plan: it runs what is missing
    extends     pairs or seeds are new, and nothing stored disagrees: only if asked to
    replaces    stored pairs would be hidden, as they disagree: only if asked to
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hpobench.identity import RunKey
from hpobench.words import seeds_in_words

Plan = dict[str, Any]
Entry = Mapping[str, Any]
"""One pair of a plan: task, method, fingerprint, conditions, seeds."""

MOST_NAMED = 4
_OWN = ("task", "method")


@dataclass(frozen=True)
class Change:
    """What a call does to the stored plan: the pairs, with the seeds, that it adds and hides.

    `reasons`: the settings in which the call differs from what it would hide.
    """

    begins: bool
    added: tuple[Entry, ...] = ()
    hidden: tuple[Entry, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """One of begins, continues, extends, replaces."""
        if self.begins:
            return "begins"
        if self.hidden:
            return "replaces"
        return "extends" if self.added else "continues"

    def in_words(self) -> str:
        """What it does to the study, as a clause without a subject."""
        words = {
            "begins": "begins a study",
            "continues": "continues the study: all it asks for is in the plan",
            "extends": f"adds to the study {listed(self.added)}",
            "replaces": f"hides {listed(self.hidden)} ({'; '.join(self.reasons)})",
        }
        return words[self.kind]


def listed(pairs: Iterable[Entry]) -> str:
    """Pairs with their seeds, the first few by name."""
    pairs = list(pairs)
    named = [
        f"{p['method']} on {p['task']}, {seeds_in_words(p['seeds'])}" for p in pairs[:MOST_NAMED]
    ]
    if len(pairs) > MOST_NAMED:
        rest = pairs[MOST_NAMED:]
        total = sum(len(pair["seeds"]) for pair in rest)
        named.append(f"and {len(rest)} more pairs of task and method with {total} runs")
    return "; ".join(named)


def compare(stored: Plan | None, plan: Plan, reasons: Iterable[str] = ()) -> Change:
    """What `plan` would do to the stored one; `reasons` are what is known of their difference."""
    if stored is None:
        return Change(True, added=tuple(plan["pairs"]))
    stays = _agreeing(stored, plan)
    hidden = tuple(pair for pair in stored["pairs"] if pair not in stays)
    have: dict[tuple[str, str, str], set[int]] = {}
    for pair in stays:
        have.setdefault(_identity(pair), set()).update(pair["seeds"])
    missing = [
        {**pair, "seeds": [n for n in pair["seeds"] if n not in have.get(_identity(pair), ())]}
        for pair in plan["pairs"]
    ]
    added = tuple(pair for pair in missing if pair["seeds"])
    return Change(False, added, hidden, tuple(reasons) or ("its settings differ",))


def merge(stored: Plan | None, plan: Plan) -> Plan:
    """The plan with the pairs and seeds of the stored one that agree with it.

    What does not agree stays on disk, out of sight.
    """
    if stored is None:
        return plan
    merged = {(pair["task"], pair["method"]): pair for pair in plan["pairs"]}
    stays = _agreeing(stored, plan)
    for pair in stays:
        current = merged.setdefault((pair["task"], pair["method"]), pair)
        seeds = sorted({*current["seeds"], *pair["seeds"]})
        merged[pair["task"], pair["method"]] = {**current, "seeds": seeds}
    names = {group: {key[i] for key in merged} for i, group in enumerate(("tasks", "methods"))}
    facts = {
        group: {
            name: known
            for name, known in (stored[group] | plan[group]).items()
            if name in names[group]
        }
        for group in names
    }
    merged_plan = plan | facts | {"pairs": list(merged.values())}
    rule = stored.get("settings", {}).get("decide")
    if rule and stays:  # how seeds were found stays known, whatever is added
        merged_plan["settings"] = {"decide": rule} | plan["settings"]
    return merged_plan


def _agreeing(stored: Plan, plan: Plan) -> list[Entry]:
    """The stored pairs that may stand beside those of the plan."""
    if stored["shared"] != plan["shared"]:
        return []
    conditions = {pair["task"]: pair["conditions"] for pair in plan["pairs"]}
    prints = {(pair["task"], pair["method"]): pair["fingerprint"] for pair in plan["pairs"]}
    return [
        pair
        for pair in stored["pairs"]
        if conditions.get(pair["task"], pair["conditions"]) == pair["conditions"]
        and prints.get((pair["task"], pair["method"]), pair["fingerprint"]) == pair["fingerprint"]
    ]


def _identity(pair: Entry) -> tuple[str, str, str]:
    return pair["task"], pair["method"], pair["fingerprint"]


def unplanned(stored: Iterable[RunKey], plan: Plan) -> list[Entry]:
    """The stored runs that no pair of the plan names, as pairs with their seeds."""
    planned = {(*_identity(pair), seed) for pair in plan["pairs"] for seed in pair["seeds"]}
    seeds: dict[tuple[str, str, str], list[int]] = {}
    for key in stored:
        identity = (key.task, key.method, key.fingerprint)
        if (*identity, key.seed) not in planned:
            seeds.setdefault(identity, []).append(key.seed)
    return [
        {"task": task, "method": method, "fingerprint": fingerprint, "seeds": sorted(numbers)}
        for (task, method, fingerprint), numbers in seeds.items()
    ]


def adopt(stored: Iterable[RunKey], plan: Plan) -> Plan:
    """The plan with all seeds that are stored under the fingerprints of its pairs."""
    lost = {_identity(pair): pair["seeds"] for pair in unplanned(stored, plan)}
    pairs = [
        {**pair, "seeds": sorted({*pair["seeds"], *lost.get(_identity(pair), ())})}
        for pair in plan["pairs"]
    ]
    return plan | {"pairs": pairs}


def differences(stored: Mapping[str, Any], settings: Mapping[str, Any]) -> list[str]:
    """The settings, by dotted name, that are not the same in a call as in the study."""
    there, here = _flat(stored), _flat(settings)
    return [
        f"{name} is {here.get(name)!r} in this call and {there.get(name)!r} in the study"
        for name in dict.fromkeys([*here, *there])
        if here.get(name) != there.get(name)
    ]


def changed_code(hidden: Iterable[Entry], plan: Plan) -> list[str]:
    """The plan's tasks and methods whose own code is not what it was when hidden pairs were run."""
    now = {(group, pair[group]): pair["code"][group] for pair in plan["pairs"] for group in _OWN}
    words: dict[str, None] = {}
    for pair in hidden:
        for group in _OWN:
            if (group, pair[group]) not in now:
                continue
            code = now[group, pair[group]]
            if "code" not in pair and code:
                words[f"the code of {group} {pair[group]} was not noted when it was run"] = None
            elif code != pair.get("code", {}).get(group, code):
                words[f"the code of {group} {pair[group]} has changed"] = None
    return list(words)


def _flat(node: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in node.items():
        below = isinstance(value, Mapping) and value
        flat |= _flat(value, f"{prefix}{name}.") if below else {f"{prefix}{name}": value}
    return flat
