"""Writes what is made of the API's own description: ``python -m hubkiln.web.reference``.

``docs/reference/openapi.md`` for people, and ``ui/openapi.json``, of which ``npm run wire`` makes the page's types.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hubkiln.web.app import routed

OBJECTS = Path(__file__).parents[3] / "ui/openapi.json"
PAGE = Path(__file__).parents[3] / "docs/reference/openapi.md"

HEAD = """\
# Every request and answer

Made from the service's OpenAPI description by `python -m hubkiln.web.reference`; a test fails when this page is old.
[The API](api.md) explains what they are for, and how errors look. Paths are below the service's address,
`…/services/binder/`; a running service gives the description itself at `api/openapi.json`.
"""

Json = Mapping[str, Any]


def document() -> dict[str, Any]:
    """The API's description, with paths below the prefix."""
    return routed("/").openapi()


def objects(described: Json) -> str:
    """The objects of the description alone, as a file; without titles, which only say the names again."""
    schemas = {name: _untitled(about) for name, about in described["components"]["schemas"].items() if _own(name)}
    told = {"openapi": described["openapi"], "info": described["info"], "paths": {}, "components": {"schemas": schemas}}
    return json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _untitled(about: Any) -> Any:
    if isinstance(about, list):
        return [_untitled(one) for one in about]
    if not isinstance(about, dict):
        return about
    return {name: _untitled(one) for name, one in about.items() if name != "title" or not isinstance(one, str)}


def page(described: Json) -> str:
    """The whole page."""
    by_tag: dict[str, list[str]] = {}
    for path, methods in described["paths"].items():
        for method, about in methods.items():
            if method.upper() == "HEAD":
                continue
            tag = (about.get("tags") or ["other"])[0]
            by_tag.setdefault(tag, []).append(_request(method.upper(), path.lstrip("/"), about))
    parts = [f"\n## {tag.capitalize()}\n{''.join(requests)}" for tag, requests in by_tag.items()]
    models = [_model(name, about) for name, about in sorted(described["components"]["schemas"].items()) if _own(name)]
    return HEAD + "".join(parts) + "\n## Objects\n" + "".join(models)


def _own(name: str) -> bool:
    """Whether it is one of ours; FastAPI's own errors are never sent."""
    return name not in ("HTTPValidationError", "ValidationError")


def _request(method: str, path: str, about: Json) -> str:
    text = " ".join(str(about.get("description") or about.get("summary") or "").split())
    lines = [f"\n### `{method} {path or '/'}`\n\n{text}\n"]
    if parameters := about.get("parameters"):
        lines += ["\n| Parameter | Where | Form | Default |\n|---|---|---|---|\n"]
        lines += [_parameter(one) for one in parameters]
    if body := _schema(about.get("requestBody")):
        lines.append(f"\nBody: {body}.\n")
    answers = [(status, _schema(answer)) for status, answer in about.get("responses", {}).items() if status != "422"]
    lines.append("\nAnswer: " + "; ".join(f"{status} {form}".rstrip() for status, form in answers) + ".\n")
    return "".join(lines)


def _parameter(one: Json) -> str:
    default = one["schema"].get("default")
    shown = "" if default in (None, "", []) else f"`{default}`"
    name = f"`{one['name']}`" + (" (needed)" if one.get("required") else "")
    return f"| {name} | {one['in']} | {_form(one['schema'])} | {shown} |\n"


def _schema(given: Json | None) -> str:
    """The form of a body or an answer; empty where it is not described."""
    for kind, content in ((given or {}).get("content") or {}).items():
        if found := content.get("schema"):
            return _form(found)
        return f"`{kind}`"
    return ""


def _model(name: str, about: Json) -> str:
    text = " ".join(str(about.get("description", "")).split())
    head = f"\n### {name}\n\n{text}\n"
    if values := about.get("enum"):
        return head + f"\nOne of {', '.join(f'`{value}`' for value in values)}.\n"
    needed = set(about.get("required", ()))
    rows = [
        f"| `{field}` | {_form(schema)} | {'yes' if field in needed else ''} | {_said(schema)} |\n"
        for field, schema in about.get("properties", {}).items()
    ]
    return head + "\n| Field | Form | Always | |\n|---|---|---|---|\n" + "".join(rows) if rows else head


def _said(schema: Json) -> str:
    return " ".join(str(schema.get("description", "")).replace("|", "\\|").split())


def _form(schema: Json) -> str:
    if ref := schema.get("$ref"):
        name = str(ref).rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(_form(one) for one in choices))
    kind = schema.get("type")
    if kind == "array":
        return f"list of {_form(schema.get('items', {}))}"
    if kind == "object":
        inner = schema.get("additionalProperties")
        return f"object of {_form(inner)}" if isinstance(inner, Mapping) and inner else "object"
    if kind == "string" and schema.get("enum"):
        return " or ".join(f"`{value}`" for value in schema["enum"])
    return " ".join([*_bounds(schema), str(schema.get("format") or kind or "anything")])


def _bounds(schema: Json) -> Iterator[str]:
    for name, word in (("maxLength", "at most {} long"), ("minimum", "from {}"), ("maximum", "up to {}")):
        if name in schema:
            yield word.format(schema[name])


if __name__ == "__main__":
    PAGE.write_text(page(document()))
    OBJECTS.write_text(objects(document()))
