// What the page does beyond plain forms: scans are taken on every page, answers sound, the undo time runs down, and what the agent
// could not receive is kept here and sent again, each with its own key, so that it is recorded once.
"use strict";
(() => {
  const UNSENT = "supplier-agent unsent", REFUSED = "supplier-agent refused";
  const AGAIN = 2000, PULSE = 5000, PATIENCE = 15000, SLOW = 1500, SOON = 1000;
  const TONES = {
    green: [[660, 0.09], [880, 0.16]], blue: [[660, 0.07]], yellow: [[440, 0.12], [440, 0.12]], red: [[196, 0.35], [147, 0.4]],
    kept: [[520, 0.07], [390, 0.07], [520, 0.07]], repeated: [[990, 0.04]], alarm: [[523, 0.12], [392, 0.12], [523, 0.12], [392, 0.3]],
  };
  const WRITES = "input:not([type=checkbox], [type=radio]), textarea, select";
  const body = document.body;
  if (!body.dataset.who) return; // nobody is signed in
  const field = () => document.getElementById("scan");
  const who = () => body.dataset.who;
  const home = (page) => page.getElementById("scan-form")?.getAttribute("action") || ""; // where its scans go
  const signOf = (page) => page.querySelector("#said [data-sign]")?.dataset.sign || "";
  const textOf = (element) => (element ? element.textContent.replace(/\s+/g, " ").trim() : "");
  const read = (html) => new DOMParser().parseFromString(html, "text/html");
  let sound = null, sending = false, path = location.pathname, turn = 0; // turn: how often something was sent, or answered

  const stored = (name) => { try { return JSON.parse(localStorage.getItem(name)) || []; } catch { return []; } };
  const save = (name, items) => { localStorage.setItem(name, JSON.stringify(items)); tellKept(); };
  const mine = () => stored(UNSENT).filter((item) => item.who === who());
  const others = () => stored(UNSENT).filter((item) => item.who !== who());
  const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

  // -- what is kept in this browser -----------------------------------------------------------------------------------

  function tellKept() {
    const bar = document.getElementById("unsent"), list = document.getElementById("refused");
    if (!bar || !list) return;
    const late = mine().filter((item) => item.tried), theirs = others();
    bar.hidden = !late.length;
    bar.querySelector("b").textContent = late.length;
    const elses = document.getElementById("others");
    elses.hidden = !theirs.length;
    elses.querySelector("b").textContent = theirs.map((item) => `${item.who}: ${item.name}`).join(", ");
    const refused = stored(REFUSED);
    list.hidden = !refused.length;
    list.querySelector("ul").replaceChildren(...refused.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  }

  // The agent does not answer: says that the last scan is kept, and takes the order before it, and its buttons, off the screen.
  function hold() {
    const items = mine(), last = items.filter((item) => !item.tried).pop();
    if (!last) return;
    save(UNSENT, stored(UNSENT).map((item) => (item.who === who() ? { ...item, tried: true } : item)));
    play("kept");
    const kept = document.getElementById("kept")?.content.cloneNode(true);
    if (!kept) return;
    kept.querySelector(".id").textContent = last.name;
    document.getElementById("screen").replaceChildren(kept);
    readAloud();
    focusScan();
  }

  // A badge changes the person. Its code is not kept here: if the agent does not answer, the badge is scanned again. What is scanned
  // meanwhile belongs to the next person.
  const isBadge = (code) => new RegExp(`^(\\][a-z][0-9a-z])?${body.dataset.badge}$`, "i").test((code || "").replace(/[^!-~]/g, ""));
  let early = null; // null: the person is not changing
  async function change(code) {
    early = early || [];
    for (let tries = 0; mine().length && tries < 20; tries++) { send(); await new Promise((next) => setTimeout(next, 100)); }
    const answer = await fetch("/sign-in", { method: "POST", body: new URLSearchParams({ badge: code }), signal: AbortSignal.timeout(2 * SLOW) }).catch(() => null);
    const page = answer && read(await answer.text()), meanwhile = early || [];
    early = null;
    if (answer?.redirected) { changeTo(page); play("blue"); }
    else refuse(page);
    for (const each of meanwhile) take(...each);
  }

  // Another person is signed in. The page is not loaded: that would cut a scan in two, and its rest may be the code of another order.
  function changeTo(page) {
    Object.assign(body.dataset, { said: page.body.dataset.said, who: page.body.dataset.who });
    become(page);
    countDown();
    focusScan();
    document.dispatchEvent(new Event("swapped"));
  }

  function refuse(page) {
    const said = document.getElementById("away")?.content.cloneNode(true), told = page?.querySelector("[role=alert]");
    if (!said) { location.assign("/sign-in"); return; }
    if (told) said.querySelector("p").replaceWith(told);
    document.getElementById("screen").replaceChildren(said);
    play("red");
    document.getElementById("aloud").textContent = textOf(document.getElementById("said"));
    focusScan();
  }

  // What another person's scans become who is gone: sent as the present person's, or deleted, once that is noted.
  function adopt() {
    save(UNSENT, stored(UNSENT).map((item) => ({ ...item, who: who() })));
    send();
  }
  async function drop() {
    const gone = others(), form = new URLSearchParams({ token: tokenOf(document) });
    for (const item of gone) form.append("scan", `${item.who}: ${item.name}`);
    const noted = await fetch("/dropped", { method: "POST", body: form, ...wait() }).catch(() => null);
    if (noted?.ok) save(UNSENT, stored(UNSENT).filter((item) => !gone.some((each) => each.fields.key === item.fields.key)));
  }

  const unsent = (url, fields, name, by) => ({ url, fields: { ...fields, key: newKey() }, name, at: Date.now(), who: by, from: home(document), tried: false });

  function take(url, fields, name) {
    if (isBadge(fields.code)) { change(fields.code); return; }
    if (early) { early.push([url, fields, name]); return; }
    const isAway = mine().some((item) => item.tried);
    save(UNSENT, [...stored(UNSENT), unsent(url, fields, name, who())]);
    if (isAway) hold();
    send();
  }

  // An answer that the next one covers at once, or that came late, is not seen: what must not ship stays in a list.
  function listIfRefused(page, item) {
    if (signOf(page) !== "red" || !(item.tried || mine().length || isElsewhere(item))) return;
    const time = new Date(item.at).toLocaleTimeString(document.documentElement.lang, { timeStyle: "short" });
    save(REFUSED, [...stored(REFUSED), `${time} ${textOf(page.querySelector("#said [data-sign] p"))}`]);
  }

  // -- what is on the screen ------------------------------------------------------------------------------------------

  function focusScan() {
    if (field() && [null, body, document.getElementById("screen")].includes(document.activeElement)) field().focus({ preventScroll: true });
  }

  function play(sign) {
    if (!("sound" in body.dataset) || !TONES[sign]) return;
    sound = sound || new AudioContext();
    sound.resume();
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

  // It was made on another page with a scan field. Its answer must not take this page away: the next scan would mean something else.
  const isElsewhere = (item) => Boolean(field()) && "from" in item && item.from !== home(document);

  // What a person reads there. The keys of forms and the time left to undo differ in each copy of the same page.
  const face = (page) => Array.from(page.querySelectorAll("#screen :is(p, li, h1, dd, button)"), textOf).join("\n");

  const readAloud = () => { document.getElementById("aloud").textContent = Array.from(document.querySelectorAll("#said p"), textOf).join(" "); };

  // Puts a newer copy in place; a button that has the focus keeps it.
  function renew(id, next) {
    const active = document.activeElement;
    const same = (each) => each.tagName === active.tagName && textOf(each).replace(/\d+/g, "") === textOf(active).replace(/\d+/g, "");
    const focused = active?.closest(`#${id}`) ? [...next.querySelectorAll("a, button")].find(same) : null;
    document.getElementById(id).replaceWith(next);
    focused?.focus({ preventScroll: true });
  }

  // Puts the answered page in place of this one. The scan field is left alone, because someone may be typing in it. If scans go
  // elsewhere from now on, the whole page is replaced without being loaded, so that no scan is lost meanwhile.
  function swap(page) {
    if (!page.getElementById("screen")) return;
    const isNew = page.body.dataset.said !== body.dataset.said, sign = signOf(document);
    const isOther = isNew || face(page) !== face(document);
    Object.assign(body.dataset, { said: page.body.dataset.said, who: page.body.dataset.who });
    for (const each of document.querySelectorAll("input[name=token]")) each.value = tokenOf(page);
    if (home(page) === home(document)) {
      renewPulse(page.getElementById("pulse"));
      if (isNew) document.getElementById("screen").replaceWith(page.getElementById("screen"));
      else if (isOther) renew("screen", page.getElementById("screen"));
    } else {
      become(page);
    }
    if (isOther) {
      tell(isNew, sign);
      countDown();
      focusScan();
      document.dispatchEvent(new Event("swapped"));
    }
    tellAlarm();
    lookSoon();
  }

  function become(page) {
    document.title = page.title;
    if (location.pathname !== page.body.dataset.path) history.pushState(null, "", (path = page.body.dataset.path));
    body.replaceChildren(...page.body.childNodes);
    tellKept();
  }

  function renewPulse(next) {
    if (next && textOf(next) !== textOf(document.getElementById("pulse"))) renew("pulse", next);
  }

  // A label that did not come out sounds once, on whatever page, and whatever was scanned since.
  function tellAlarm() {
    const alarm = document.querySelector("[data-alarm]"), heard = "supplier-agent alarm";
    if (!alarm || alarm.dataset.alarm === sessionStorage.getItem(heard)) return;
    sessionStorage.setItem(heard, alarm.dataset.alarm);
    play("alarm");
    document.getElementById("aloud").textContent = alarm.innerText;
  }

  // What a printer does with a label is known a moment after the answer.
  let soon = 0;
  function lookSoon() {
    clearTimeout(soon);
    if (document.querySelector("[data-soon]")) soon = setTimeout(() => document.activeElement?.closest("main") ? lookSoon() : refresh(), SOON);
  }

  function tell(isNew, signBefore) {
    const answer = document.querySelector("#said [data-sign]"), label = document.querySelector("[data-print]");
    readAloud();
    if (answer && isNew) play("repeated" in answer.dataset ? "repeated" : answer.dataset.sign);
    else if (answer && answer.dataset.sign !== signBefore) play(answer.dataset.sign);
    if (label && isNew) printInPlace(label.href);
    if (isNew && document.querySelector("[data-print-now]")) setTimeout(() => window.print());
  }

  function printInPlace(href) {
    document.querySelectorAll("iframe").forEach((old) => old.remove());
    const frame = Object.assign(document.createElement("iframe"), { hidden: true, src: href });
    frame.onload = () => { try { frame.contentWindow.print(); } catch { /* the link stays */ } };
    body.append(frame);
  }

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

  // -- the agent ------------------------------------------------------------------------------------------------------

  const wait = () => ({ signal: AbortSignal.timeout(PATIENCE) });
  const tokenOf = (page) => page.querySelector("input[name=token]")?.value || "";

  async function get(path) {
    const answer = await fetch(path, wait());
    return answer.ok && !answer.redirected ? read(await answer.text()) : null;
  }

  // Shows what has changed elsewhere. An older page than the last answer is not shown.
  async function refresh() {
    const before = turn;
    try {
      const page = await get(location.pathname + location.search);
      if (page && turn === before && home(page) === home(document)) swap(page);
    } catch { /* unsent scans tell it; nothing else is lost */ }
  }

  async function send() {
    if (sending) return;
    sending = true;
    let token = tokenOf(document);
    try {
      for (let item; (item = mine()[0]);) {
        turn += 1;
        const form = new URLSearchParams(item.fields);
        form.set("token", token);
        form.set("age", String(Math.max(0, Date.now() - item.at)));
        const slow = setTimeout(hold, SLOW);
        const answer = await fetch(item.url, { method: "POST", body: form, ...wait() });
        const page = read(await answer.text());
        clearTimeout(slow);
        if (new URL(answer.url).pathname === "/sign-in") { location.assign("/sign-in"); return; }
        if (answer.status === 403) { // signed in again elsewhere: the next try has the new token
          const fresh = await get("/");
          if (fresh && fresh.body.dataset.who !== who()) { changeTo(fresh); return; }
          if (fresh && tokenOf(fresh) !== token) { token = tokenOf(fresh); continue; }
        }
        if (!answer.ok || page.body.dataset.said !== item.fields.key) throw new Error("not recorded");
        const items = stored(UNSENT), sent = items.find((each) => each.fields.key === item.fields.key);
        turn += 1;
        token = tokenOf(page);
        save(UNSENT, items.filter((each) => each !== sent));
        listIfRefused(page, sent || item);
        if (isElsewhere(item)) play(signOf(page));
        else swap(page);
      }
    } catch {
      hold();
      setTimeout(send, AGAIN);
    } finally {
      sending = false;
    }
  }

  async function pulse() {
    if (mine().length) return send();
    if (field() && !document.querySelector(".sheet") && !document.activeElement?.matches(`#screen :is(${WRITES})`)) return refresh();
    try {
      const page = await get("/pulse?at=" + encodeURIComponent(location.pathname));
      if (page) renewPulse(Object.assign(page.createElement("span"), { id: "pulse", innerHTML: page.body.innerHTML }));
      tellAlarm();
    } catch { /* as above */ }
  }

  // -- the person -----------------------------------------------------------------------------------------------------

  document.addEventListener("labels", (event) => printInPlace(event.detail));
  document.addEventListener("scan", (event) => take(home(document) || "/scan", { code: event.detail }, event.detail));

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!("keep" in form.dataset)) return;
    event.preventDefault();
    const { token, ...fields } = Object.fromEntries(new FormData(form, event.submitter));
    if (form.id === "scan-form") { form.reset(); if (!fields.code.trim()) return; }
    take(form.getAttribute("action"), fields, fields.code || textOf(event.submitter));
  });

  document.addEventListener("click", (event) => {
    const label = event.target.closest("[data-enlarge]");
    if (label) { event.preventDefault(); label.closest(".board").classList.toggle("enlarged"); } // another window would take the scans
    if (event.target.closest("[data-seen]")) save(REFUSED, []);
    if (event.target.closest("[data-forget]")) save(UNSENT, others());
    if (event.target.closest("[data-adopt]")) adopt();
    if (event.target.closest("[data-drop]")) drop();
    if (!event.target.closest("a, button, input, select, label, summary")) focusScan();
  });

  document.addEventListener("keydown", (event) => {
    const typed = field(), active = document.activeElement;
    if (!typed || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape") { typed.value = ""; typed.focus(); }
    else if (event.key.length === 1 && event.key !== " " && !active?.matches(WRITES)) typed.focus(); // on a button too
  });

  // A printed label must not keep the focus: what is typed there is lost.
  addEventListener("blur", () => setTimeout(() => {
    if (document.activeElement?.tagName === "IFRAME") { document.activeElement.blur(); window.focus(); focusScan(); }
  }));
  addEventListener("popstate", () => { if (location.pathname !== path) location.reload(); });

  tellKept();
  countDown();
  focusScan();
  tellAlarm();
  lookSoon();
  if (mine().length) send();
  setInterval(pulse, PULSE);
})();
