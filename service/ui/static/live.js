"use strict";

// Keeps the element #live as the service would render it now: asks again every data-every seconds, and rests while
// nobody looks. What is said in data-said is told to listeners when it changes.
(() => {
  const PATIENCE_S = 60;
  let timer = 0;
  let failures = 0;

  const live = () => document.getElementById("live");

  function tell(text) {
    document.getElementById("said").textContent = text;
  }

  function later() {
    window.clearTimeout(timer);
    const every = Number(live().dataset.every);
    if (every && !document.hidden) {
      timer = window.setTimeout(look, 1000 * Math.min(every * 2 ** failures, PATIENCE_S));
    }
  }

  async function look() {
    try {
      const answer = await fetch(window.location.href, { headers: { "X-Fragment": "live" } });
      if (answer.redirected) {
        window.location.reload(); // the session is over
        return;
      }
      if (!answer.ok) throw new Error(answer.statusText);
      show(await answer.text());
      failures = 0;
    } catch (error) {
      failures += 1;
    }
    later();
  }

  function show(text) {
    const next = new DOMParser().parseFromString(text, "text/html").getElementById("live");
    const now = live();
    if (!next || next.isEqualNode(now)) return;
    const focused = now.contains(document.activeElement) ? document.activeElement.id : "";
    for (const each of now.querySelectorAll("details[id]")) {
      const same = next.querySelector(`#${CSS.escape(each.id)}`);
      if (same) same.open = each.open;
    }
    const news = next.dataset.said !== now.dataset.said ? next.dataset.said : "";
    now.replaceWith(document.adoptNode(next));
    if (focused) (document.getElementById(focused) || document.getElementById("main")).focus({ preventScroll: true });
    if (news) tell(news);
    document.dispatchEvent(new Event("live"));
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? window.clearTimeout(timer) : look()));
  later();
})();
