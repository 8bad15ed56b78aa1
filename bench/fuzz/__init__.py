"""Requests that nobody wrote down: made from the OpenAPI document, right and wrong ones, sent to the running app."""
