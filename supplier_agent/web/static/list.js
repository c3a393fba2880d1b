// The list of orders to ship: its buttons say how many labels they print, and print nothing while nothing is ticked.
"use strict";
(() => {
  const form = () => document.querySelector("form.bulk");
  const ticks = () => [...form().querySelectorAll("input[name=row]:enabled")];

  function count() {
    if (!form()) return;
    const all = form().elements.all.checked, ticked = ticks().filter((each) => each.checked).length;
    for (const button of form().querySelectorAll("[data-texts]")) {
      button.disabled = !all && !ticked;
      button.textContent = all ? button.dataset.all : button.dataset.texts.split("|")[ticked];
    }
    const page = form().querySelector(".page-ticks");
    page.hidden = !ticks().length;
    page.checked = ticked > 0 && ticked === ticks().length;
    page.indeterminate = ticked > 0 && !page.checked;
  }

  document.addEventListener("change", (event) => {
    if (event.target.matches(".page-ticks")) for (const each of ticks()) each.checked = event.target.checked;
    count();
  });
  // A PDF opens in another tab, and this page stays: its next request is another one.
  document.addEventListener("submit", (event) => {
    const key = event.target === form() && form().elements.key;
    if (key) setTimeout(() => { key.value = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join(""); });
  });
  document.addEventListener("swapped", count);
  addEventListener("pageshow", count);
  count();
})();
