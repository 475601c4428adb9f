"use strict";

const sparkLength = 60;
const names = new Map();
const rates = new Map();
const drawings = [];
let state = null;
let receivedAt = 0;
let shownTime = 0;

function connection(name, text) {
  showConnection(name, text);
  showState();
}

function showState() {
  const isLost = element("connection").dataset.state === "lost";
  element("room").dataset.state = isLost ? "lost" : state?.now ? "running" : "waiting";
}

/** Event time now: it runs on between events, and never back by the little that messages differ. */
function eventTime() {
  if (!state?.nowMilliseconds) return null;
  const isLive = element("connection").dataset.state === "live";
  const ahead = isLive ? Math.min(performance.now() - receivedAt, 5000) * state.rate : 0;
  const now = state.nowMilliseconds + ahead;
  const behind = shownTime - now;
  if (behind > 0 && behind < 4000 * Math.max(state.rate, 1)) return shownTime;
  shownTime = now;
  return now;
}

function offsetOf(text) {
  const match = /([+-])(\d\d):(\d\d)$/.exec(text);
  return match ? (match[1] === "-" ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3])) * 60000 : 0;
}

function showNetwork(network) {
  const container = element("lines");
  container.replaceChildren();
  drawings.length = 0;
  for (const line of network.lines) {
    for (const stop of line.stops) names.set(stop.id, stop.name);
    if (network.lines.length > 1) {
      const title = document.createElement("h3");
      title.textContent = line.name;
      container.append(title);
    }
    drawings.push(new LineDrawing(line, container));
  }
  if (network.lines.length === 1) element("line-title").textContent = network.lines[0].name.replace(" - ", " – ");
}

function cell(text, className) {
  const made = document.createElement("td");
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

/** Gives a table body as many rows as there are items, and fills them; rows are kept, so nothing flickers. */
function fill(body, items, make) {
  while (body.rows.length > items.length) body.deleteRow(-1);
  items.forEach((item, index) => {
    const cells = make(item);
    const row = body.rows[index] ?? body.insertRow();
    if (row.cells.length !== cells.length) return row.replaceChildren(...cells);
    cells.forEach((cell, column) => {
      const old = row.cells[column];
      if (old.textContent !== cell.textContent || old.className !== cell.className || cell.firstElementChild) old.replaceWith(cell);
    });
  });
}

function where(train) {
  const here = names.get(train.station) ?? train.station;
  return train.next == null ? `at ${here}` : `${here} → ${names.get(train.next) ?? train.next}`;
}

function delayCell(train) {
  if (train.delaySeconds == null) return cell("–", "number soft");
  const isOnTime = Math.abs(train.delaySeconds) < state.lateSeconds;
  return cell(shortDelay(train.delaySeconds), `number${train.isLate ? " late" : isOnTime ? " soft" : ""}`);
}

function showLine(next) {
  state = next;
  receivedAt = performance.now();
  const late = state.trains.filter((train) => train.isLate).length;
  element("trains").textContent = state.trains.length;
  element("late").textContent = late;
  element("late").parentElement.toggleAttribute("data-any", late > 0);
  element("rate").textContent = !state.now ? "–" : state.rate === 0 ? "max" : `${Math.round(state.rate * 10) / 10}×`;
  element("no-trains").hidden = state.trains.length > 0;
  fill(element("train-rows"), state.trains.slice(0, 60), (train) => [
    cell(train.train), cell(where(train)), cell(train.since.slice(11, 19), "wide soft"), delayCell(train),
  ]);
  showState();
}

function spark(values) {
  const drawing = svgElement("svg", { class: "spark", viewBox: `0 0 ${sparkLength - 1} 20`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const top = Math.max(...values, 1);
  const first = sparkLength - values.length;
  const points = values.map((value, index) => `${first + index},${(19 - 18 * value / top).toFixed(1)}`);
  drawing.append(svgElement("line", { x1: 0, y1: 19.5, x2: sparkLength - 1, y2: 19.5, class: "base" }));
  drawing.append(svgElement("polyline", { points: points.join(" ") }));
  const made = cell("", "wide");
  made.append(drawing);
  return made;
}

const count = new Intl.NumberFormat("en", { useGrouping: true });
const perSecond = (rate) => (rate >= 100 ? count.format(Math.round(rate)) : rate.toFixed(1));

function showTopics(next) {
  element("topics-note").textContent = next.isReachable ? "" : "the log cannot be reached";
  let sum = 0;
  for (const topic of next.topics) {
    const values = rates.get(topic.name) ?? [];
    values.push(topic.recordsPerSecond);
    if (values.length > sparkLength) values.shift();
    rates.set(topic.name, values);
    sum += topic.recordsPerSecond;
  }
  element("records").firstChild.textContent = perSecond(sum);
  fill(element("topic-rows"), next.topics, (topic) => [
    cell(topic.name), spark(rates.get(topic.name)), cell(count.format(topic.records), "number soft"),
    cell(perSecond(topic.recordsPerSecond), "number"),
  ]);
}

function frame() {
  const now = eventTime();
  if (now != null) {
    for (const drawing of drawings) drawing.draw(state.trains, now);
    const local = new Date(now + offsetOf(state.now)).toISOString();
    const time = local.slice(11, 19);
    if (element("time").textContent !== time) element("time").textContent = time;
    if (element("date").textContent !== local.slice(0, 10)) element("date").textContent = local.slice(0, 10);
  }
  requestAnimationFrame(frame);
}

function listen() {
  const source = new EventSource("events");
  source.onopen = () => connection("live", "live");
  source.onerror = () => {
    connection("lost", "connection lost, trying again");
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  };
  source.addEventListener("network", (event) => showNetwork(JSON.parse(event.data)));
  source.addEventListener("line", (event) => showLine(JSON.parse(event.data)));
  source.addEventListener("topics", (event) => showTopics(JSON.parse(event.data)));
}

let resizing = 0;
addEventListener("resize", () => {
  clearTimeout(resizing);
  resizing = setTimeout(() => { for (const drawing of drawings) drawing.layOut(); }, 100);
});

listen();
requestAnimationFrame(frame);
