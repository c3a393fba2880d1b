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
  // The labels are printed in this page, once: another tab would take the scans.
  function printLabels() {
    const labels = document.querySelector("[data-labels]"), said = document.body.dataset.said, printed = "supplier-agent labels";
    if (!labels || sessionStorage.getItem(printed) === said) return;
    sessionStorage.setItem(printed, said);
    document.dispatchEvent(new CustomEvent("labels", { detail: labels.href }));
  }

  document.addEventListener("swapped", count);
  addEventListener("pageshow", count);
  count();
  printLabels();
})();
