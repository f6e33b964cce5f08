// The switch between the system's theme, light and dark.
import { at } from "../base/dom.js";
import { keep, recall } from "../base/kept.js";

const THEMES = ["system", "light", "dark"];

const current = () => recall("localStorage", "theme") || "system";

function setTheme(name) {
  if (name === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  at("theme-name").textContent = name;
  keep("localStorage", "theme", name);
}

export function startTheme() {
  at("theme").addEventListener("click", () => setTheme(THEMES[(THEMES.indexOf(current()) + 1) % THEMES.length]));
  setTheme(current());
}
