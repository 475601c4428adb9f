"use strict";

const element = (id) => document.getElementById(id);

/** Says in the bar whether the page is up to date: "live", "lost" or "idle", and a few words. */
function showConnection(state, text) {
  element("connection").dataset.state = state;
  element("connection").querySelector("span").textContent = text;
}

/** The bar that every page has: the line's name, the way to the other pages, the state of the connection. */
(async () => {
  const bar = document.querySelector("header.bar");
  bar.innerHTML = `<a class="brand" href="/"><span class="lamp" aria-hidden="true"></span>Signalbox</a>
    <nav aria-label="Pages"></nav>
    <p class="connection" id="connection" role="status" data-state="idle"><i aria-hidden="true"></i><span>connecting</span></p>`;
  try {
    const pages = await (await fetch("/shell.json")).json();
    bar.querySelector("nav").replaceChildren(...pages.map(entry => {
      const isHere = entry.page === document.body.dataset.page;
      const link = document.createElement("a");
      link.textContent = entry.title;
      link.href = isHere ? "/" : entry.address.replace("{host}", location.hostname);
      if (isHere) link.setAttribute("aria-current", "page");
      return link;
    }));
    bar.querySelector(".brand").href = bar.querySelector("nav a").href;
  } catch { /* without the other pages this one still works, and its own requests say what is wrong */ }
})();
