// What a person sees of the focus: run by browser/keyboard.py after each step.
() => {
  const traits = ["outlineStyle", "outlineWidth", "outlineColor", "boxShadow", "borderColor", "backgroundColor"];
  // Of the element itself, of its label, and of what stands beside a hidden input.
  const lookOf = (element) =>
    [element, element.parentElement, element.nextElementSibling, element.labels?.[0]]
      .filter(Boolean)
      .map((each) => traits.map((trait) => getComputedStyle(each)[trait]).join())
      .join("|");

  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
  const brush = canvas.getContext("2d", { willReadFrequently: true });
  const luminance = (colours) => {
    for (const colour of colours) {
      brush.fillStyle = colour;
      brush.fillRect(0, 0, 1, 1);
    }
    const parts = [...brush.getImageData(0, 0, 1, 1).data].slice(0, 3).map((part) => part / 255);
    const linear = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  // The contrast of the outline with what it is drawn on, as WCAG 2.2 computes it; 21 where there is none.
  const contrastOf = (element) => {
    const { outlineStyle, outlineColor } = getComputedStyle(element);
    if (["none", "auto"].includes(outlineStyle)) return 21;
    const grounds = ["white"];
    for (let each = element.parentElement; each; each = each.parentElement) {
      grounds.splice(1, 0, getComputedStyle(each).backgroundColor);
    }
    const [ground, ring] = [luminance(grounds), luminance([...grounds, outlineColor])];
    return (Math.max(ground, ring) + 0.05) / (Math.min(ground, ring) + 0.05);
  };

  const { before } = window;
  const now = document.activeElement;
  const stops = "a, button, input, select, textarea, summary";
  const left = before?.element.isConnected && before.element !== now && before.element.matches(stops);
  const unseen = left && lookOf(before.element) === before.look ? before.element.outerHTML.slice(0, 150) : "";
  if (before?.element !== now) window.before = { element: now, look: lookOf(now) }; // a date has several stops
  const { top, bottom, left: start, right } = now.getBoundingClientRect();
  const inside = bottom > 0 && top < innerHeight && right > 0 && start < innerWidth;
  return { unseen, inside, nowhere: now === document.body, contrast: contrastOf(now) };
}
