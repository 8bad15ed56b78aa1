"use strict";

// Regions that renew themselves, and dialogs for deeds. Every page works without this file.

const HEADER = "X-Console-Refresh";
const PAUSED = "console-paused";

// Renewal: <div id="..." data-refresh="seconds">. The page is fetched again and the region of the same id taken out of it.
// One that comes back without data-refresh has come to its end.

class Renewal {
  constructor(regions) {
    this.regions = regions;
    this.seconds = Math.max(5, Math.min(...regions.map((region) => Number(region.dataset.refresh) || 60)));
    this.since = new Date();
    this.misses = 0;
    this.paused = sessionStorage.getItem(PAUSED) === "yes";
    this.showControls();
    document.addEventListener("visibilitychange", () => this.lookSoon());
    this.lookLater();
  }

  showControls() {
    this.bar = document.createElement("div");
    this.bar.className = "renewal small text-body-secondary";
    this.button = document.createElement("button");
    this.button.type = "button";
    this.button.className = "btn btn-outline-secondary btn-sm";
    this.button.addEventListener("click", () => this.toggle());
    // Said aloud only when it fails and when it works again: a renewal is no news.
    this.status = document.createElement("span");
    this.status.setAttribute("role", "status");
    this.status.setAttribute("aria-live", "polite");
    this.clock = document.createElement("span");
    this.bar.append(this.button, this.clock, this.status);
    this.regions[0].before(this.bar);
    this.tell();
  }

  toggle() {
    this.paused = !this.paused;
    sessionStorage.setItem(PAUSED, this.paused ? "yes" : "no");
    this.tell();
    if (!this.paused) this.lookSoon();
  }

  tell() {
    this.button.textContent = this.paused ? "Renew this page by itself" : "Pause the renewal";
    this.clock.textContent = `As of ${this.since.toISOString().slice(11, 19)} UTC${this.paused ? ", paused" : ""}.`;
  }

  lookLater() {
    clearTimeout(this.timer);
    // A console that is in trouble must not be asked by everybody at once.
    const wait = this.seconds * Math.min(2 ** this.misses, 8);
    this.timer = setTimeout(() => this.look(), wait * 1000);
  }

  lookSoon() {
    if (!this.regions.length) return;
    if (document.visibilityState === "visible" && Date.now() - this.since > this.seconds * 1000) this.look();
  }

  async look() {
    if (document.visibilityState === "visible" && !this.paused && !this.busy) {
      this.busy = true;
      try {
        this.fresh(this.take(await fetchPage()));
      } catch (fault) {
        this.stale(fault);
      }
      this.busy = false;
    }
    if (this.regions.length) this.lookLater();
    else this.end();
  }

  // Whether all of it was taken.
  take(page) {
    let whole = true;
    for (const region of this.regions) {
      const renewed = page.getElementById(region.id);
      if (!renewed) throw new Error("the page has changed: load it again");
      if (isInUse(region)) {
        whole = false;
        continue;
      }
      swap(region, renewed);
      if (!("refresh" in renewed.dataset)) {
        delete region.dataset.refresh;
        delete region.dataset.stale;
      }
    }
    this.regions = this.regions.filter((region) => "refresh" in region.dataset);
    return whole;
  }

  end() {
    clearTimeout(this.timer);
    this.button.remove();
    this.status.textContent = "It has come to its end, and is not renewed any more.";
  }

  fresh(whole) {
    if (this.misses) this.status.textContent = "Renewed again.";
    this.misses = 0;
    if (whole) this.since = new Date();
    for (const region of this.regions) delete region.dataset.stale;
    this.tell();
  }

  stale(fault) {
    this.misses += 1;
    for (const region of this.regions) region.dataset.stale = "yes";
    this.status.textContent = `Stale since ${this.since.toISOString().slice(11, 19)} UTC: ${fault.message}.`;
  }
}

async function fetchPage() {
  // Not followed: the only way that leads elsewhere from here is to the sign-in.
  const answer = await fetch(location.href, {
    headers: { [HEADER]: "1" },
    redirect: "manual",
    cache: "no-store",
    signal: AbortSignal.timeout(20000),
  }).catch(() => {
    throw new Error("the console does not answer");
  });
  if (answer.type === "opaqueredirect") throw new Error("the session is over, load the page to sign in");
  if (!answer.ok) throw new Error(`the console answers ${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// Somebody types in it, or has unfolded a form: it is renewed when they are done.
function isInUse(region) {
  const focused = document.activeElement;
  const types = region.contains(focused) && focused.matches("input, textarea, select");
  return types || region.querySelector("details[data-confirm][open]") !== null || region.querySelector("dialog[open]") !== null;
}

function swap(region, renewed) {
  const focused = region.contains(document.activeElement) ? pathTo(document.activeElement, region) : null;
  const open = [...region.querySelectorAll("details[open][id]")].map((details) => details.id);
  region.replaceChildren(...document.importNode(renewed, true).childNodes);
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  prepareConfirmations(region);
  if (focused) at(focused, region)?.focus({ preventScroll: true });
}

function pathTo(element, region) {
  if (element.id) return { id: element.id };
  const path = [];
  for (let node = element; node !== region; node = node.parentElement) path.unshift([...node.parentElement.children].indexOf(node));
  return { path };
}

function at({ id, path }, region) {
  return id ? document.getElementById(id) : path.reduce((node, index) => node?.children[index], region);
}

// Confirmations: <details data-confirm> with a form becomes a dialog.

function prepareConfirmations(within) {
  for (const details of within.querySelectorAll("details[data-confirm]")) {
    details.querySelector("summary").addEventListener("click", (event) => {
      event.preventDefault();
      ask(details);
    });
  }
}

function ask(details) {
  const form = details.querySelector("form");
  const dialog = document.createElement("dialog");
  dialog.className = "ask";
  dialog.setAttribute("aria-labelledby", form.getAttribute("aria-labelledby"));
  const cancel = document.createElement("button");
  cancel.type = "button";
  cancel.className = "btn btn-outline-secondary";
  cancel.textContent = "Cancel";
  cancel.addEventListener("click", () => dialog.close());
  dialog.append(form, cancel);
  dialog.addEventListener("close", () => {
    details.append(form);
    dialog.remove();
    details.querySelector("summary").focus();
  });
  // Beside its details, not inside: what is folded is not shown. Still in its region, which is not swapped meanwhile.
  details.after(dialog);
  dialog.showModal();
  form.querySelector("textarea, input:not([type=hidden]), select")?.focus();
}

// Sent once: a second click while the first is on its way does nothing.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (event.target.dataset.sent) event.preventDefault();
  else event.target.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

prepareConfirmations(document);
const regions = [...document.querySelectorAll("[data-refresh][id]")];
if (regions.length) new Renewal(regions);
