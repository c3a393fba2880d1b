// Tells a scanner from a person: a scanner types faster than anyone, and ends with Enter or Tab. Whatever has the focus, its text
// becomes a "scan" event of the document. It stays in no field, and its end presses nothing. What people type is left alone.
// Where nothing can be written, on a button for example, any text is a scan: there a slow scanner must press nothing either.
"use strict";
(() => {
  const LEAST = 4; // characters: fewer may be typed fast
  const FAST = 60, PAUSE = 1000, END = 400; // milliseconds: between two keys of a scanner, after which a text begins, after a scan
  const EDITS = /^(Backspace|Delete|Escape|Home|End|Arrow.*)$/; // keys that only a person presses
  const WRITES = "input:not([type=checkbox], [type=radio]), textarea, select";
  let text = "", fast = 0, last = 0, ended = -END, before = new Map(); // fast: how many of its keys came fast

  const isText = (event) => event.key.length === 1 && (event.getModifierState("AltGraph") || !(event.ctrlKey || event.altKey || event.metaKey));
  const writes = () => document.activeElement?.matches(WRITES);
  const isScan = () => text.length >= LEAST && (fast * 2 > text.length - 1 || !writes());
  const presses = (event) => event.key === " " && text && !writes();

  // The fields that a scan ends up in, with their values before it. The focus may move while it is typed.
  function remember(field) {
    if (field && "value" in field && !before.has(field)) before.set(field, field.value);
  }

  // Empties the fields of it, and returns it. What the scan field holds is sent as a whole, as ever: a code is never cut short.
  function takeOut(code) {
    const field = document.getElementById("scan"), whole = field?.value || "";
    for (const [each, value] of before) if (each.value !== value) each.value = value;
    if (field) field.value = "";
    return whole.length > code.length ? whole : code;
  }

  function stop(event) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  addEventListener("keydown", (event) => {
    const at = event.timeStamp;
    if (event.key === "Enter" || event.key === "Tab") {
      const code = text;
      const scanned = !event.repeat && isScan();
      text = "";
      if (scanned || (!code && at - ended <= END)) stop(event); // some scanners send both, or one of them twice
      if (!scanned) return;
      ended = at;
      document.dispatchEvent(new CustomEvent("scan", { detail: takeOut(code) }));
    } else if (isText(event)) {
      // A scan that falters is not cut in two: the rest of a code may be the code of another order.
      if (!text || event.repeat || (at - last > PAUSE && !isScan())) { text = ""; fast = 0; before = new Map(); }
      else if (at - last <= FAST) fast += 1;
      remember(document.activeElement);
      if (presses(event)) event.preventDefault();
      if (!event.repeat) text += event.key;
      last = at;
    } else if (EDITS.test(event.key)) text = "";
  }, true);

  addEventListener("pointerdown", () => { text = ""; }, true);
  addEventListener("keyup", (event) => { if (presses(event)) event.preventDefault(); }, true);
})();
