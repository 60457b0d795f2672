"use strict";
/* Draws a landscape's report: answers, a chart of quality against cost, the table of all figures, how they were taken.

   drawLandscape(element, report) may be called again with a later report: what was chosen stays chosen.
   Needs echarts and landscape.css; writes text only as text, evaluates nothing, and loads nothing. */
const drawLandscape = (() => {
  /* Okabe and Ito's colours, as dark as white paper needs and as light as black: at least 3 : 1 on both. */
  const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#b0608c", "#a37b00", "#3f97cf"];
  /* Seven shapes and six colours: the first 42 series differ in one or both. */
  const SHAPES = [
    "M10 1A9 9 0 1 1 10 19A9 9 0 1 1 10 1Z",
    "M2 2H18V18H2Z",
    "M10 1L19 18H1Z",
    "M10 0L20 10L10 20L0 10Z",
    "M1 2H19L10 19Z",
    "M7 1H13V7H19V13H13V19H7V13H1V7H7Z",
    "M4 0L10 6L16 0L20 4L14 10L20 16L16 20L10 14L4 20L0 16L6 10L0 4Z",
  ];
  const DENSE = "dense", SAME_STEPS = "same_steps", FIRST_LAYERS = "first_layers", FRONT = "Pareto front, its knee ringed";
  const STAR = "M10 0L13 7L20 7.5L14.5 12.5L16.5 20L10 16L3.5 20L5.5 12.5L0 7.5L7 7Z";
  const CHIEF_COSTS = ["latency_relative", "macs_executed", "params_total"];
  const FULL = {
    params_nonzero: "params_total", params_encoder_nonzero: "params_encoder",
    macs_theoretical: "macs_executed", macs_per_second_theoretical: "macs_per_second",
  };
  const NARROW_PX = 560, MOST_NARROW_ROWS = 8;
  const DIGITS = 4;
  const chosen = new WeakMap();

  /* ---- words and figures ---- */

  function amount(value, unit) {
    for (const [size, prefix] of [[1e12, " T"], [1e9, " G"], [1e6, " M"], [1e3, " k"]]) {
      if (Math.abs(value) >= size && unit !== "ms") return Number((value / size).toPrecision(DIGITS)) + prefix;
    }
    return String(Number(value.toPrecision(DIGITS)));
  }

  function withUnit(value, measure) {
    const unit = { bytes: "B", "× dense": "×", "MACs/s": "/s", MACs: "" }[measure.unit] ?? ` ${measure.unit}`;
    return (amount(value, measure.unit) + unit).trim();
  }

  function figure(point, measure) {
    const value = point.values[measure.name];
    if (value === undefined) return "";
    const ends = point.intervals[measure.name];
    const interval = ends ? ` (${amount(ends[0], measure.unit)} to ${amount(ends[1], measure.unit)})` : "";
    return withUnit(value, measure) + interval;
  }

  function axisTitle(measure) {
    const unit = measure.unit === "" || measure.unit === "× dense" || measure.title.startsWith(measure.unit) ? "" : ` [${measure.unit}]`;
    return [measure.title + unit, `(${measure.better} is better)`];
  }

  function wrapped(text, most) {
    const lines = [""];
    for (const word of text.split(" ")) {
      if (`${lines.at(-1)} ${word}`.trim().length <= most) lines.push(`${lines.pop()} ${word}`.trim());
      else lines.push(word);
    }
    return lines.join("\n");
  }

  /* ---- elements ---- */

  function make(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (typeof value === "boolean") made[name] = value;
      else made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  }

  function swatch(style) {
    const namespace = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(namespace, "svg"), path = document.createElementNS(namespace, "path");
    svg.setAttribute("viewBox", "-1 -1 22 22");
    svg.setAttribute("aria-hidden", "true");
    path.setAttribute("d", style.shape);
    path.setAttribute("fill", style.hollow ? "none" : style.colour);
    path.setAttribute("stroke", style.colour);
    path.setAttribute("stroke-width", style.hollow ? "3" : "0");
    svg.append(path);
    return svg;
  }

  function section(title, ...children) {
    return make("section", {}, make("h2", {}, title), ...children);
  }

  function listOf(sentences) {
    return make("ul", {}, ...sentences.map((each) => make("li", {}, each)));
  }

  /* ---- what is drawn ---- */

  function stylesOf(report, ink) {
    const styles = new Map([
      [DENSE, { colour: ink, shape: STAR }],
      [SAME_STEPS, { colour: ink, shape: SHAPES[0], hollow: true }],
      [FIRST_LAYERS, { colour: ink, shape: SHAPES[1], hollow: true }],
    ]);
    const others = [...new Set(report.points.map((each) => each.series))].filter((each) => !styles.has(each));
    others.forEach((each, index) => {
      styles.set(each, { colour: COLOURS[index % COLOURS.length], shape: SHAPES[index % SHAPES.length] });
    });
    return styles;
  }

  function drawable(report, cost, quality) {
    return report.points.filter((each) => cost.name in each.values && quality.name in each.values);
  }

  function extent(points, measure) {
    const values = points.flatMap((each) => [each.values[measure.name], ...(each.intervals[measure.name] ?? [])]);
    return [Math.min(...values), Math.max(...values)];
  }

  /* The ends of an axis, at round figures with room around what is drawn; a logarithmic one has ticks at 1, 2 and 5. */
  function axis(points, measure, look, log) {
    const [low, high] = extent(points, measure);
    const shared = {
      axisLabel: { color: look.soft, margin: 12, hideOverlap: true, formatter: (value) => amount(value, measure.unit) },
      axisLine: { show: true, onZero: false, lineStyle: { color: look.soft } },
      splitLine: { lineStyle: { color: look.line } },
      name: axisTitle(measure).join(" "),
      nameLocation: "middle",
      nameTextStyle: { color: look.ink, fontSize: look.narrow ? 11 : 13, lineHeight: 17 },
    };
    return log && low > 0 ? { ...shared, ...logarithmic(low, high, shared.axisLabel) } : { ...shared, ...linear(low, high) };
  }

  function linear(low, high) {
    const span = high - low || Math.abs(high) || 1, size = 10 ** Math.floor(Math.log10(span / 5));
    const interval = [1, 2, 5, 10].map((each) => each * size).find((each) => span / each <= 7);
    const room = 0.03 * span, min = Math.floor((low - room) / interval) * interval;
    return { type: "value", min: low >= 0 ? Math.max(0, min) : min, max: Math.ceil((high + room) / interval) * interval, interval };
  }

  function logarithmic(low, high, axisLabel) {
    const room = Math.max((high / low) ** 0.05, 1.01), min = low / room, max = high * room;
    const steps = max / min < 4 ? [1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9] : [1, 2, 5];
    const ticks = [];
    for (let power = Math.floor(Math.log10(min)); power <= Math.log10(max); power += 1) {
      ticks.push(...steps.map((each) => each * 10 ** power).filter((each) => each >= min && each <= max));
    }
    return {
      type: "log", min, max,
      axisTick: { customValues: ticks },
      axisLabel: { ...axisLabel, customValues: ticks },
    };
  }

  function lineOfSeries(name, points, cost, quality, style, look) {
    return {
      name, type: "line", symbol: `path://${style.shape}`, symbolSize: name === DENSE ? 18 : 12, clip: false,
      lineStyle: { color: style.colour, width: 1, opacity: 0.5 },
      itemStyle: style.hollow
        ? { color: "transparent", borderColor: style.colour, borderWidth: 2 }
        : { color: style.colour, borderColor: look.paper, borderWidth: 1 },
      emphasis: { scale: 1.5 },
      data: points.map((each) => ({ name: each.name, value: [each.values[cost.name], each.values[quality.name]] })),
    };
  }

  function barsOfSeries(name, points, cost, quality, style) {
    const bars = points.flatMap((each) => {
      const x = each.values[cost.name], y = each.values[quality.name];
      const across = each.intervals[cost.name], along = each.intervals[quality.name];
      return [
        ...(across ? [[across[0], y], [across[1], y], [null, null]] : []),
        ...(along ? [[x, along[0]], [x, along[1]], [null, null]] : []),
      ];
    });
    return {
      name, type: "line", symbol: "none", silent: true, connectNulls: false, data: bars, tooltip: { show: false },
      lineStyle: { color: style.colour, width: 1.5, opacity: 0.55 },
    };
  }

  function frontOf(front, points, cost, quality, look) {
    const named = new Map(points.map((each) => [each.name, each]));
    const place = (name) => [named.get(name).values[cost.name], named.get(name).values[quality.name]];
    const lines = [{
      name: FRONT, type: "line", step: "end", symbol: "none", silent: true, z: 1, data: front.points.map(place),
      lineStyle: { color: look.ink, width: 6, opacity: 0.22 }, tooltip: { show: false },
    }];
    if (front.knee !== null && named.has(front.knee)) {
      lines.push({
        name: FRONT, type: "scatter", symbol: "circle", symbolSize: 24, silent: true, z: 3, data: [place(front.knee)],
        itemStyle: { color: "transparent", borderColor: look.ink, borderWidth: 1.5 },
      });
    }
    return lines;
  }

  function reference(name, across, along, position, look) {
    const line = (at, label) => ({ ...at, label: { show: label, formatter: name, position, color: look.soft, textBorderColor: look.paper, textBorderWidth: 3 } });
    return {
      name, type: "line", data: [], silent: true,
      markLine: {
        silent: true, symbol: "none", animation: false,
        lineStyle: { color: look.soft, type: "dashed", width: 1 },
        data: [line({ yAxis: along }, true), ...(across === undefined ? [] : [line({ xAxis: across }, false)])],
      },
    };
  }

  /* Where the dense model stands, and after the same steps: named on the left, where few points are, each on its side. */
  function references(report, cost, quality, look) {
    const named = [[DENSE, "dense"], [SAME_STEPS, "dense, same steps"]];
    const found = named.map(([series, name]) => [name, report.points.find((each) => each.series === series && quality.name in each.values)]);
    const highest = Math.max(...found.map(([, point]) => point?.values[quality.name] ?? -Infinity));
    return found.filter(([, point]) => point).map(([name, point]) => {
      const along = point.values[quality.name], position = along === highest ? "insideStartTop" : "insideStartBottom";
      const across = point.series === DENSE ? point.values[cost.name] : undefined;
      return { ...reference(name, across, along, position, look), name: point.series };
    });
  }

  /* Every figure of a point, the two that are drawn first; counts without zeros only where they say something else. */
  function tooltip(report, point, choice, look) {
    const drawn = [choice.quality, choice.cost];
    const told = (each) => each.name in point.values && point.values[each.name] !== point.values[FULL[each.name]];
    const rows = [...drawn, ...report.measures.filter((each) => !drawn.includes(each) && told(each))];
    if (look.narrow) rows.length = Math.min(rows.length, MOST_NARROW_ROWS);
    return make("div", { class: "landscape-tooltip" },
      make("strong", {}, point.name), point.series === point.name ? "" : point.series,
      make("dl", {}, ...rows.flatMap((each) => [make("dt", {}, each.title), make("dd", {}, figure(point, each))])),
      ...point.warnings.map((each) => make("p", {}, each)));
  }

  function option(report, choice, styles, look) {
    const { cost, quality } = choice, points = drawable(report, cost, quality);
    const shown = [...styles.keys()].filter((each) => !choice.hidden.has(each));
    const front = report.fronts.find((each) => each.cost === cost.name && each.quality === quality.name);
    const visible = points.filter((each) => shown.includes(each.series));
    const framed = visible.length ? visible : points;
    const series = shown.flatMap((name) => {
      const own = points.filter((each) => each.series === name), style = styles.get(name);
      return own.length ? [barsOfSeries(name, own, cost, quality, style), lineOfSeries(name, own, cost, quality, style, look)] : [];
    });
    const lines = references(report, cost, quality, look).filter((each) => shown.includes(each.name));
    const frontLines = front && !choice.hidden.has(FRONT) ? frontOf(front, points, cost, quality, look) : [];
    return {
      animation: false,
      aria: { enabled: true, label: { description: `${quality.title} against ${cost.title}, ${points.length} points; the table has every figure.` } },
      grid: { left: look.narrow ? 70 : 84, right: look.narrow ? 16 : 28, top: 22, bottom: look.narrow ? 76 : 60, outerBoundsMode: "none" },
      textStyle: { fontFamily: "system-ui, sans-serif" },
      tooltip: {
        trigger: "item", confine: true, backgroundColor: look.raised, borderColor: look.line, textStyle: { color: look.ink },
        formatter: (hit) => tooltip(report, report.points.find((each) => each.name === hit.name), choice, look),
      },
      xAxis: { ...axis(framed, cost, look, choice.logCost), ...(look.narrow ? { name: axisTitle(cost).map((each) => wrapped(each, 44)).join("\n") } : {}), nameGap: 36 },
      yAxis: { ...axis(framed, quality, look, choice.logQuality), nameGap: look.narrow ? 44 : 54, nameTruncate: { maxWidth: look.narrow ? 300 : 320 } },
      series: [...frontLines, ...lines, ...series],
    };
  }

  /* ---- what stands around the chart ---- */

  function choiceOf(label, measures, current, change) {
    const select = make("select", { "aria-label": label, onchange: (event) => change(measures[event.target.selectedIndex]) },
      ...measures.map((each) => make("option", { selected: each === current }, each.title)));
    return make("label", {}, label, select);
  }

  function notDrawn(report, cost, quality) {
    const missing = report.points.filter((each) => each.state === "succeeded" && each.series !== SAME_STEPS && !(cost.name in each.values && quality.name in each.values));
    return missing.length ? `Not drawn, since one of the two was not measured: ${missing.map((each) => each.name).join(", ")}.` : "";
  }

  function state(point) {
    if (point.error) return `${point.state}: ${point.error.message ?? point.error.code}`;
    return point.state + (point.reused ? ", reused" : "");
  }

  function table(report, show) {
    const header = make("tr", {}, ...["Point", "Series", "State"].map((each) => make("th", { scope: "col" }, each)),
      ...report.measures.map((each) => make("th", { scope: "col" }, each.title, make("small", {}, each.unit))));
    const rows = report.points.map((point) => make("tr", {},
      make("th", { scope: "row" }, make("button", { type: "button", onfocus: () => show(point), onmouseenter: () => show(point), onclick: () => show(point) }, point.name)),
      make("td", { class: "landscape-text" }, point.series), make("td", { class: "landscape-text" }, state(point)),
      ...report.measures.map((measure) => cell(point, measure))));
    const whole = make("table", {}, make("thead", {}, header), make("tbody", {}, ...rows));
    return make("div", { class: "landscape-scroll", tabindex: "0", role: "region", "aria-label": "All figures" }, whole);
  }

  function cell(point, measure) {
    const value = point.values[measure.name], ends = point.intervals[measure.name];
    if (value === undefined) return make("td", {}, "–");
    const interval = ends ? [make("small", {}, `${amount(ends[0], measure.unit)} to ${amount(ends[1], measure.unit)}`)] : [];
    return make("td", {}, amount(value, measure.unit), ...interval);
  }

  function protocols(report) {
    return make("dl", {}, ...report.measures.flatMap((each) => [make("dt", {}, each.title), make("dd", {}, each.protocol)]));
  }

  function environments(report) {
    return listOf(report.environments.map((each) => Object.entries(each).map(([name, value]) => `${name} ${value}`).join(", ")));
  }

  function lookOf(element) {
    const style = getComputedStyle(element), colour = (name) => style.getPropertyValue(name).trim();
    return { ink: colour("--ink"), soft: colour("--soft"), line: colour("--line"), paper: colour("--paper"), raised: colour("--raised"), narrow: element.clientWidth < NARROW_PX };
  }

  /* What to show at first: the wall-clock where it was measured, and the first of the qualities. */
  function firstChoice(report, before) {
    const costs = report.measures.filter((each) => each.role === "cost"), qualities = report.measures.filter((each) => each.role === "quality");
    const byName = (measures, name) => measures.find((each) => each.name === name);
    return {
      cost: byName(costs, before?.cost?.name) ?? CHIEF_COSTS.map((name) => byName(costs, name)).find(Boolean) ?? costs[0],
      quality: byName(qualities, before?.quality?.name) ?? qualities[0],
      logCost: before?.logCost ?? false,
      logQuality: before?.logQuality ?? false,
      hidden: before?.hidden ?? new Set(),
      costs, qualities,
    };
  }

  function chartSection(element, report, choice) {
    const canvas = make("div", { class: "landscape-chart" }), note = make("p", { class: "landscape-note" });
    const legend = make("fieldset", { class: "landscape-series" });
    let chart = null;
    function redraw() {
      const look = lookOf(element), styles = stylesOf(report, look.ink);
      chart ??= echarts.init(canvas, null, { renderer: "svg" });
      chart.setOption(option(report, choice, styles, look), { notMerge: true });
      note.textContent = notDrawn(report, choice.cost, choice.quality);
    }
    function fillLegend() {
      const present = new Set(report.points.filter((each) => Object.keys(each.values).length).map((each) => each.series));
      const styles = stylesOf(report, "currentColor");
      const entries = [...styles].filter(([name]) => present.has(name)).map(([name, style]) => [name, swatch(style)]);
      legend.replaceChildren(make("legend", {}, "Shown"), ...[...entries, [FRONT, ""]].map(([name, mark]) => toggle(name, mark)));
    }
    function toggle(name, mark) {
      const change = (event) => { choice.hidden[event.target.checked ? "delete" : "add"](name); redraw(); };
      return make("label", {}, make("input", { type: "checkbox", checked: !choice.hidden.has(name), onchange: change }), mark, name);
    }
    function scale(label, key) {
      const change = (event) => { choice[key] = event.target.checked; redraw(); };
      return make("label", { class: "landscape-check" }, make("input", { type: "checkbox", checked: choice[key], onchange: change }), label);
    }
    function show(point) {
      const series = chart?.getOption().series ?? [];
      const seriesIndex = series.findIndex((each) => each.symbol !== "none" && each.name === point.series && each.data.length);
      const dataIndex = seriesIndex < 0 ? -1 : series[seriesIndex].data.findIndex((each) => each.name === point.name);
      if (dataIndex >= 0) chart.dispatchAction({ type: "showTip", seriesIndex, dataIndex });
    }
    const choices = make("div", { class: "landscape-choices" },
      choiceOf("Quality", choice.qualities, choice.quality, (each) => { choice.quality = each; redraw(); }),
      choiceOf("Cost", choice.costs, choice.cost, (each) => { choice.cost = each; redraw(); }),
      scale("logarithmic quality", "logQuality"), scale("logarithmic cost", "logCost"));
    fillLegend();
    return { parts: [choices, legend, canvas, note], redraw, show, resize: () => { chart?.resize(); redraw(); }, dispose: () => chart?.dispose() };
  }

  return function drawLandscape(element, report) {
    const before = chosen.get(element);
    before?.stop();
    const choice = firstChoice(report, before?.choice), drawn = choice.cost && choice.quality;
    const chart = drawn ? chartSection(element, report, choice) : null;
    const ended = report.points.filter((each) => each.state === "succeeded" && each.series !== DENSE && each.series !== SAME_STEPS).length;
    element.classList.add("landscape");
    element.replaceChildren(...[
      report.warnings.length ? make("div", { class: "landscape-warnings", role: "note" }, listOf(report.warnings)) : null,
      section("Quality against cost", ...(chart ? chart.parts : [make("p", {}, "No point has figures yet.")])),
      report.answers.length ? section("What it says", listOf(report.answers)) : null,
      section(`All figures of ${ended} points`, table(report, (point) => chart?.show(point))),
      report.measures.length ? section("How they were taken", protocols(report), environments(report)) : null,
    ].filter(Boolean));
    const dark = matchMedia("(prefers-color-scheme: dark)"), watch = new ResizeObserver(() => chart?.resize());
    const recolour = () => chart?.redraw();
    chart?.redraw();
    watch.observe(element);
    dark.addEventListener("change", recolour);
    chosen.set(element, { choice, stop: () => { watch.disconnect(); dark.removeEventListener("change", recolour); chart?.dispose(); } });
  };
})();
