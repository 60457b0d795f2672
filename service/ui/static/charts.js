"use strict";

// Draws the landscape whose report stands in #report, and again whenever the page has been brought up to date.
(() => {
  const place = document.getElementById("landscape");

  function draw() {
    drawLandscape(place, JSON.parse(document.getElementById("report").textContent));
  }

  document.addEventListener("live", draw);
  draw();
})();
