"use strict";
const names = new Map();

/** A row of a table; the last cells are numbers. */
function row(cells) {
  const row = document.createElement("tr");
  for (const [text, className] of cells) {
    const cell = row.insertCell();
    cell.textContent = text;
    if (className) cell.className = className;
  }
  return row;
}

function duration(seconds) {
  const size = Math.abs(seconds);
  const text = `${Math.floor(size / 60)}:${String(size % 60).padStart(2, "0")}`;
  return (seconds < 0 ? "−" : "+") + text;
}

/** "2028-11-14/M1/192" is train 192 of that day and line. */
function parts(trip) {
  const [day, line, ...train] = trip.split("/");
  return train.length ? { train: train.join("/"), rest: `${day} · ${line}` } : { train: trip, rest: "" };
}

async function ask(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

async function refresh() {
  try {
    if (!names.size) for (const station of await ask("/stations")) names.set(station.id, station.name);
    const name = (id) => names.get(id) ?? id;
    const [summary, delays] = await Promise.all([ask("/delays/summary"), ask("/delays?limit=30")]);
    element("trips").textContent = summary.trips;
    element("late").textContent = summary.late;
    element("worst").textContent = duration(summary.maxDelaySeconds);
    element("stations").replaceChildren(...Object.entries(summary.byStation).map(([station, figures]) => row([
      [name(station)], [figures.arrivals, "number"], [figures.late, "number"],
      [`${figures.meanDelaySeconds.toFixed(1)} s`, "number"],
    ])));
    element("delays").replaceChildren(...delays.map(delay => {
      const trip = parts(delay.trip);
      return row([
        [trip.train], [trip.rest, "soft wide"], [name(delay.station)], [delay.at.slice(11, 19), "soft"],
        [duration(delay.delaySeconds), delay.late ? "number late" : "number"],
      ]);
    }));
    showConnection("live", "live");
  } catch {
    showConnection("lost", "connection lost, trying again");
  }
  setTimeout(refresh, 2000);
}
refresh();
