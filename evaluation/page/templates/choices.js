// The buttons that say how meshes are coloured and what is shown; they call back when pressed.

// One of several: only the chosen one is in the tab order, arrow keys go from one to the next.
function radios(buttons, chosen) {
  "use strict";
  const shown = () => buttons.filter((button) => !button.hidden);
  const api = {
    set(mode) {
      for (const button of buttons) {
        const on = button.dataset.mode === mode;
        button.setAttribute("aria-checked", String(on));
        button.tabIndex = on ? 0 : -1;
      }
    },
    offer(modes) {
      for (const button of buttons) button.hidden = !modes.has(button.dataset.mode);
    },
    says: (mode) => buttons.find((button) => button.dataset.mode === mode).dataset.says,
  };
  for (const button of buttons) {
    button.addEventListener("click", () => chosen(button.dataset.mode));
    button.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const all = shown();
      const next = all[(all.indexOf(button) + step + all.length) % all.length];
      next.focus();
      chosen(next.dataset.mode);
    });
  }
  return api;
}

// Any number of several.
function toggles(buttons, changed) {
  "use strict";
  const on = (button) => button.getAttribute("aria-pressed") === "true";
  for (const button of buttons)
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(!on(button)));
      changed(button.dataset.layer);
    });
  return {
    shows: (layer) => buttons.some((button) => button.dataset.layer === layer && !button.hidden && on(button)),
    offer(layers) {
      for (const button of buttons) button.hidden = !layers.has(button.dataset.layer);
    },
    said: () => buttons.filter((button) => !button.hidden)
      .map((button) => `${button.textContent.trim()} ${on(button) ? "shown" : "hidden"}`).join(", "),
  };
}

// Sliders that wipe from a picture to another over it.
function wipes() {
  "use strict";
  for (const wipe of document.querySelectorAll(".wipe")) {
    const slider = wipe.querySelector("input");
    const slide = () => {
      wipe.style.setProperty("--at", `${slider.value}%`);
      const at = Number(slider.value);
      wipe.querySelector(".tag.left").hidden = at === 0;
      wipe.querySelector(".tag.right").hidden = at === 100;
      slider.setAttribute("aria-valuetext", `${slider.value} % before, ${100 - slider.value} % after`);
    };
    slider.addEventListener("input", slide);
    slide();
  }
}

// A button that changes between light and dark; it begins as the system is.
function themes(button, changed) {
  "use strict";
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (root.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  const say = () => {
    button.textContent = dark() ? "Light" : "Dark";
    button.setAttribute("aria-label", dark() ? "Light colours" : "Dark colours");
    changed();
  };
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    say();
  });
  system.addEventListener("change", say);
  button.hidden = false;
  say();
}
