"""Reads YAML that strangers wrote: values alone, none said twice, no more of them than a person or a lock means.

What reads YAML is loaded when a file needs it: most repositories have none.
"""

from __future__ import annotations

import functools
import math
import re
from typing import Any

from hubkiln.errors import RecipeError

_MOST_VALUES = 1_000_000
"""Values of a file: as many as the largest lock has lines."""

_TWICE = "stands there twice"


def read_mapping(text: str, path: str) -> dict[str, Any]:
    """
    The mapping that `text` holds, nothing when it is empty.

    Raises:
        RecipeError: with the line in `path`.
    """
    import yaml

    try:
        value = yaml.load(text, Loader=_loader())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if error.context == "while scanning a simple key":
            mark = error.context_mark  # the key that has no colon, not where its absence was noticed
        where = f", line {mark.line + 1}" if mark else ""
        line = text[text.rfind("\n", 0, mark.index) + 1 :].partition("\n")[0] if mark else ""
        if re.match(r"---|\.\.\.", line):
            raise RecipeError(f"`{path}`{where}: a second document begins.", hint="Remove one of the two.") from error
        what = str(error.problem or error.context)
        raise RecipeError(f"`{path}`{where}: not valid YAML: {what}.", hint=_hint(line, what)) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        said = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise RecipeError(f"`{path}` is not valid YAML: {said}.", hint="Check its indentation.") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RecipeError(
            f"`{path}` should hold `key: value` lines.", hint="Put what it lists below a line `dependencies:`."
        )
    if spread(value) > _MOST_VALUES:
        raise RecipeError(
            f"`{path}` says the same things over and over by its aliases.", hint="Write out what is needed."
        )
    return value


def _hint(line: str, what: str) -> str:
    """What to do about `what` is wrong in a `line`."""
    if what.endswith(_TWICE):
        return "Keep one of the two, with what stands below both."
    if re.match(r"[ -]*\t", line):
        return "Indent with spaces: YAML takes no tabs."
    return "Check its indentation, and put quotation marks around what holds `: `, or begins with a sign."


class Lines:
    """Where in `text`, which :func:`read_mapping` took, its values stand."""

    def __init__(self, text: str, path: str) -> None:
        self._text = text
        self._path = path

    def of(self, *keys: str | int) -> str:
        """The file and the line of the value that `keys` lead to, as a sentence begins with them."""
        return f"`{self._path}`, line {self.line(*keys)}"

    def line(self, *keys: str | int) -> int:
        """The line; of the innermost that is written there, where the value itself is taken over from elsewhere."""
        import yaml

        node, line = self._top, 1
        for key in keys:
            if isinstance(node, yaml.SequenceNode) and isinstance(key, int):
                node = node.value[key]
                line = node.start_mark.line + 1
                continue
            pairs = node.value if isinstance(node, yaml.MappingNode) else []
            pair = next((pair for pair in pairs if pair[0].value == str(key)), None)
            if pair is None:
                return line
            line, node = pair[0].start_mark.line + 1, pair[1]
        return line

    @functools.cached_property
    def _top(self) -> Any:
        import yaml

        return yaml.compose(self._text, Loader=_loader())


@functools.cache
def _loader() -> Any:
    """Loads values alone, and refuses a mapping that says one thing twice: the first would be lost in silence."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    def construct_mapping(self: Any, node: Any, deep: bool = False) -> Any:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        problem=f"`{key.value[:40]}` {_TWICE}", problem_mark=key.start_mark
                    )
                seen.add(key.value)
        return loader.construct_mapping(self, node, deep)

    return type("Once", (loader,), {"construct_mapping": construct_mapping})


def spread(value: object) -> float:
    """How many values `value` holds once its aliases are written out; infinite where it holds itself."""
    counts: dict[int, float] = {}
    entered: set[int] = set()
    waiting = [value]
    while waiting:
        here = waiting[-1]
        inner = _inner(here)
        if id(here) not in entered and id(here) not in counts:
            entered.add(id(here))
            if any(id(one) in entered for one in inner):
                return math.inf
            waiting += [one for one in inner if id(one) not in counts]
        else:
            waiting.pop()
            entered.discard(id(here))
            counts[id(here)] = counts.get(id(here)) or 1 + sum(counts.get(id(one), 1) for one in inner)
    return counts[id(value)]


def _inner(value: object) -> list[object]:
    """The lists and mappings directly in `value`; the rest counts as one value each."""
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    return list(value) if isinstance(value, list | tuple | set) else []
