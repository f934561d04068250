// The dashboard works without this file; it adds: rows that appear by themselves, copy buttons, a running clock.
"use strict";

const byId = (id) => document.getElementById(id);

// ── copy ──
for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  const label = button.firstChild;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(byId(button.dataset.copy).textContent.trim());
    label.textContent = "Copied";
    setTimeout(() => { label.textContent = "Copy"; }, 1500);
  });
}

// ── the clock ──
let loaded = performance.now();
setInterval(() => {
  const now = byId("now");
  if (now === null || !("rate" in now.dataset)) return;
  const moment = new Date(now.dataset.epoch * 1000 + (performance.now() - loaded) * now.dataset.rate);
  now.textContent = moment.toISOString().slice(0, 19).replace("T", " ") + " UTC";
}, 1000);

// A link to a request opens it.
function openTarget() {
  const details = location.hash ? byId(location.hash.slice(1))?.querySelector("details") : null;
  if (details) details.open = true;
}
openTarget();
addEventListener("hashchange", openTarget);

// ── live: the page is asked for again, and what is new in it is put in; what is open stays open ──
const live = byId("live");
let source = null;
let asked = false;

// A user's row changes; a request and a message do not, and may have been opened.
const isKept = (list, row) => row && (list.dataset.live !== "user" || row.contains(document.activeElement));

function merge(fresh) {
  for (const list of document.querySelectorAll("[data-live]")) {
    const wanted = [...fresh.querySelector(`[data-live="${list.dataset.live}"]`).children];
    const kept = new Map([...list.children].map((row) => [row.id, row]));
    for (const row of wanted) {
      if (!kept.has(row.id)) row.classList.add("new");
    }
    list.replaceChildren(...wanted.map((row) => {
      const old = kept.get(row.id);
      return isKept(list, old) ? old : document.adoptNode(row);
    }));
  }
  for (const element of document.querySelectorAll("[data-fresh]")) {
    const newer = fresh.getElementById(element.id);
    if (newer) element.replaceChildren(...newer.childNodes);
  }
  const strip = byId("strip");
  if (strip.contains(document.activeElement) || byId("clock").open) return;
  strip.replaceWith(document.adoptNode(fresh.getElementById("strip")));
  loaded = performance.now();
}

async function refresh(said) {
  if (asked) return;
  asked = true;
  await new Promise((done) => { setTimeout(done, 100); }); // a login is a burst of requests
  asked = false;
  const response = await fetch(location.href);
  if (!response.ok) return;
  merge(new DOMParser().parseFromString(await response.text(), "text/html"));
  byId("announce").textContent = said;
}

function connect() {
  source = new EventSource("/_mockidp/requests/stream");
  source.onopen = () => { live.dataset.state = "open"; };
  source.onerror = () => { live.dataset.state = "lost"; };
  source.onmessage = (event) => {
    const request = JSON.parse(event.data);
    refresh(`New request: ${request.method} ${request.path}, ${request.status ?? "dropped"}`);
  };
  source.addEventListener("reset", () => refresh("The mock was reset"));
}

function pause() {
  source.close();
  source = null;
  delete live.dataset.state;
}

if (live) {
  live.hidden = false;
  connect();
  live.addEventListener("click", () => {
    source ? pause() : (connect(), refresh("Live again"));
    live.setAttribute("aria-pressed", String(source !== null));
  });
  addEventListener("pagehide", () => source?.close());
}
