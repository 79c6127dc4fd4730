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
  const inputs = document.querySelectorAll("input[name=theme]"); // in the bar, and in the settings
  const check = (theme) => inputs.forEach((input) => (input.checked = input.value === theme));
  check(chosen());
  for (const input of inputs) {
    input.addEventListener("change", () => {
      try {
        localStorage.setItem(KEY, input.value);
      } catch {
        // not remembered, but shown on this page
      }
      check(input.value);
      apply(input.value);
    });
  }
});
