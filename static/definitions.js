// What a figure is, in one sentence, beside the link to how it comes about: on hover, on focus, and on the first tap.
//
// The links are those that the server writes anyway: .explained leads to /explain/<figure>/, .how to a heading of
// /methods/. Their sentences come once, from the address in data-definitions of <main>, and are kept by the browser.
// The card can be pointed at, stays until pointer or focus leave, and goes with Escape (WCAG 2.2, 1.4.13).
const LINKS = "a.explained, a.how";
const OPEN_AFTER = 250;
const CLOSE_AFTER = 200; // time enough to move the pointer onto the card
const GAP = 6;

const main = document.querySelector("main[data-definitions]");
let known = null;
const load = () => {
  known ??= fetch(main.dataset.definitions, { headers: { Accept: "application/json" }, credentials: "same-origin" })
    .then((answer) => (answer.ok && answer.headers.get("Content-Type")?.includes("json") ? answer.json() : null))
    .catch(() => null)
    .then((found) => {
      if (!found) known = null; // asked for again by the next link
      return found;
    });
  return known;
};

const card = document.createElement("div");
card.id = "definition";
card.className = "definition";
card.setAttribute("role", "tooltip");
card.hidden = true;

const part = (name, text) => Object.assign(document.createElement("p"), { className: name, textContent: text });

// What is known of the link's figure; the address of the link says which it is, of which day and of which returns.
const definitionOf = (all, link) => {
  const address = new URL(link.href, window.location.href);
  const key = address.pathname.match(/\/explain\/([\w-]+)\/$/)?.[1];
  const found = key ? all.figures[key] : all.methods[decodeURIComponent(address.hash.slice(1))];
  if (!found) return null;
  const query = address.searchParams;
  const basis = all.bases[query.get("basis") ?? found.basis] ?? all.bases[found.basis] ?? "";
  const day = query.get("as_of");
  return { ...found, basis, day };
};

const written = (day) => {
  const [year, month, date] = day.split("-").map(Number);
  const format = new Intl.DateTimeFormat(document.documentElement.lang || "en", { dateStyle: "medium", timeZone: "UTC" });
  return format.format(new Date(Date.UTC(year, month - 1, date)));
};

const fill = (all, link, tapped) => {
  const found = definitionOf(all, link);
  if (!found) return false;
  const day = found.day || main.dataset.asOf;
  const of = /^\d{4}-\d{2}-\d{2}$/.test(day ?? "") ? all.words.of.replace("%s", written(day)) : all.words.now;
  const facts = [found.unit, found.basis, of].filter(Boolean).join(" · ");
  card.replaceChildren(
    part("definition-text", found.text),
    part("definition-facts", facts),
    part("definition-more", tapped ? all.words.tap : all.words.click),
  );
  return true;
};

const place = (link) => {
  const box = [...link.getClientRects()].find((each) => each.width) ?? link.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = card;
  const room = document.documentElement.clientWidth;
  const left = Math.min(Math.max(box.left + box.width / 2 - width / 2, GAP), room - width - GAP);
  const below = box.bottom + GAP;
  const top = below + height > window.innerHeight && box.top - GAP - height > 0 ? box.top - GAP - height : below;
  card.style.left = `${Math.max(left, GAP)}px`;
  card.style.top = `${top}px`;
};

let shown = null; // the link whose card is open
let wanted = null; // the one that pointer or focus is on
let timer = null;

const hide = () => {
  clearTimeout(timer);
  card.hidden = true;
  if (!shown) return;
  const others = (shown.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && id !== card.id);
  if (others.length) shown.setAttribute("aria-describedby", others.join(" "));
  else shown.removeAttribute("aria-describedby");
  shown = null;
};

// Whether there was anything to show.
const show = async (link, tapped = false) => {
  wanted = link;
  const all = await load();
  if (!all || !link.isConnected) return false;
  if (wanted !== link) return true; // somebody went on meanwhile
  if (shown !== link) hide();
  if (!fill(all, link, tapped)) return false;
  if (!card.isConnected) document.body.append(card);
  link.removeAttribute("title"); // the browser would show it beside the card
  const others = (link.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && id !== card.id);
  link.setAttribute("aria-describedby", [...others, card.id].join(" "));
  card.hidden = false;
  shown = link;
  place(link);
  return true;
};

const later = (act, time) => {
  clearTimeout(timer);
  timer = setTimeout(act, time);
};
const leave = () => {
  wanted = null;
  later(hide, CLOSE_AFTER);
};
const linkOf = (target) => (target instanceof Element ? target.closest(LINKS) : null);

if (main) {
  let finger = false;
  document.addEventListener("pointerdown", (event) => {
    finger = event.pointerType === "touch";
    if (finger && shown && linkOf(event.target) !== shown && !card.contains(event.target)) hide();
  });
  document.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return;
    if (card.contains(event.target)) return clearTimeout(timer);
    const link = linkOf(event.target);
    if (link === shown && link) return clearTimeout(timer);
    if (link) {
      load();
      later(() => show(link), OPEN_AFTER);
    } else if (document.activeElement !== shown) leave();
  });
  document.documentElement.addEventListener("pointerleave", () => document.activeElement !== shown && leave());
  document.addEventListener("focusin", (event) => {
    const link = linkOf(event.target);
    if (link && link.matches(":focus-visible")) show(link);
    else if (shown && link !== shown) leave();
  });
  document.addEventListener("focusout", (event) => {
    if (shown && linkOf(event.target) === shown) leave();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    wanted = null;
    hide();
  });
  // A finger cannot hover: its first tap tells what the figure is, its second one opens how it comes about.
  document.addEventListener("click", (event) => {
    const link = linkOf(event.target);
    if (!link || !finger || shown === link) return;
    event.preventDefault();
    show(link, true).then((told) => told || window.location.assign(link.href));
  });
  window.addEventListener("scroll", () => shown && place(shown), { passive: true, capture: true });
  window.addEventListener("resize", () => shown && place(shown));
  document.addEventListener("htmx:afterSwap", () => shown && !shown.isConnected && hide());
}
