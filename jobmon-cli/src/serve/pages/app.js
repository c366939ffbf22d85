"use strict";
// The live tail: asks each second for what was written since, and puts it on top of the table.
const live = document.getElementById("live");
if (live) {
  const MOST = 500;
  const body = document.querySelector("main tbody") || document.querySelector("main");
  const pause = document.getElementById("pause");
  let after = live.dataset.after;
  let seen = 0;
  let paused = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? "Go on" : "Pause";
  });
  const ask = async () => {
    if (!paused && !document.hidden) {
      try {
        const answer = await fetch(`/live/calls?after=${after}${live.dataset.filters}`);
        if (!answer.ok) throw new Error(answer.statusText);
        const found = await answer.json();
        after = found.after;
        for (const row of found.rows) {
          // Text of events is escaped by the server; a row is one `tr`.
          const made = document.createElement("template");
          made.innerHTML = row;
          body.prepend(made.content);
          seen += 1;
        }
        while (body.children.length > MOST) body.lastElementChild.remove();
        live.textContent = seen === 0 ? "Calls appear here as they are written." : `${seen} new calls`;
      } catch (problem) {
        live.textContent = `The server does not answer (${problem.message}); trying again.`;
      }
    }
    setTimeout(ask, 1000);
  };
  ask();
}
// A link to a span of a trace opens it.
const open = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  const details = target && target.querySelector("details");
  if (details) details.open = true;
};
addEventListener("hashchange", open);
open();
// A dashboard whose file was saved is shown anew.
const board = document.querySelector("[data-dashboard]");
if (board) {
  setInterval(async () => {
    if (document.hidden) return;
    const answer = await fetch(`/dashboards/${board.dataset.dashboard}/stamp`).catch(() => null);
    if (answer && answer.ok && (await answer.text()) !== board.dataset.stamp) location.reload();
  }, 2000);
}
