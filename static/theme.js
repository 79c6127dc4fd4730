// Loaded in <head>, before the first paint, so that a remembered theme does not flash.
const KEY = "theme";
const dark = window.matchMedia("(prefers-color-scheme: dark)");

const remembered = () => {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage is switched off: the system's setting it is
  }
};

const chosen = () => (["light", "dark"].includes(remembered()) ? remembered() : "system");

const apply = (theme = chosen()) => {
  const system = dark.matches ? "dark" : "light";
  document.documentElement.setAttribute("data-bs-theme", theme === "system" ? system : theme);
  document.dispatchEvent(new Event("themechange"));
};

document.documentElement.classList.add("js");
apply();
dark.addEventListener("change", () => apply());
window.addEventListener("storage", () => apply());

document.addEventListener("DOMContentLoaded", () => {
  for (const input of document.querySelectorAll("input[name=theme]")) {
    input.checked = input.value === chosen();
    input.addEventListener("change", () => {
      try {
        localStorage.setItem(KEY, input.value);
      } catch {
        // not remembered, but shown on this page
      }
      apply(input.value);
    });
  }
});
