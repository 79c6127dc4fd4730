// Where the focus is once a page has come or a part of it was swapped: where the work goes on, and never lost.

// --- a page that answers a form ----------------------------------------------------------------------------------

const KEY = "focus-after";

const focusable = (element) => {
  if (element.matches("details")) return element.querySelector("summary");
  const own = element.matches("a[href], button, input, select, textarea, summary, [tabindex]");
  if (!own) element.tabIndex = -1; // by scripts alone: it is no stop of its own
  return element;
};

const shown = (element) => element.checkVisibility();

// The parts that a form stands in, the innermost first, or the one that it names.
const partsOf = (form) => {
  const parts = form.dataset.then ? [form.dataset.then] : [];
  const within = form.closest("details.menu");
  for (let part = within ?? form; part && part.id !== "main"; part = part.parentElement) if (part.id) parts.push(part.id);
  return parts;
};

document.addEventListener("submit", (event) => {
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ path: window.location.pathname, parts: partsOf(event.target) }));
  } catch {
    // not remembered: the next page begins at its top
  }
});

const remembered = () => {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    sessionStorage.removeItem(KEY);
    return found;
  } catch {
    return null;
  }
};

const answered = (sent) => {
  const chosen = document.querySelector("main [autofocus]");
  if (chosen) return chosen; // the browser gives it the focus with the first frame, which is later
  const wrong = [...document.querySelectorAll('main [aria-invalid="true"], main .alert-danger, main .said')].filter(shown);
  const first = wrong.find((element) => element.matches("[aria-invalid]")) ?? wrong[0];
  if (first) return first;
  if (sent.path !== window.location.pathname) return null; // another page begins at its top
  return sent.parts.map((id) => document.getElementById(id)).find((part) => part && shown(part));
};

const begin = () => {
  const sent = remembered();
  if (!sent || window.location.hash || document.activeElement !== document.body) return;
  const place = answered(sent);
  if (place) focusable(place).focus();
};

begin();

// --- a part that is swapped --------------------------------------------------------------------------------------

// htmx itself gives the focus back to an element with the same id, and to one with autofocus; this is for all others.
let lost = null;

const traitsOf = (element) => {
  const { tagName, name, value } = element;
  return [tagName, element.getAttribute("href"), name, tagName === "BUTTON" ? value : null, element.textContent.trim()].join("\n");
};

document.addEventListener("htmx:beforeSwap", (event) => {
  const { target } = event.detail;
  const element = document.activeElement;
  if (element === document.body || !target.contains(element)) return;
  const then = element.closest("[data-then]")?.dataset.then;
  lost = { then, traits: traitsOf(element), part: element.closest("[id]")?.id, within: target.id };
});

document.addEventListener("htmx:afterSettle", () => {
  if (!lost) return;
  const was = lost;
  lost = null;
  const part = document.getElementById(was.within) ?? document.getElementById(was.part);
  if (!part || part.querySelector("[autofocus]") === document.activeElement) return;
  const [then, wrong] = [document.getElementById(was.then), part.querySelector('[aria-invalid="true"]')];
  if (document.activeElement !== document.body && !then && !wrong) return;
  const stops = part.querySelectorAll("a[href], button, input, select, textarea, summary");
  const same = [...stops].find((stop) => traitsOf(stop) === was.traits && shown(stop));
  focusable(wrong ?? then ?? same ?? part).focus({ preventScroll: !wrong && !then });
});
