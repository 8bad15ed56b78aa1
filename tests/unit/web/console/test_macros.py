"""The parts that pages are made of."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import g, render_template_string

from shared.domain.job import JobStatus
from shared.domain.lifecycle import Administrative, Operational
from tests.fakes.clock import MONDAY_MORNING
from tests.unit.web.console.browser import Browser
from web.console.session import Operator, Role
from web.console.wording import ago, duration, lasted

OLGA = Operator("Olga", Role.OPERATOR, "f00")
RITA = Operator("Rita", Role.READER, "f00")
IMPORT = '{% import "console/_macros.html" as ui with context %}'


def made(browser: Browser, source: str, *, operator: Operator = OLGA, **values: Any) -> str:
    with browser.app.test_request_context("/console"):
        g.operator = operator
        return render_template_string(IMPORT + source, now=MONDAY_MORNING, operator=operator, **values)


def before(**length: float) -> Any:
    return MONDAY_MORNING - timedelta(**length)


@pytest.mark.parametrize(
    ("macro", "states"),
    [
        ("badge_operational", Operational),
        ("badge_administrative", Administrative),
        ("badge_job", JobStatus),
    ],
)
def test_every_state_has_a_word_and_a_sign_of_its_own(stranger: Browser, macro: str, states: Any) -> None:
    badges = {state: made(stranger, f"{{{{ ui.{macro}(state) }}}}", state=state) for state in states}
    for state, badge in badges.items():
        assert badge.endswith(f"</span>{state.value}</span>")
        assert 'aria-hidden="true"' in badge
    signs = {re.sub(r".*(<svg.*</svg>).*", r"\1", badge, flags=re.DOTALL) for badge in badges.values()}
    assert len(signs) == len(states)
    assert all(re.search(r"<(path|circle|rect) ", sign) for sign in signs)


def test_the_two_axes_can_be_told_apart_by_ear(stranger: Browser) -> None:
    both = made(stranger, "{{ ui.badge_operational('OK') }}{{ ui.badge_administrative('LOCKED') }}")
    assert re.findall(r'visually-hidden">(\w+): ', both) == ["Operational", "Administrative"]


@pytest.mark.parametrize(
    ("length", "said"),
    [
        ({"milliseconds": 300}, "now"),
        ({"seconds": 12}, "12 s ago"),
        ({"seconds": 90}, "1 min 30 s ago"),
        ({"minutes": 5, "seconds": 59}, "5 min ago"),
        ({"hours": 3, "minutes": 5}, "3 h 5 min ago"),
        ({"hours": 3}, "3 h ago"),
        ({"days": 40, "hours": 2, "minutes": 3}, "40 d 2 h ago"),
        ({"seconds": -90}, "in 1 min 30 s"),
    ],
)
def test_a_moment_is_said_as_people_do(length: dict[str, float], said: str) -> None:
    assert ago(before(**length), MONDAY_MORNING) == said


def test_a_length_is_never_negative() -> None:
    assert duration(timedelta(seconds=-3)) == "0 s"


@pytest.mark.parametrize(
    ("length", "said"),
    [
        ({"milliseconds": -3}, "0 ms"),
        ({"microseconds": 41_600}, "42 ms"),
        ({"seconds": 1.25}, "1.2 s"),
        ({"seconds": 59.9}, "59.9 s"),
        ({"seconds": 90}, "1 min 30 s"),
    ],
)
def test_what_is_over_lasted_so_long(length: dict[str, float], said: str) -> None:
    assert lasted(timedelta(**length)) == said


def test_a_moment_is_relative_absolute_and_for_machines(stranger: Browser) -> None:
    moment = made(stranger, "{{ ui.moment(at) }}", at=before(minutes=7))
    assert 'datetime="2026-11-02T08:53:00.000+00:00"' in moment
    assert "7 min ago" in moment
    assert "2026-11-02 08:53:00 UTC" in moment
    assert "never" in made(stranger, "{{ ui.moment(None) }}")


def test_a_table_has_a_caption_heads_with_scope_and_can_be_scrolled_by_keyboard(stranger: Browser) -> None:
    source = (
        '{% call(row) ui.table("All jobs", ["Job", "#Attempts"], rows) %}'
        '<th scope="row">{{ row[0] }}</th><td class="number">{{ row[1] }}</td>{% endcall %}'
    )
    table = made(stranger, source, rows=[("<b>", 1), ("two", 2)])
    assert '<caption class="caption-top">All jobs</caption>' in table
    assert '<th scope="col">Job</th><th scope="col" class="number">Attempts</th>' in table
    assert 'role="region" tabindex="0" aria-label="All jobs"' in table
    assert table.count('<th scope="row">') == 2
    assert "&lt;b&gt;" in table
    assert "<table" not in made(stranger, source, rows=[])
    assert "There is nothing here." in made(stranger, source, rows=[])


def test_what_is_old_is_called_stale_and_what_is_not_is_not(stranger: Browser) -> None:
    source = "{{ ui.stale(at, 60, 'The list') }}"
    assert made(stranger, source, at=before(seconds=60)).strip() == ""
    assert "The list is stale: 1 min 1 s ago" in made(stranger, source, at=before(seconds=61))
    assert "The list was never told" in made(stranger, source, at=None)


def test_a_timeline_is_a_list_of_moments_and_what_was_said(stranger: Browser) -> None:
    entries = [
        {"at": before(minutes=1), "title": "lock", "author": "Olga", "text": "two\nlines <i>"},
        {"at": before(minutes=9), "title": "created"},
    ]
    line = made(stranger, "{{ ui.timeline(entries) }}", entries=entries)
    assert line.count("<li") == 2
    assert "<strong>lock</strong> by Olga" in line
    assert "two\nlines &lt;i&gt;" in line


def test_a_timeline_shows_what_its_page_adds_to_each_entry(stranger: Browser) -> None:
    entries = [{"at": before(minutes=1), "title": "told", "raw": "<b>"}]
    source = "{% call(entry) ui.timeline(entries) %}<pre>{{ entry.raw }}</pre>{% endcall %}"
    assert "<pre>&lt;b&gt;</pre>" in made(stranger, source, entries=entries)


FIELD = "{{ ui.field('slug', 'Slug', value, fault, 'For ever.', required=True) }}"


def test_a_field_has_its_label_and_says_what_has_to_be_mended(stranger: Browser) -> None:
    field = made(stranger, FIELD, value='"><b>', fault="use <small> letters")
    label = re.search('<label[^>]* for="([^"]+)"', field)
    shown = re.search(r'<input[^>]* id="([^"]+)"[^>]*>', field)
    assert label is not None
    assert shown is not None
    assert label[1] == shown[1]
    assert 'value="&#34;&gt;&lt;b&gt;"' in shown[0]
    assert 'aria-describedby="field-slug-help field-slug-fault" aria-invalid="true" required' in shown[0]
    assert 'id="field-slug-fault">use &lt;small&gt; letters' in field
    assert 'id="field-slug-help">For ever.' in field


def test_a_field_that_is_right_is_not_called_wrong(stranger: Browser) -> None:
    field = made(stranger, FIELD, value="acme", fault="")
    assert "invalid" not in field
    assert 'aria-describedby="field-slug-help"' in field


def test_a_choice_shows_what_was_chosen(stranger: Browser) -> None:
    source = "{{ ui.choice('status', 'Status', ['SENT', '<b>'], 'SENT', any='Any at all') }}"
    choice = made(stranger, source)
    assert re.findall("<option[^>]*>[^<]*", choice) == [
        '<option value="">Any at all',
        "<option selected>SENT",
        "<option>&lt;b&gt;",
    ]
    assert '<label class="form-label" for="field-status">' in choice


CONFIRM = '{{ ui.confirm("/console/x", "Lock acme", "New mail is refused.", forbidden=why) }}'


def test_a_deed_says_what_it_does_and_asks_for_a_reason(stranger: Browser) -> None:
    form = made(stranger, CONFIRM, why="")
    assert '<form method="post" action="/console/x"' in form
    assert "New mail is refused." in form
    assert re.search('name="csrf_token" value="[^"]{20,}"', form)
    label, field = (
        re.search('<label[^>]* for="([^"]+)"', form),
        re.search('<textarea[^>]* id="([^"]+)"', form),
    )
    assert label is not None
    assert field is not None
    assert label[1] == field[1]
    assert re.search(r'name="reason"[^>]*maxlength="1000" required', form)
    assert "<details" in form


@pytest.mark.parametrize(
    ("operator", "why", "said"),
    [
        (RITA, "", "Your role is reader: it may look, and not act."),
        (OLGA, "It is LOCKED already.", "It is LOCKED already."),
    ],
)
def test_a_deed_that_may_not_be_done_says_why(
    stranger: Browser, operator: Operator, why: str, said: str
) -> None:
    button = made(stranger, CONFIRM, operator=operator, why=why)
    described = re.search(r'disabled aria-describedby="([^"]+)"', button)
    assert described
    assert f'id="{described[1]}">{said}' in button
    assert "<form" not in button
    assert "csrf_token" not in button


def test_two_deeds_on_a_page_have_two_ids(stranger: Browser) -> None:
    both = made(
        stranger, '{{ ui.confirm("/console/1", "Lift", "x") }}{{ ui.confirm("/console/2", "Lift", "x") }}'
    )
    ids = re.findall(r'\sid="([^"]+)"', both)
    assert len(ids) == len(set(ids)) == 6


def test_a_pager_has_what_there_is(stranger: Browser) -> None:
    assert made(stranger, "{{ ui.pager({}) }}").strip() == ""
    pager = made(stranger, '{{ ui.pager({"following": "/console/jobs?before=1&x=2"}) }}')
    assert 'href="/console/jobs?before=1&amp;x=2" rel="next">Older' in pager
    assert "Newer" not in pager
    assert "Newest" not in pager
    pager = made(stranger, '{{ ui.pager({"first": "/console/jobs", "previous": "/console/jobs?before=2"}) }}')
    assert '<a class="btn btn-outline-secondary btn-sm" href="/console/jobs">Newest</a>' in pager
    assert 'href="/console/jobs?before=2" rel="prev">Newer' in pager
    assert "Older" not in pager


def test_a_list_that_begins_with_the_oldest_says_so(stranger: Browser) -> None:
    steps = made(
        stranger, '{{ ui.steps({"first": "/1", "previous": "/2", "following": "/3"}, label="Letters") }}'
    )
    assert '<nav aria-label="Letters"' in steps
    assert re.findall(r">(\w+)</a>", steps) == ["First", "Previous", "Next"]


def test_a_region_renews_itself_under_its_id(stranger: Browser) -> None:
    region = made(stranger, '{% call ui.region("counts", seconds=15) %}<p>7</p>{% endcall %}')
    assert '<div id="counts" data-refresh="15">' in region
    assert "<p>7</p>" in region


def test_a_region_that_has_come_to_its_end_keeps_its_place_and_renews_no_more(stranger: Browser) -> None:
    region = made(stranger, '{% call ui.region("counts", seconds=0) %}<p>7</p>{% endcall %}')
    assert '<div id="counts">' in region
    assert "data-refresh" not in region
