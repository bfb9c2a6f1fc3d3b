"""The subset of JSON schema that the API compiles for strict tools and for constrained text.

Source: platform.claude.com, "Structured outputs", JSON Schema limitations and schema complexity limits.
"""

from collections.abc import Mapping
from typing import Any

from tests.fakes.anthropic.errors import ApiError

TYPES = frozenset({"object", "array", "string", "integer", "number", "boolean", "null"})
FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
SUPPORTED = frozenset(
    {
        "type",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "minItems",
        "enum",
        "const",
        "anyOf",
        "allOf",
        "$ref",
        "$defs",
        "definitions",
        "default",
        "description",
        "title",
        "format",
        "pattern",
        "$schema",
    }
)
MAX_OPTIONAL, MAX_UNIONS = 24, 16


class Complexity:
    """Of all schemas of one request together."""

    def __init__(self) -> None:
        self.optional = 0
        self.unions = 0

    def check(self, schema: Any, at: str) -> None:
        if not isinstance(schema, Mapping) or schema.get("type") != "object":
            raise ApiError(f'{at}.type: Input should be "object"')
        self._check(schema, at, schema, ())
        if self.optional > MAX_OPTIONAL:
            raise ApiError(
                f"Schemas contain too many optional parameters ({self.optional}), which would make grammar compilation inefficient."
            )
        if self.unions > MAX_UNIONS:
            raise ApiError(f"Schemas contain too many parameters with union types ({self.unions}).")

    def _check(self, schema: Any, at: str, root: Mapping[str, Any], refs: tuple[str, ...]) -> None:
        if not isinstance(schema, Mapping):
            raise ApiError(f"{at}: Input should be a valid dictionary")
        for key in schema:
            if key not in SUPPORTED:
                raise ApiError(f"{at}: For '{schema.get('type', 'schema')}' type, property '{key}' is not supported")
        types = schema.get("type")
        if isinstance(types, list) or "anyOf" in schema:
            self.unions += 1
        for one in types if isinstance(types, list) else [types] if types is not None else []:
            if one not in TYPES:
                raise ApiError(f"{at}.type: {one!r} is no type")
        if types is None and not {"enum", "const", "anyOf", "allOf", "$ref"} & schema.keys():
            raise ApiError(f"{at}: Schema must have a 'type'")
        if types == "object" or "properties" in schema:
            self._object(schema, at, root, refs)
        if "items" in schema:
            self._check(schema["items"], f"{at}.items", root, refs)
        if schema.get("minItems", 0) not in (0, 1):
            raise ApiError(f"{at}: For 'array' type, 'minItems' values other than 0 or 1 are not supported")
        for value in schema.get("enum", ()):
            if isinstance(value, (list, Mapping)):
                raise ApiError(f"{at}.enum: complex types in enums are not supported")
        if "format" in schema and schema["format"] not in FORMATS:
            raise ApiError(f"{at}: format {schema['format']!r} is not supported")
        for name in ("anyOf", "allOf"):
            for number, one in enumerate(schema.get(name, ())):
                self._check(one, f"{at}.{name}.{number}", root, refs)
        for name in ("$defs", "definitions"):
            for key, one in schema.get(name, {}).items():
                self._check(one, f"{at}.{name}.{key}", root, (*refs, f"#/{name}/{key}"))
        if "$ref" in schema:
            self._reference(schema["$ref"], at, root, refs)

    def _object(self, schema: Mapping[str, Any], at: str, root: Mapping[str, Any], refs: tuple[str, ...]) -> None:
        if schema.get("additionalProperties") is not False:
            raise ApiError(f"{at}: For 'object' type, 'additionalProperties' must be explicitly set to false")
        properties, required = schema.get("properties", {}), schema.get("required", [])
        if unknown := [name for name in required if name not in properties]:
            raise ApiError(f"{at}.required: {unknown[0]!r} is no property")
        self.optional += len(properties) - len(required)
        for name, one in properties.items():
            self._check(one, f"{at}.properties.{name}", root, refs)

    def _reference(self, ref: Any, at: str, root: Mapping[str, Any], refs: tuple[str, ...]) -> None:
        if not isinstance(ref, str) or not ref.startswith("#/"):
            raise ApiError(f"{at}.$ref: external references are not supported")
        if ref in refs:
            raise ApiError(f"{at}.$ref: recursive schemas are not supported")
        found: Any = root
        for part in ref[2:].split("/"):
            found = found.get(part) if isinstance(found, Mapping) else None
        if found is None:
            raise ApiError(f"{at}.$ref: {ref!r} leads nowhere")
