"""What is turned away before anybody looks at a field."""

import io
import json

import pytest

from tests.unit.web.api import Api, a_job, code, faults
from web.body import parse, parse_object
from web.problems import Problem


def detail(raw: bytes, *, depth_max: int = 32) -> str:
    with pytest.raises(Problem) as raised:
        parse_object(raw, depth_max=depth_max)
    assert raised.value.code == "invalid_json"
    return raised.value.detail


def test_a_body_announced_as_too_large_is_413_and_not_read(api: Api) -> None:
    unread = io.BytesIO(b"{}")
    announced = {"CONTENT_LENGTH": "15000001", "CONTENT_TYPE": "application/json"}
    response = api.send(None, input_stream=unread, environ_overrides=announced)
    assert code(response) == (413, "body_too_large")
    assert unread.tell() == 0


def test_a_body_that_grows_too_large_in_chunks_is_413(api: Api) -> None:
    endless = io.BytesIO(b" " * 15_000_001)
    chunked = {
        "wsgi.input_terminated": True,
        "HTTP_TRANSFER_ENCODING": "chunked",
        "CONTENT_TYPE": "application/json",
    }
    response = api.send(None, input_stream=endless, environ_overrides=chunked)
    assert code(response) == (413, "body_too_large")


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/xml"]
)
def test_a_body_that_is_not_called_json_is_415(api: Api, content_type: str | None) -> None:
    response = api.send(None, data=json.dumps(a_job()), content_type=content_type)
    assert code(response) == (415, "unsupported_media_type")


def test_a_charset_beside_the_content_type_does_not_matter(api: Api) -> None:
    response = api.send(None, data=b"[]", content_type="application/json; charset=utf-8")
    assert code(response) == (400, "invalid_json")


def test_too_large_is_told_before_the_wrong_type(api: Api) -> None:
    response = api.send(None, data=b"x" * 15_000_001, content_type="text/plain")
    assert code(response) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("raw", "advice"),
    [
        (b"", "stops being JSON at line 1, column 1"),
        (b'{"a": 1', "stops being JSON at line 1"),
        (b"[1]", "send one JSON object"),
        (b"null", "send one JSON object"),
        (b'{"a": NaN}', "NaN is no JSON"),
        (b'{"a": -Infinity}', "-Infinity is no JSON"),
        (b'{"a": "\xff"}', "UTF-8"),
        # Half of a surrogate pair and NUL, as they are.
        (b'{"a": "\xed\xa0\x80"}', "UTF-8"),
        (b'{"a": ' + b"9" * 5000 + b"}", "digits"),
        (b'{"a": "\x00"}', "stops being JSON"),
    ],
)
def test_what_is_no_json_object_is_told_what_to_do(raw: bytes, advice: str) -> None:
    assert advice in detail(raw)


def test_nesting_is_allowed_to_the_limit_and_not_one_deeper() -> None:
    assert parse(b"[[[]]]", depth_max=3) == [[[]]]
    assert "at most 3 deep" in detail(b'{"a":[[[]]]}', depth_max=3)
    with pytest.raises(Problem):
        parse(b"[[[[]]]]", depth_max=3)
    assert "at most 3 deep" in detail(b'{"a":{"b":{"c":{}}}}', depth_max=3)


def test_brackets_inside_of_text_nest_nothing() -> None:
    assert parse_object(b'{"a": "{[{[{["}', depth_max=1) == {"a": "{[{[{["}
    assert parse(b'["{[{[{["]', depth_max=1) == ["{[{[{["]


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_nesting_beyond_the_parser_is_refused_like_any_other(opening: bytes) -> None:
    assert "deep" in detail(opening * 200_000) or "stops being JSON" in detail(opening * 200_000)


@pytest.mark.parametrize("text", ["\\u0000", "\\ud800", "\\udc00 x", "a\\u0000b"])
def test_text_that_postgres_cannot_hold_is_named_by_its_field(api: Api, text: str) -> None:
    response = api.send(None, data=f'{{"metadata": {{"order": "{text}"}}}}', content_type="application/json")
    assert code(response) == (400, "invalid_json")
    assert list(faults(response)) == ["metadata.order"]


def test_an_unstorable_key_is_not_shown_back(api: Api) -> None:
    response = api.send(
        None, data='{"metadata": {"a\\u0000b": {"x": "\\u0000"}}}', content_type="application/json"
    )
    assert list(faults(response)) == ["metadata", "metadata.?.x"]


def test_both_halves_of_a_surrogate_pair_are_one_character() -> None:
    assert parse_object(b'{"a": "\\ud83d\\ude00"}', depth_max=3) == {"a": "\U0001f600"}


@pytest.mark.parametrize(("raw", "number"), [(b"7.0", 7), (b"-0.0", 0), (b"1.5e1", 15), (b"2e3", 2000)])
def test_a_whole_number_is_one_however_it_is_written(raw: bytes, number: int) -> None:
    read = parse(raw, depth_max=3)
    assert (read, type(read)) == (number, int)


@pytest.mark.parametrize("raw", [b"7.5", b"1e-3", b"1e400"])
def test_what_is_no_whole_number_stays_as_it_is(raw: bytes) -> None:
    assert parse(raw, depth_max=3) == float(raw)


def test_a_page_may_be_asked_for_in_numbers_of_any_language(api: Api) -> None:
    asked = b'{"paginate": {"index": 0.0, "size": 5e1}, "filter": {"locator": "createdAt", "ge": 1.0}}'
    assert api.post("/configuration/query", data=asked, content_type="application/json").status_code == 200


def test_of_a_key_given_twice_the_last_one_counts() -> None:
    assert parse_object(b'{"a": 1, "a": 2}', depth_max=3) == {"a": 2}
