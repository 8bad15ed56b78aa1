"""The OpenAPI 3.1 document, written from the routes themselves: what `web.operation` says of each, and its models."""

from web.openapi.document import API_VERSION, document

__all__ = ["API_VERSION", "document"]
