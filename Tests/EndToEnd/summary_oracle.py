#!/usr/bin/env python3
"""What `GET /delays/summary` must answer for a folder of recorded files, worked out from the rules alone.

Usage: summary_oracle.py FOLDER [--network config/network.toml] [--line M1] [--late-from 30] [--service-date DATE]

Every *.txt file in FOLDER holds lines `train|station|state|YYYY-MM-DD HH:MM:SS`. Prints the summary's JSON with keys
in order. Shares no code with the services; needs nothing but Python 3.11.
"""

import argparse
import datetime
import json
import pathlib
import re
import sys
import tomllib
import zoneinfo

LINE = re.compile(r"([1-9][0-9]*)\|([A-Za-z0-9_-]{1,64})\|(ARRIVED|DEPARTURE|DEPARTED)\|"
                  r"([0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2})")


def planned_arrivals(network, line_id):
    """Station id -> planned seconds from the first departure to the arrival there; None for the first station."""
    line = next(line for line in network["lines"] if line["id"] == line_id)
    planned, seconds = {}, None
    for station in line["stations"]:
        planned[station["id"]] = seconds
        seconds = (seconds or 0) + station.get("dwell_seconds", 0) + station.get("run_to_next_seconds", 0)
    return planned


def read_facts(folder, planned, zone, service_date):
    """(date, train) -> {(station, state): earliest UTC timestamp}, and the number of lines that were not read."""
    trips, unread = {}, 0
    for path in sorted(pathlib.Path(folder).glob("*.txt")):
        date = service_date
        for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
            match = LINE.fullmatch(text)
            try:
                train, station, state, clock = match.groups()
                local = datetime.datetime.strptime(clock, "%Y-%m-%d %H:%M:%S")
            except (AttributeError, ValueError):
                unread += 1
                continue
            if date is None:  # 04:00 is where a service date begins
                date = (local - datetime.timedelta(hours=4)).date()
            if station not in planned:
                unread += 1
                continue
            moment = int(local.replace(tzinfo=zone).timestamp())
            facts = trips.setdefault((date, int(train)), {})
            fact = (station, "ARRIVED" if state == "ARRIVED" else "DEPARTED")
            facts[fact] = min(moment, facts.get(fact, moment))
    return trips, unread


def summarise(trips, planned, late_from):
    """The summary as the rules have it."""
    first = next(iter(planned))
    delays = {}  # (trip, station) -> seconds
    for trip, facts in trips.items():
        anchor = facts.get((first, "DEPARTED"))
        if anchor is None:
            continue
        for (station, state), moment in facts.items():
            if state == "ARRIVED" and station != first:
                delays[trip, station] = moment - anchor - planned[station]
    by_station = {}
    for station in sorted({station for _, station in delays}):
        here = [delay for (_, where), delay in delays.items() if where == station]
        thousandths = (abs(sum(here)) * 2000 + len(here)) // (2 * len(here))
        by_station[station] = {
            "arrivals": len(here),
            "late": sum(delay >= late_from for delay in here),
            "meanDelaySeconds": (-thousandths if sum(here) < 0 else thousandths) / 1000,
        }
    return {
        "byStation": by_station,
        "late": len({trip for (trip, _), delay in delays.items() if delay >= late_from}),
        "maxDelaySeconds": max([0, *delays.values()]),
        "trips": len(trips),
    }


def main():
    repository = pathlib.Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--network", default=repository / "config" / "network.toml")
    parser.add_argument("--line", default="M1")
    parser.add_argument("--late-from", type=int, default=30)
    parser.add_argument("--service-date", type=datetime.date.fromisoformat)
    options = parser.parse_args()
    with open(options.network, "rb") as file:
        network = tomllib.load(file)
    planned = planned_arrivals(network, options.line)
    zone = zoneinfo.ZoneInfo(network["time_zone"])
    trips, unread = read_facts(options.folder, planned, zone, options.service_date)
    if unread:
        print(f"{unread} lines could not be read", file=sys.stderr)
    print(json.dumps(summarise(trips, planned, options.late_from), indent=2, sort_keys=True))


if __name__ == "__main__":
    main()
