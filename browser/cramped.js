// What has too little room for its words: run by browser/checks.py on a page that is still.
(least) => {
  const CONTROLS = "button, .btn, summary, label, legend, th, nav a";
  const TARGETS = "button, select, summary, input:not([type=hidden]), textarea, nav a, .btn";
  const INLINE = "p button, dd button, li button"; // in a sentence: WCAG 2.2, 2.5.8 leaves them as tall as its line
  const found = [];
  const say = (what, element) => found.push(`${what}: ${element.outerHTML.replace(/\s+/g, " ").slice(0, 180)}`);

  const boxOf = (element) => element.getBoundingClientRect();

  // Seen at all: not for screen readers alone, and not scrolled away within its own part.
  const isSeen = (element) => {
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) return false;
    for (let each = element; each; each = each.parentElement) {
      if (["absolute", "fixed"].includes(getComputedStyle(each).position) && boxOf(each).width <= 1) return false;
    }
    return !element.closest(".visually-hidden, .skip, .truncated");
  };
  const clipping = (element) => {
    for (let each = element; each && each !== document.body; each = each.parentElement) {
      const { overflowX } = getComputedStyle(each);
      if (["auto", "scroll"].includes(overflowX)) return null; // one can scroll there
      if (["hidden", "clip"].includes(overflowX)) return each;
    }
    return null;
  };

  // Each piece of text lies within its control and within whatever would cut it, and no word is torn apart.
  const lookAtWords = (element) => {
    const own = boxOf(element);
    const cutting = clipping(element);
    const frame = cutting && boxOf(cutting);
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (!node.data.trim() || !isSeen(node.parentElement) || node.parentElement.closest("option, svg")) continue;
      range.selectNodeContents(node);
      const box = range.getBoundingClientRect();
      if (!box.width) continue;
      if (box.right > own.right + 1 || box.left < own.left - 1) return say(`“${node.data.trim()}” leaves its place`, element);
      if (frame && (box.right > frame.right + 1 || box.bottom > frame.bottom + 1)) return say(`“${node.data.trim()}” is cut`, element);
      if (element.matches("th[scope=row]")) continue; // names, which nobody here chose
      for (const { 0: word, index } of node.data.matchAll(/[\p{L}\p{N}]+/gu)) {
        range.setStart(node, node.data[index - 1] === "\u00ad" ? index + 1 : index); // with a hyphen it is no tear
        range.setEnd(node, index + word.length);
        const lines = new Set([...range.getClientRects()].map(({ top }) => Math.round(top)));
        if (lines.size > 1) return say(`“${word}” is torn apart`, element);
      }
    }
  };

  const controls = [...document.querySelectorAll(CONTROLS)].filter(isSeen);
  for (const control of controls) {
    lookAtWords(control);
  }

  // What is chosen in a list and what a field says while it is empty: neither wraps, and no part of the page measures it.
  const pen = document.createElement("canvas").getContext("2d");
  const widthOf = (words, { fontStyle, fontWeight, fontSize, fontFamily, letterSpacing }) => {
    pen.font = `${fontStyle} ${fontWeight} ${fontSize} ${fontFamily}`;
    pen.letterSpacing = letterSpacing === "normal" ? "0px" : letterSpacing;
    return pen.measureText(words).width;
  };
  const lookInside = (field) => {
    const words = field.matches("select") ? (field.selectedOptions[0]?.text ?? "") : field.value ? "" : field.placeholder;
    const style = getComputedStyle(field);
    const room = field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    if (widthOf(words.trim(), style) > room + 1) say(`“${words.trim()}” is cut`, field);
  };
  [...document.querySelectorAll("select:not([multiple]), input[placeholder]")].filter(isSeen).forEach(lookInside);

  const targets = [...document.querySelectorAll(TARGETS)].filter(isSeen).map((each) => {
    const label = each.closest("label");
    return [each, boxOf(label?.contains(each) ? label : each)];
  });
  for (const [target, box] of targets) {
    if (Math.round(Math.min(box.width, box.height)) < least && !target.matches(INLINE)) {
      say(`${Math.round(box.width)} x ${Math.round(box.height)} px`, target);
    }
  }
  const isLaidOver = (element) => element.closest("header, .menu, dialog") || getComputedStyle(element).position === "sticky";
  const flat = targets.filter(([each]) => !isLaidOver(each));
  flat.forEach(([one, box], at) => {
    for (const [other, beside] of flat.slice(at + 1)) {
      if (one.closest("label") && one.closest("label") === other.closest("label")) continue;
      if (one.contains(other) || other.contains(one)) continue;
      const wide = Math.min(box.right, beside.right) - Math.max(box.left, beside.left);
      const tall = Math.min(box.bottom, beside.bottom) - Math.max(box.top, beside.top);
      if (wide > 2 && tall > 2) say(`overlaps ${other.outerHTML.replace(/\s+/g, " ").slice(0, 80)}`, one);
    }
  });
  return found;
}
