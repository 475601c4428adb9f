"use strict";
const clockOf = text => text.slice(11, 16);
const states = { EXPECTED: "expected", AT_PLATFORM: "at platform", LEFT: "left", CANCELLED: "cancelled" };

function cell(row, text, name) {
  const cell = row.insertCell();
  cell.textContent = text;
  if (name) cell.className = name;
  return cell;
}

function delayText(seconds) {
  const size = Math.abs(seconds);
  const text = size < 60 ? `${size} s` : `${Math.floor(size / 60)} min ${size % 60} s`;
  return seconds === 0 ? "on time" : (seconds > 0 ? "+" : "−") + text;
}

function show(board) {
  element("name").textContent = board.name;
  document.title = `${board.name} · Signalbox`;
  element("clock").textContent = board.at ? board.at.slice(11, 19) : "--:--";
  element("date").textContent = board.at ? board.at.slice(0, 10) : "";
  const rows = board.trips.map(trip => {
    const row = document.createElement("tr");
    row.className = trip.state;
    row.dataset.trip = trip.trip;
    if (trip.delaySeconds >= 30) row.dataset.late = trip.delaySeconds;
    const expected = cell(row, clockOf(trip.expected), "expected");
    const delay = document.createElement("span");
    delay.className = "delay " + (trip.delaySeconds >= 30 ? "late" : "punctual");
    delay.textContent = delayText(trip.delaySeconds);
    expected.append(delay);
    cell(row, clockOf(trip.scheduled), "planned wide");
    cell(row, trip.train, "train");
    cell(row, trip.destination, "to");
    cell(row, trip.platform, "platform");
    const badge = document.createElement("span");
    badge.className = "badge";
    badge.textContent = states[trip.state] ?? trip.state;
    cell(row, "", "state").append(badge);
    return row;
  });
  element("trips").replaceChildren(...rows);
  element("empty").hidden = rows.length > 0;
}

function live(isLive) {
  if (isLive) showConnection("live", "live");
  else showConnection("lost", "connection lost, trying again");
}

let source;
function follow(station) {
  source?.close();
  source = new EventSource(`/stations/${station}/board/events`);
  source.onopen = () => live(true);
  source.onerror = () => {
    live(false);
    // A browser gives up after an answer that is no stream, such as a proxy's 502.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => follow(station), 2000);
  };
  source.addEventListener("board", event => show(JSON.parse(event.data)));
}

async function start() {
  try {
    const stations = await (await fetch("/stations")).json();
    const wanted = decodeURIComponent(location.pathname.split("/")[2] ?? "");
    const current = stations.find(station => station.id === wanted) ?? stations[stations.length >> 1];
    element("line").textContent = `Line ${current.lines.join(", ")}`;
    element("stations").replaceChildren(...stations.map(station => {
      const link = document.createElement("a");
      link.href = `/stations/${station.id}`;
      link.textContent = station.name;
      if (station === current) link.setAttribute("aria-current", "page");
      return link;
    }));
    follow(current.id);
  } catch {
    live(false);
    setTimeout(start, 2000);
  }
}
start();
