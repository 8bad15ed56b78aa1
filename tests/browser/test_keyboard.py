"""From the way in to a signal that is carried out, by Tab and Enter alone: and always one sees where one is."""

from playwright.sync_api import expect

from tests.browser.console import Console
from tests.browser.filling import Filled

_STOPS_MAX = 60
# Of what has the focus: its words, and how it shows that it has it.
_STOP = """() => {
  const element = document.activeElement, box = element.getBoundingClientRect(), look = getComputedStyle(element);
  if (element === document.body) return { words: "the page itself", seen: true, ringed: true };
  const label = element.labels?.length ? element.labels[0].textContent : element.textContent;
  return {
    words: (element.getAttribute("aria-label") || label || element.tagName).trim(),
    seen: box.width > 4 && box.height > 4 && box.bottom > 0 && box.top < innerHeight
      && box.right > 0 && box.left < innerWidth,
    ringed: look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2,
  };
}"""


def test_a_signal_is_sent_without_a_mouse(stranger: Console, filled: Filled) -> None:
    tenant, keyboard = filled.spare(), stranger.page.keyboard
    _tab_to(stranger, "Skip to the content", stops_max=1)
    keyboard.press("Enter")
    _tab_to(stranger, "Your name", stops_max=1)
    keyboard.type("Kim Larsen")
    _tab_to(stranger, "Key")
    keyboard.type(filled.world.operator_key)
    keyboard.press("Enter")
    expect(stranger.heading).to_have_text("Overview")

    _tab_to(stranger, "Configurations")
    keyboard.press("Enter")
    expect(stranger.heading).to_have_text("Configurations")
    _tab_to(stranger, "Skip to the content", stops_max=1)
    keyboard.press("Enter")
    _tab_to(stranger, tenant.slug)
    keyboard.press("Enter")
    expect(stranger.heading).to_have_text(tenant.slug)

    _tab_to(stranger, "Skip to the content", stops_max=1)
    keyboard.press("Enter")
    _tab_to(stranger, "Lock…")
    keyboard.press("Enter")
    dialog = stranger.page.get_by_role("dialog", name="Lock")
    expect(dialog.get_by_label("Reason")).to_be_focused()
    keyboard.type("By keyboard.")
    _tab_to(stranger, "Lock", stops_max=1)
    keyboard.press("Enter")
    expect(stranger.messages).to_contain_text("lock is done. It is OK and LOCKED.")
    assert tenant.payload["administrative"] == "LOCKED"


def test_the_focus_stays_within_a_dialog_and_comes_back_to_its_button(olga: Console, filled: Filled) -> None:
    olga.open(f"/console/configurations/{filled.acme.eid}")
    olga.unfold("Lock")
    stops = []
    for _ in range(6):
        olga.page.keyboard.press("Tab")
        stops.append(olga.page.evaluate(_STOP)["words"])
    # After the last comes the browser's own frame, and then the first again.
    assert set(stops) - {"the page itself"} == {"Reason (kept with your name)", "Lock", "Cancel"}
    olga.page.keyboard.press("Escape")
    assert olga.page.evaluate(_STOP)["words"] == "Lock…"


def _tab_to(console: Console, words: str, *, stops_max: int = _STOPS_MAX) -> None:
    """Every stop on the way is in sight, and has a ring around it."""
    passed = []
    for _ in range(stops_max):
        console.page.keyboard.press("Tab")
        stop = console.page.evaluate(_STOP)
        passed.append(stop["words"])
        assert stop["seen"], f"{stop['words']!r} has the focus out of sight"
        assert stop["ringed"], f"{stop['words']!r} does not show that it has the focus"
        if stop["words"].startswith(words) and len(stop["words"]) <= len(words) + 40:
            return
    raise AssertionError(f"{words!r} was not reached; passed: {passed}")
