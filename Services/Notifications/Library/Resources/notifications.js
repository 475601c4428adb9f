"use strict";

const names = new Map();
const shownLimit = 500;
let subscription = null;
let source = null;
let lastID = "0";
let count = 0;

const stored = {
  get() { try { return JSON.parse(localStorage.getItem("signalbox.subscription")); } catch { return null; } },
  set(value) {
    try {
      if (value) localStorage.setItem("signalbox.subscription", JSON.stringify(value));
      else localStorage.removeItem("signalbox.subscription");
    } catch { /* a browser that keeps nothing still shows everything */ }
  },
};

showConnection("idle", "not subscribed");

function fail(text) {
  element("error").textContent = text;
  element("error").hidden = !text;
}

function amount(seconds) {
  const size = Math.abs(seconds);
  const minutes = Math.floor(size / 60);
  const rest = size % 60;
  return `${seconds < 0 ? "−" : "+"}${minutes ? `${minutes} min ` : ""}${rest || !minutes ? `${rest} s` : ""}`.trim();
}

function row(...cells) {
  const item = document.createElement("li");
  item.append(...cells);
  element("feed").prepend(item);
  while (element("feed").childElementCount > shownLimit) element("feed").lastElementChild.remove();
  element("empty").hidden = true;
  return item;
}

function cell(tag, text, className) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function showNotification(event) {
  lastID = event.lastEventId;
  const fact = JSON.parse(event.data);
  const time = cell("time", fact.at.slice(11, 19));
  time.dateTime = fact.at;
  row(time, cell("span", fact.text), cell("span", amount(fact.delaySeconds), `delay${fact.delaySeconds < 0 ? " early" : ""}`));
  count += 1;
  element("count").textContent = count;
}

function listen() {
  source?.close();
  source = new EventSource(`notifications/events?subscription=${encodeURIComponent(subscription.id)}&lastEventId=${lastID}`);
  source.onopen = () => showConnection("live", "live");
  source.onerror = () => {
    showConnection("lost", "connection lost, trying again");
    // A refusal ends the source for good: ask whether the subscription is still there.
    if (source.readyState === EventSource.CLOSED) setTimeout(check, 2000);
  };
  source.addEventListener("notification", showNotification);
  source.addEventListener("gap", (event) => {
    row(cell("span", JSON.parse(event.data).text)).className = "gap";
  });
}

async function check() {
  if (!subscription) return;
  try {
    const answer = await fetch("subscriptions");
    if (answer.ok && !(await answer.json()).some((one) => one.id === subscription.id)) return forget();
  } catch { /* not reachable: try again below */ }
  listen();
}

function forget() {
  source?.close();
  source = null;
  subscription = null;
  lastID = "0";
  count = 0;
  stored.set(null);
  element("feed").replaceChildren();
  element("count").textContent = "0";
  element("empty").hidden = false;
  element("empty").textContent = "Nothing yet. Subscribe, and keep this page open.";
  showConnection("idle", "not subscribed");
  show();
}

function show() {
  element("mine").hidden = !subscription;
  element("form").hidden = Boolean(subscription);
  if (!subscription) return;
  const name = names.get(subscription.station) ?? subscription.station;
  element("summary").textContent = `${name}, from ${subscription.thresholdSeconds} seconds.`;
  element("empty").textContent = `Waiting for the first train at ${name} that is so late.`;
}

async function subscribe(event) {
  event.preventDefault();
  fail("");
  const body = { station: element("station").value, thresholdSeconds: Number(element("threshold").value) };
  try {
    const answer = await fetch("subscriptions", {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
    });
    const document = await answer.json();
    if (!answer.ok) return fail(document.error);
    subscription = document;
    stored.set(subscription);
    show();
    listen();
  } catch {
    fail("The service cannot be reached. Try again.");
  }
}

async function leave() {
  fail("");
  try {
    const answer = await fetch(`subscriptions/${encodeURIComponent(subscription.id)}`, { method: "DELETE" });
    if (!answer.ok && answer.status !== 404) return fail((await answer.json()).error);
    forget();
  } catch {
    fail("The service cannot be reached. Try again.");
  }
}

async function start() {
  try {
    for (const station of await (await fetch("stations")).json()) {
      names.set(station.id, station.name);
      element("station").append(new Option(station.name, station.id));
    }
  } catch {
    showConnection("lost", "the service cannot be reached");
    return setTimeout(start, 2000);
  }
  subscription = stored.get();
  show();
  if (subscription) await check();
}

element("form").addEventListener("submit", subscribe);
element("leave").addEventListener("click", leave);
start();
