"use strict";

// Draws lines and their trains: across the page where there is room, else down it.

const svgElement = (name, attributes = {}) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
};

const svgText = (text, x, y, className, anchor = "start") => {
  const made = svgElement("text", { x, y, class: className, "text-anchor": anchor });
  made.textContent = text;
  return made;
};

function shortDelay(seconds) {
  const size = Math.abs(seconds);
  return `${seconds < 0 ? "−" : "+"}${Math.floor(size / 60)}:${String(size % 60).padStart(2, "0")}`;
}

class LineDrawing {
  static trainWidth = 38;
  static trainHeight = 22;

  constructor(line, container) {
    this.line = line;
    this.container = container;
    this.stops = new Map(line.stops.map((stop, index) => [stop.id, index]));
    this.length = line.stops.at(-1).arrivalAfterSeconds;
    this.trains = new Map();
    this.layOut();
  }

  /** Draws track and stations for the width there is. */
  layOut() {
    const width = Math.max(280, this.container.clientWidth);
    this.isAcross = width >= 640;
    this.width = width;
    this.height = this.isAcross ? 168 : 80 + this.line.stops.length * 72;
    this.svg?.remove();
    this.svg = svgElement("svg", {
      viewBox: `0 0 ${this.width} ${this.height}`, height: this.height, role: "img", "aria-label": `${this.line.name}, with its trains`,
    });
    const [start, end] = [this.place(0), this.place(1)];
    this.svg.append(svgElement("line", { x1: start.x, y1: start.y, x2: end.x, y2: end.y, class: "track" }));
    this.line.stops.forEach((stop, index) => this.drawStop(stop, index));
    this.layer = svgElement("g");
    this.svg.append(this.layer);
    this.trains.clear();
    this.container.append(this.svg);
  }

  drawStop(stop, index) {
    const { x, y } = this.place(stop.arrivalAfterSeconds / this.length);
    this.svg.append(svgElement("circle", { cx: x, cy: y, r: 8, class: "stop" }));
    const minutes = Math.round(stop.arrivalAfterSeconds / 60);
    const note = index === 0 ? "start" : `${minutes} min`;
    if (this.isAcross) {
      const anchor = index === 0 ? "start" : index === this.line.stops.length - 1 ? "end" : "middle";
      const edge = anchor === "start" ? x - 8 : anchor === "end" ? x + 8 : x;
      this.svg.append(svgText(stop.name, edge, y + 36, "stop-name", anchor), svgText(note, edge, y + 55, "stop-note", anchor));
    } else {
      this.svg.append(svgText(stop.name, x + 24, y + 1, "stop-name"), svgText(note, x + 24, y + 19, "stop-note"));
    }
  }

  /** The point of the drawing at a share of the line. */
  place(share) {
    return this.isAcross
      ? { x: 34 + share * (this.width - 68), y: 96 }
      : { x: 128, y: 28 + share * (this.height - 58) };
  }

  /** The share of the line at which a train is at that event time. */
  share(train, now) {
    const index = this.stops.get(train.station);
    const here = this.line.stops[index].arrivalAfterSeconds;
    if (train.next == null) return here / this.length;
    const there = this.line.stops[index + 1].arrivalAfterSeconds;
    const gone = Math.min(Math.max((now - train.sinceMilliseconds) / 1000 / Math.max(train.runSeconds, 1), 0), 0.99);
    // A train that waits for its arrival to be told stands just before the platform.
    return (here + (there - here) * gone) / this.length;
  }

  /** Draws the trains at that event time. */
  draw(trains, now) {
    const shares = trains.filter((one) => one.line === this.line.id && this.stops.has(one.station))
      .map((train) => ({ train, share: this.share(train, now) })).sort((a, b) => b.share - a.share);
    const seen = new Set();
    const lanes = [];
    for (const { train, share } of shares) {
      seen.add(train.trip);
      const point = this.place(share);
      const along = this.isAcross ? point.x : point.y;
      const room = this.isAcross ? LineDrawing.trainWidth + 6 : LineDrawing.trainHeight + 5;
      let lane = lanes.findIndex((edge) => Math.abs(edge - along) >= room);
      if (lane < 0) lane = lanes.length;
      lanes[lane] = along;
      this.move(train, point, Math.min(lane, 2));
    }
    for (const [trip, shape] of this.trains) {
      if (seen.has(trip)) continue;
      shape.remove();
      this.trains.delete(trip);
    }
  }

  move(train, point, lane) {
    let shape = this.trains.get(train.trip);
    if (!shape) {
      shape = this.makeTrain(train);
      this.trains.set(train.trip, shape);
      this.layer.append(shape);
    }
    const away = 32 + lane * 44;
    const sideways = 44 + lane * (LineDrawing.trainWidth + 6);
    const [x, y] = this.isAcross ? [point.x, point.y - away] : [point.x - sideways, point.y];
    shape.setAttribute("transform", `translate(${x.toFixed(2)} ${y.toFixed(2)})`);
    const stem = shape.querySelector(".stem");
    stem.setAttribute("x2", this.isAcross ? 0 : sideways - 9);
    stem.setAttribute("y2", this.isAcross ? away - 9 : 0);
    shape.toggleAttribute("data-late", train.isLate);
    shape.toggleAttribute("data-at-platform", train.next == null);
    const delay = train.isLate ? shortDelay(train.delaySeconds) : "";
    const label = shape.querySelector(".delay");
    if (label.textContent !== delay) label.textContent = delay;
  }

  makeTrain(train) {
    const { trainWidth: width, trainHeight: height } = LineDrawing;
    const shape = svgElement("g", { class: "train", "data-train": train.train, "data-trip": train.trip });
    const title = svgElement("title");
    title.textContent = `Train ${train.train}, trip ${train.trip}`;
    const delay = svgText("", 0, -16, "delay", "middle");
    shape.append(
      title, svgElement("line", { x1: 0, y1: 0, class: "stem" }),
      svgElement("rect", { x: -width / 2, y: -height / 2, width, height, rx: 7 }),
      svgText(train.train.slice(-4), 0, 4.5, "number", "middle"), delay);
    return shape;
  }
}
