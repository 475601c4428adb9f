/// The delays as a page: one file, no resources from elsewhere; asks every two seconds.
enum DelayPage {
    static let html = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <link rel="icon" href="data:,">
        <title>Signalbox delays</title>
        \(style)
        </head>
        <body>
        <main>
        <h1>Delays</h1>
        <section class="figures">
        <div><b id="trips">–</b><span>trips</span></div>
        <div><b id="late">–</b><span>with a late arrival</span></div>
        <div><b id="worst">–</b><span>largest delay</span></div>
        </section>
        <h2>By station</h2>
        <table><thead><tr><th>Station</th><th>Arrivals</th><th>Late</th><th>Mean delay</th></tr></thead>\
        <tbody id="stations"></tbody></table>
        <h2>Trips, newest first</h2>
        <table><thead><tr><th>Trip</th><th>Last arrival</th><th>At</th><th>Delay</th></tr></thead>\
        <tbody id="delays"></tbody></table>
        <footer id="live" class="off">connecting</footer>
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
        h2 { font-size: 1rem; color: var(--dim); margin: 1.5rem 0 0.5rem; }
        .figures { display: flex; flex-wrap: wrap; gap: 1rem; margin-top: 1rem; }
        .figures div { flex: 1 1 9rem; border: 1px solid var(--line); border-radius: 0.75rem; padding: 0.9rem 1rem; }
        .figures b { display: block; font: 600 1.8rem ui-monospace, monospace; color: var(--amber); }
        .figures span, footer { color: var(--dim); font-size: 0.85rem; }
        table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
        th { text-align: left; color: var(--dim); font-weight: 500; font-size: 0.8rem; padding: 0.3rem 0.5rem; }
        td { padding: 0.4rem 0.5rem; border-top: 1px solid var(--line); }
        .late { color: var(--red); } .punctual { color: var(--green); }
        footer { margin-top: 1.25rem; } footer.on { color: var(--green); } footer.off { color: var(--red); }
        </style>
        """

    private static let script = #"""
        <script>
        "use strict";
        const $ = id => document.getElementById(id);

        function row(texts, name) {
          const row = document.createElement("tr");
          for (const text of texts) row.insertCell().textContent = text;
          if (name) row.lastChild.className = name;
          return row;
        }

        async function ask(path) {
          const answer = await fetch(path);
          if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
          return answer.json();
        }

        async function refresh() {
          try {
            const [summary, delays] = await Promise.all([ask("/delays/summary"), ask("/delays?limit=30")]);
            $("trips").textContent = summary.trips;
            $("late").textContent = summary.late;
            $("worst").textContent = `${summary.maxDelaySeconds} s`;
            $("stations").replaceChildren(...Object.entries(summary.byStation).map(([station, figures]) =>
              row([station, figures.arrivals, figures.late, `${figures.meanDelaySeconds.toFixed(1)} s`])));
            $("delays").replaceChildren(...delays.map(delay =>
              row([delay.trip, delay.station, delay.at.slice(11, 19), `${delay.delaySeconds} s`],
                delay.late ? "late" : "punctual")));
            $("live").className = "on";
            $("live").textContent = "live";
          } catch {
            $("live").className = "off";
            $("live").textContent = "not connected";
          }
          setTimeout(refresh, 2000);
        }
        refresh();
        </script>
        """#
}
