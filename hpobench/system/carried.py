"""Objects that no module holds: functions and classes of a notebook, or of a program that runs.

Each that is carried has a dotted path all the same, `hpobench.system.carried.NAME_DIGEST`, so that
settings name it as they name any other. The digest is of its code and of what that uses, so that a
cell that is run again unchanged is the same, and one that was changed is not. The object itself
travels by cloudpickle, as joblib has it: whoever unpickles a `Carried` finds it at its path.
No file holds one.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from hpobench.system.dotted import locate

_KINDS = re.compile(r"\w+_[0-9a-f]{12}")
_OF_CLASSES = {"__dict__", "__weakref__", "__module__", "__doc__", "__firstlineno__"}
_OF_CLASSES |= {"__static_attributes__", "__annotate__", "__annotations__", "__qualname__"}

_carried: "dict[str, Carried]" = {}


@dataclass(frozen=True)
class Carried:
    """One object: `name` is the last part of its path."""

    name: str
    payload: bytes = field(repr=False, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (self.name, self.payload)

    @property
    def path(self) -> str:
        """The dotted path by which settings name it."""
        return f"{__name__}.{self.name}"


def carry(thing: Any, name: str, code: Callable[[list[str]], str] = lambda _: "") -> Carried:
    """What makes an object known by a path, here and wherever it is unpickled.

    `code`: gives a digest of the user's files behind dotted paths, of what the object uses from
    modules. Raises ValueError if the object cannot be pickled.
    """
    import cloudpickle

    try:
        payload = cloudpickle.dumps(thing)
        pieces = list(_pieces(thing, {}))
    except Exception as error:
        raise ValueError(
            f"{name} cannot be sent to other processes ({' '.join(str(error).split())}): put it "
            "into a module, a .py file, and import it from there"
        ) from error
    used = [piece.removeprefix(_FROM) for piece in pieces if piece.startswith(_FROM)]
    paths = [path if "." in path else f"{path}.__name__" for path in used]
    content = "\0".join([code(paths), *pieces]).encode(errors="surrogateescape")
    mark = hashlib.blake2b(content, digest_size=6).hexdigest()
    plain = re.sub(r"[^0-9A-Za-z_]|^(?=[0-9])", "_", name)
    made = Carried(f"{plain}_{mark}", payload)
    _carried[made.name] = made
    _objects[made.name] = thing
    return made


_objects: dict[str, Any] = {}


def _arrived(name: str, payload: bytes) -> Carried:
    return _carried.setdefault(name, Carried(name, payload))


def __getattr__(name: str) -> Any:
    if not _KINDS.fullmatch(name):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name not in _carried:
        raise ValueError(
            f"{name.rpartition('_')[0]!r} was defined in a notebook or a program, and is stored "
            "nowhere: define it again and give it to hpobench.run"
        )
    if name not in _objects:
        import cloudpickle

        _objects[name] = cloudpickle.loads(_carried[name].payload)
    return _objects[name]


def within(settings: Any) -> "tuple[Carried, ...]":
    """What settings name of it, in the order in which they do."""
    found: dict[str, Carried] = {}
    for text in _texts(settings):
        name = text.removeprefix(f"{__name__}.")
        if name != text and name in _carried:
            found[name] = _carried[name]
    return tuple(found.values())


def is_named(settings: Any) -> bool:
    """Whether settings name any, known here or not."""
    return any(text.startswith(f"{__name__}.") for text in _texts(settings))


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        node = list(node.values())
    if isinstance(node, list | tuple):
        for item in node:
            yield from _texts(item)
    elif isinstance(node, str):
        yield node


def path_of(thing: Any) -> str | None:
    """The dotted path at which other processes find a function or class; None: at none."""
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    if not module or not name or module == "__main__" or "<" in name:
        return None
    try:
        return f"{module}.{name}" if locate(f"{module}.{name}") is thing else None
    except (ValueError, ImportError):
        return None


_FROM = "from "


def _pieces(thing: Any, seen: dict[int, int]) -> Iterator[str]:
    """Texts that say what an object is: the same in every process, whatever its addresses."""
    if id(thing) in seen:
        yield f"as {seen[id(thing)]}"
        return
    seen[id(thing)] = len(seen)
    if isinstance(thing, ModuleType):
        yield f"{_FROM}{thing.__name__}"
    elif isinstance(thing, FunctionType | type | BuiltinFunctionType):
        path = path_of(thing)
        if path is not None:
            yield f"{_FROM}{path}"
        elif isinstance(thing, FunctionType):
            yield from _of_function(thing, seen)
        else:
            yield from _of_class(thing, seen)
    elif isinstance(thing, MethodType):
        yield from _each([thing.__func__, thing.__self__], seen)
    elif isinstance(thing, partial):
        yield from _each([thing.func, thing.args, thing.keywords], seen)
    elif isinstance(thing, classmethod | staticmethod | property):
        parts = ("__func__", "fget", "fset", "fdel")
        yield from _each([getattr(thing, part, None) for part in parts], seen)
    elif isinstance(thing, Mapping):
        for key in sorted(thing, key=repr):
            yield repr(key)
            yield from _pieces(thing[key], seen)
    elif isinstance(thing, list | tuple):
        yield type(thing).__name__
        yield from _each(thing, seen)
    elif isinstance(thing, set | frozenset):
        yield from sorted(map(repr, thing))
    elif isinstance(thing, str | bytes | int | float | complex | bool | None):
        yield repr(thing)
    else:
        yield from _of_instance(thing, seen)


def _each(things: Any, seen: dict[int, int]) -> Iterator[str]:
    for thing in things:
        yield from _pieces(thing, seen)


def _of_function(function: FunctionType, seen: dict[int, int]) -> Iterator[str]:
    """Its code, defaults, and what it uses: of enclosing functions, and of its module."""
    yield "function"
    yield from _of_code(function.__code__)
    yield from _each([function.__defaults__, function.__kwdefaults__], seen)
    for cell in function.__closure__ or ():
        try:
            yield from _pieces(cell.cell_contents, seen)
        except ValueError:  # it is empty
            yield "nothing yet"
    for name in sorted(_names(function.__code__) & function.__globals__.keys()):
        yield name
        yield from _pieces(function.__globals__[name], seen)


def _names(code: CodeType) -> set[str]:
    """The names of globals and attributes that code uses, that of functions within it too."""
    inner = [const for const in code.co_consts if isinstance(const, CodeType)]
    return set(code.co_names).union(*map(_names, inner))


def _of_code(code: CodeType) -> Iterator[str]:
    """What a code object does, wherever it stands."""
    yield code.co_code.hex()
    yield repr((code.co_names, code.co_varnames, code.co_freevars, code.co_argcount))
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from _of_code(const)
        else:
            yield repr(sorted(map(repr, const)) if isinstance(const, frozenset) else const)


def _of_class(kind: Any, seen: dict[int, int]) -> Iterator[str]:
    yield f"class {kind.__name__}"
    yield from _each(kind.__bases__, seen)
    for name, value in sorted(vars(kind).items()):
        if name not in _OF_CLASSES:
            yield name
            yield from _pieces(value, seen)


def _of_instance(thing: Any, seen: dict[int, int]) -> Iterator[str]:
    """Its class and, if joblib cannot hash it, its attributes."""
    import joblib

    yield from _pieces(type(thing), seen)
    if path_of(type(thing)) is not None:
        try:
            yield str(joblib.hash(thing))
            return
        except Exception:  # it holds what cannot be pickled by name
            if not hasattr(thing, "__dict__"):
                raise
    yield from _pieces(vars(thing), seen)
