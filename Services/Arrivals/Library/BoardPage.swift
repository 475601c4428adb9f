/// The departure board as a page: one file, no resources from elsewhere, dark, narrow screens too.
///
/// It asks for `/stations`, shows the one in its address (otherwise one in the middle), and follows
/// `/stations/{station}/board/events`; the browser reconnects by itself, the page says when it is not connected.
enum BoardPage {
    static let html = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <link rel="icon" href="data:,">
        <title>Signalbox board</title>
        \(style)
        </head>
        <body>
        <main>
        <header>
        <div><p class="line" id="line"></p><h1 id="name">Board</h1></div>
        <div class="clock"><time id="clock">--:--</time><p id="date"></p></div>
        </header>
        <nav id="stations" aria-label="Stations"></nav>
        <table>
        <thead><tr><th>Expected</th><th class="planned">Planned</th><th>Train</th><th class="to">Destination</th>\
        <th>Platform</th><th class="state">State</th></tr></thead>
        <tbody id="trips"></tbody>
        </table>
        <p id="empty" hidden>No trains at the moment. A train is shown once it has left its first station.</p>
        <footer><span id="live" class="off">connecting</span><span>times are event time</span></footer>
        </main>
        \(script)
        </body>
        </html>
        """

    private static let style = """
        <style>
        :root { color-scheme: dark; --back: #0b1020; --card: #131a2e; --line: #24304d; --text: #e8edf8;
          --dim: #8d9ab8; --amber: #ffc94d; --green: #4ade80; --red: #ff7b72; }
        * { box-sizing: border-box; margin: 0; }
        body { background: var(--back); color: var(--text); font: 16px/1.4 system-ui, sans-serif;
          display: flex; justify-content: center; padding: clamp(0.75rem, 3vw, 2.5rem); }
        main { width: 100%; max-width: 56rem; background: var(--card); border: 1px solid var(--line);
          border-radius: 1rem; padding: clamp(1rem, 3vw, 2rem); }
        header { display: flex; justify-content: space-between; align-items: end; gap: 1rem; }
        h1 { font-size: clamp(1.6rem, 5vw, 2.6rem); line-height: 1.1; }
        .line, #date { color: var(--dim); font-size: 0.85rem; }
        .clock { text-align: right; }
        #clock { font: 600 clamp(1.6rem, 5vw, 2.6rem)/1.1 ui-monospace, monospace; color: var(--amber); }
        nav { display: flex; flex-wrap: wrap; gap: 0.5rem; margin: 1.25rem 0; }
        nav a { color: var(--dim); text-decoration: none; border: 1px solid var(--line); border-radius: 99px;
          padding: 0.25rem 0.85rem; }
        nav a[aria-current] { background: var(--amber); border-color: var(--amber); color: #1a1400; font-weight: 600; }
        nav a:focus-visible { outline: 2px solid var(--text); }
        table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
        th { text-align: left; color: var(--dim); font-weight: 500; font-size: 0.8rem; padding: 0.4rem 0.5rem; }
        td { padding: 0.65rem 0.5rem; border-top: 1px solid var(--line); font-size: 1.1rem; }
        td.expected { font: 600 1.25rem ui-monospace, monospace; color: var(--amber); white-space: nowrap; }
        td.planned { color: var(--dim); }
        .delay { font-size: 0.85rem; margin-left: 0.4rem; }
        .late { color: var(--red); } .punctual { color: var(--green); }
        .badge { font-size: 0.8rem; border: 1px solid var(--line); border-radius: 0.4rem; padding: 0.1rem 0.5rem; }
        tr.AT_PLATFORM .badge { background: var(--green); border-color: var(--green); color: #04210f; }
        tr.LEFT { opacity: 0.45; } tr.CANCELLED td { text-decoration: line-through; }
        #empty { color: var(--dim); padding: 2rem 0.5rem; }
        footer { display: flex; justify-content: space-between; margin-top: 1.25rem; color: var(--dim);
          font-size: 0.8rem; }
        #live::before { content: "●"; margin-right: 0.4rem; } #live.on { color: var(--green); }
        #live.off { color: var(--red); }
        @media (max-width: 34rem) { .planned { display: none; } td { padding: 0.6rem 0.3rem; font-size: 1rem; } }
        </style>
        """

    private static let script = #"""
        <script>
        "use strict";
        const $ = id => document.getElementById(id);
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
          $("name").textContent = board.name;
          document.title = `${board.name} · Signalbox`;
          $("clock").textContent = board.at ? board.at.slice(11, 19) : "--:--";
          $("date").textContent = board.at ? board.at.slice(0, 10) : "";
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
            cell(row, clockOf(trip.scheduled), "planned");
            cell(row, trip.train, "train");
            cell(row, trip.destination, "to");
            cell(row, trip.platform, "platform");
            const badge = document.createElement("span");
            badge.className = "badge";
            badge.textContent = states[trip.state] ?? trip.state;
            cell(row, "", "state").append(badge);
            return row;
          });
          $("trips").replaceChildren(...rows);
          $("empty").hidden = rows.length > 0;
        }

        function live(isLive) {
          $("live").className = isLive ? "on" : "off";
          $("live").textContent = isLive ? "live" : "reconnecting";
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
            $("line").textContent = `Line ${current.lines.join(", ")}`;
            $("stations").replaceChildren(...stations.map(station => {
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
        </script>
        """#
}
