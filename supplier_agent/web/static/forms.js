// Small helps that need no agent: copying a message, the menu, the keyboard of a handheld, and signing in.
"use strict";
(() => {
  // Copies a message. The clipboard needs https; without it, the browser's older command does the same.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-copy]");
    if (!button) return;
    const text = document.getElementById(button.dataset.copy);
    text.focus();
    text.select();
    try { await navigator.clipboard.writeText(text.value); } catch { if (!document.execCommand("copy")) return; }
    button.textContent = button.dataset.copied;
  });

  document.addEventListener("click", (event) => { if (event.target.closest?.("[data-print-page]")) window.print(); });

  // The menu closes as people expect it.
  const open = () => document.querySelector(".menu[open]");
  document.addEventListener("click", (event) => { if (open() && !open().contains(event.target)) open().open = false; });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !open()?.contains(event.target)) return;
    event.stopImmediatePropagation();
    const menu = open();
    menu.open = false;
    menu.querySelector("summary").focus();
  });

  // A device whose keyboard stays closed: it opens once, for one code.
  const field = () => document.getElementById("scan");
  const showKeyboard = () => { const keyboard = document.getElementById("keyboard"); if (keyboard) keyboard.hidden = false; };
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("#keyboard")) return;
    field().inputMode = "text";
    field().blur();
    field().focus();
  });
  document.addEventListener("submit", (event) => { if (event.target.id === "scan-form" && document.getElementById("keyboard")) field().inputMode = "none"; });
  document.addEventListener("swapped", showKeyboard);
  showKeyboard();

  // Signing in: a badge may be scanned whatever has the focus.
  document.addEventListener("scan", (event) => {
    const pin = document.getElementById("pin");
    if (!pin) return;
    pin.value = event.detail;
    pin.form.requestSubmit();
  });

  // Signing in: after the name comes the PIN. Arrow keys, which go through the names, make clicks without a `detail`.
  document.addEventListener("click", (event) => {
    if (event.detail && event.target.closest?.("#names label")) setTimeout(() => document.getElementById("pin").focus());
  });
})();
