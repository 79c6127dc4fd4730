// Small manners of every page: htmx, menus that close, changes that are announced.
import htmx from "htmx.org";
import "./definitions.js";
import "./failures.js";
import "./focus.js";

window.htmx = htmx;

// htmx writes each event that carries an error to the console. A request that the next one replaces is none, what really
// fails is written there under its own name too, and a lot may be gone when the word comes that belongs beside its pick.
const NO_ERRORS = ["htmx:sendAbort", "htmx:afterRequest"];
htmx.logger = (element, name, detail) => {
  const late = name === "htmx:oobErrorNoTarget" && detail.target.startsWith("#error-pick-");
  if (late || NO_ERRORS.includes(name)) delete detail.error;
};

const close = (menu) => {
  menu.open = false;
};

// A click beside it, or the focus that leaves it.
for (const kind of ["click", "focusin"]) {
  document.addEventListener(kind, (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) close(menu);
    }
  });
}

// On a phone the names of the pages are a strip that scrolls: the page that is open is seen in it.
const here = document.querySelector(".sections [aria-current]");
if (here) {
  const strip = here.parentElement;
  const [its, all] = [here.getBoundingClientRect(), strip.getBoundingClientRect()];
  if (its.left < all.left || its.right > all.right) strip.scrollLeft += its.left - all.left - (all.width - its.width) / 2;
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    close(menu);
    menu.querySelector("summary").focus();
  }
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) window.print();
});

// A swapped part says in one sentence what it shows now; a screen reader hears that and not the whole part.
document.addEventListener("htmx:load", (event) => {
  const part = event.detail.elt;
  if (part === document.body) return;
  const sentence = part.querySelector("[data-announce]")?.innerText.trim().replace(/\s+/g, " ");
  const region = document.getElementById("announcements");
  if (sentence && sentence !== region.textContent) region.textContent = sentence;
});

// The list below the search field: arrows walk through it, Escape closes it. CSS shows it while the focus is within.
document.addEventListener("keydown", (event) => {
  const form = event.target.closest?.("[data-find]");
  if (!form) return;
  const field = form.querySelector("input");
  const list = form.querySelector(".find-list");
  if (event.key === "Escape" && list.firstElementChild) {
    list.replaceChildren();
    field.focus();
    event.preventDefault();
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const stops = [field, ...list.querySelectorAll("a")];
  const next = stops[stops.indexOf(event.target) + step];
  if (!next || !stops.includes(event.target)) return;
  next.focus();
  event.preventDefault();
});
