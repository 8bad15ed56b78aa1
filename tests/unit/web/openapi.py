"""The OpenAPI document as tests read it."""

from typing import Any

import jsonschema_rs

Document = dict[str, Any]


def operations(document: Document) -> dict[str, dict[str, Any]]:
    """By id, each with its `path` and `method`."""
    return {
        found["operationId"]: {**found, "path": path, "method": method}
        for path, methods in document["paths"].items()
        for method, found in methods.items()
    }


def faults(document: Document, schema: dict[str, Any], value: object) -> list[str]:
    """What of the value is not as the schema says; formats count."""
    whole = {**schema, "components": document["components"]}
    validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    return [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(value)]
