// Parts that do not come: a server that fails, a connection that is lost or a refusal is said where the part would stand,
// or beside what was pressed. What the page asks for by itself is asked again by itself, so nothing is said of that.
const PRESSED = ["click", "submit", "change"];

const words = () => document.getElementById("announcements").dataset;
const refused = ({ xhr }) => xhr.status >= 400 && xhr.status < 500; // asked again, the server would answer the same
const asksWhileOneWrites = (element) => element.closest("[hx-sync]") !== null;

// Where it is said, and what; null where nobody waits for it, such as for suggestions.
const lookOf = (detail) => {
  const { elt, target, requestConfig } = detail;
  const { saysNoPart, saysNoAnswer, saysRefused } = words();
  if (asksWhileOneWrites(elt)) {
    return target.matches("datalist, header *") ? null : { place: target, text: refused(detail) ? saysRefused : saysNoPart, instead: true };
  }
  if (!PRESSED.includes(requestConfig.triggeringEvent?.type)) return null;
  return { place: elt.closest("td, form, nav, .card, main"), text: refused(detail) ? saysRefused : saysNoAnswer };
};

const noteIn = (place) => place?.querySelector("[data-no-answer]");

const say = ({ place, text, instead }) => {
  const note = Object.assign(document.createElement("p"), { className: "note", textContent: text });
  note.dataset.noAnswer = "";
  noteIn(place)?.remove();
  if (!instead) place?.append(note);
  else if (place.querySelector("input")) place.prepend(note); // what somebody wrote there stays
  else place.replaceChildren(note); // figures of other terms would mislead
  if (!place?.closest("[aria-live]")) document.getElementById("announcements").textContent = text;
};

for (const kind of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(kind, (event) => {
    const look = lookOf(event.detail);
    if (look) say(look);
  });
}

document.addEventListener("htmx:afterRequest", (event) => {
  if (!event.detail.successful) return;
  const look = lookOf(event.detail);
  if (look) noteIn(look.place)?.remove();
});
