// What the page does beyond plain forms: the scan field keeps the focus, answers sound, the undo time runs down, and what the
// agent could not receive is kept here and sent again, each with its own key, so that it is recorded once.
"use strict";
(() => {
  const UNSENT = "supplier-agent unsent";
  const AGAIN = 2000, PULSE = 5000, SOON = 1000, PATIENCE = 15000;
  const TONES = { green: [[660, 0.09], [880, 0.16]], blue: [[660, 0.07]], yellow: [[440, 0.12], [440, 0.12]], red: [[196, 0.35], [147, 0.4]], alarm: [[523, 0.12], [392, 0.12], [523, 0.12], [392, 0.3]] };
  const body = document.body;
  const field = () => document.getElementById("scan");
  const who = () => body.dataset.who || "";
  let sound = null, sending = false;

  const kept = () => { try { return JSON.parse(localStorage.getItem(UNSENT)) || []; } catch { return []; } };
  const keep = (items) => { localStorage.setItem(UNSENT, JSON.stringify(items)); tellUnsent(items); };
  const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

  function tellUnsent(items) {
    const bar = document.getElementById("unsent");
    if (!bar) return;
    const late = items.filter((item) => item.tried || item.who !== who());
    const names = [...new Set(late.map((item) => item.who).filter((name) => name !== who()))];
    bar.hidden = !late.length;
    bar.querySelector("b").textContent = late.length + (names.length ? ` (${names.join(", ")})` : "");
  }

  function focusScan() {
    if (field() && [null, body, document.getElementById("screen")].includes(document.activeElement)) field().focus({ preventScroll: true });
  }

  function play(sign) {
    if (!("sound" in body.dataset) || !TONES[sign]) return;
    sound = sound || new AudioContext();
    let at = sound.currentTime + 0.01;
    for (const [pitch, seconds] of TONES[sign]) {
      const tone = sound.createOscillator(), loud = sound.createGain();
      tone.type = sign === "red" || sign === "alarm" ? "square" : "sine";
      tone.frequency.value = pitch;
      loud.gain.setValueAtTime(0.25, at).exponentialRampToValueAtTime(0.001, at + seconds);
      tone.connect(loud).connect(sound.destination);
      tone.start(at);
      tone.stop((at += seconds + 0.03) - 0.03);
    }
  }

  // Puts the answered page in place of this one, and leaves the scan field alone: someone may be typing in it.
  function swap(html) {
    const next = new DOMParser().parseFromString(html, "text/html");
    if (!next.getElementById("screen")) return;
    document.getElementById("screen").replaceWith(document.adoptNode(next.getElementById("screen")));
    showBar([...next.getElementById("pulse").children]);
    const token = next.querySelector("input[name=token]").value;
    for (const each of document.querySelectorAll("input[name=token]")) each.value = token;
    const fresh = next.body.dataset.said !== body.dataset.said;
    Object.assign(body.dataset, { said: next.body.dataset.said, who: next.body.dataset.who });
    if (fresh) tellAnswer();
    countDown();
    focusScan();
    tellAlarm();
    lookSoon();
    document.dispatchEvent(new Event("swapped"));
  }

  // A label that did not come out sounds once, on whatever page, and whatever was scanned since.
  function tellAlarm() {
    const alarm = document.querySelector("[data-alarm]"), heard = "supplier-agent alarm";
    if (!alarm || alarm.dataset.alarm === sessionStorage.getItem(heard)) return;
    sessionStorage.setItem(heard, alarm.dataset.alarm);
    play("alarm");
    document.getElementById("aloud").textContent = alarm.innerText;
  }

  let soon = 0;
  function lookSoon() {
    clearTimeout(soon);
    if (document.querySelector("[data-soon]")) soon = setTimeout(() => document.activeElement.closest("main") ? lookSoon() : refresh(), SOON);
  }

  function tellAnswer() {
    const answer = document.querySelector("[data-sign]");
    if (answer && !("silent" in answer.dataset)) play(answer.dataset.sign);
    document.getElementById("aloud").textContent = answer ? answer.querySelector("p").innerText : "";
    const label = document.querySelector("[data-print]");
    if (label) printInPlace(label.href);
  }

  function printInPlace(href) {
    document.querySelectorAll("iframe").forEach((old) => old.remove());
    const frame = Object.assign(document.createElement("iframe"), { hidden: true, src: href });
    frame.onload = () => { try { frame.contentWindow.print(); } catch { /* the link stays */ } };
    body.append(frame);
  }

  const wait = () => ({ signal: AbortSignal.timeout(PATIENCE) });

  async function refresh() {
    const said = body.dataset.said;
    try {
      const answer = await fetch(location.href, wait()), html = answer.ok && !answer.redirected && await answer.text();
      if (html && body.dataset.said === said) swap(html); // else something was scanned meanwhile
    } catch { /* the pulse tells */ }
  }

  async function send() {
    if (sending) return;
    sending = true;
    try {
      for (let item; (item = kept().find((each) => each.who === who()));) {
        const form = new URLSearchParams(item.fields);
        form.set("token", document.querySelector("input[name=token]")?.value || "");
        form.set("age", String(Math.max(0, Date.now() - item.at)));
        const answer = await fetch(item.url, { method: "POST", body: form, ...wait() });
        if (new URL(answer.url).pathname === "/sign-in") { location.assign("/sign-in"); return; }
        if (answer.status === 403) await refresh(); // signed in again elsewhere: the next try has the new token
        const html = await answer.text();
        const said = new DOMParser().parseFromString(html, "text/html").body?.dataset.said;
        if (!answer.ok || said !== item.fields.key) throw new Error("not recorded");
        keep(kept().filter((each) => each.fields.key !== item.fields.key));
        if (field()) swap(html);
      }
    } catch {
      keep(kept().map((item) => ({ ...item, tried: true })));
      setTimeout(send, AGAIN);
    } finally {
      sending = false;
    }
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!("keep" in form.dataset)) return;
    event.preventDefault();
    const fields = Object.fromEntries(new FormData(form, event.submitter));
    if (form.id === "scan-form") { form.reset(); if (!fields.code.trim()) return; }
    delete fields.token;
    keep([...kept(), { url: form.getAttribute("action"), fields: { ...fields, key: newKey() }, at: Date.now(), who: who(), tried: false }]);
    send();
  });

  document.addEventListener("click", (event) => {
    const ask = event.target.dataset?.ask;
    if (ask && confirm(ask)) keep([]);
    if (!event.target.closest("a, button, input, select, label, summary")) focusScan();
  });

  document.addEventListener("keydown", (event) => {
    const typed = field();
    if (!typed || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape") { typed.value = ""; typed.focus(); }
    else if (event.key.length === 1 && document.activeElement !== typed && !document.activeElement.matches("input, select, button, a, summary")) typed.focus();
  });

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

  let ticking = 0;
  function countDown() {
    clearInterval(ticking);
    const undo = document.querySelector("[data-left]");
    if (!undo) return;
    const end = performance.now() + Number(undo.dataset.left) * 1000;
    ticking = setInterval(() => {
      const left = Math.max(0, (end - performance.now()) / 1000);
      undo.querySelector("progress").value = left;
      undo.querySelector(".left").textContent = Math.ceil(left);
      if (left <= 0) { clearInterval(ticking); setTimeout(refresh, 700); }
    }, 200);
  }

  // Changes only what is different, so that a link keeps the focus.
  function showBar(next) {
    const bar = document.getElementById("pulse"), links = [...bar.children];
    next.forEach((link, place) => {
      const old = links[place];
      if (!old) bar.append(link);
      else if (!old.isEqualNode(link)) {
        for (const name of new Set([...old.getAttributeNames(), ...link.getAttributeNames()])) {
          if (link.hasAttribute(name)) old.setAttribute(name, link.getAttribute(name));
          else old.removeAttribute(name);
        }
        old.replaceChildren(...link.childNodes);
      }
    });
    links.slice(next.length).forEach((gone) => gone.remove());
  }

  async function pulse() {
    try {
      const answer = await fetch("/pulse?at=" + encodeURIComponent(location.pathname), wait());
      if (answer.ok && !answer.redirected) {
        showBar([...new DOMParser().parseFromString(await answer.text(), "text/html").body.children]);
        tellAlarm();
        if (kept().length) send();
        else if (document.querySelector("[data-live]") && !document.activeElement.closest("main")) refresh();
      }
    } catch { /* unsent scans tell it; nothing else is lost */ }
  }

  // The menu closes as people expect it.
  const menu = document.querySelector(".menu");
  document.addEventListener("click", (event) => { if (menu?.open && !menu.contains(event.target)) menu.open = false; });
  menu?.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    event.stopPropagation();
    menu.open = false;
    menu.querySelector("summary").focus();
  });

  // A device whose keyboard stays closed: it opens once, for one code.
  const keyboard = document.getElementById("keyboard");
  if (keyboard) {
    keyboard.hidden = false;
    keyboard.addEventListener("click", () => { field().inputMode = "text"; field().blur(); field().focus(); });
    field().form.addEventListener("submit", () => { field().inputMode = "none"; });
  }

  // Signing in: after the name comes the PIN. Arrow keys, which go through the names, make clicks without a `detail`.
  document.getElementById("names")?.addEventListener("click", (event) => {
    if (event.detail && event.target.closest("label")) setTimeout(() => document.getElementById("pin").focus());
  });

  if (!document.getElementById("pulse")) return;
  tellUnsent(kept());
  countDown();
  focusScan();
  tellAlarm();
  lookSoon();
  if (kept().length) send();
  setInterval(pulse, PULSE);
})();
