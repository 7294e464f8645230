"use strict";
/* Draws the page from the record.  Every text of the record reaches the page as text, never as markup. */
(() => {
  const record = JSON.parse(document.getElementById("record").textContent);
  const { features, segments, everybody, evaluation, quality } = record;
  const detailed = segments.slice(0, 64); /* the largest; the record in the page has no more of the others */
  const isCut = detailed.length < segments.length;
  const by = (id) => document.getElementById(id);

  /* --- words and figures ------------------------------------------------------------------ */

  const make = (tag, attributes, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name === "style") Object.assign(element.style, value);
      else if (value !== undefined) element.setAttribute(name, value);
    }
    for (const child of children.flat(Infinity)) if (child !== null && child !== undefined) element.append(child);
    return element;
  };
  const decimals = new Map();
  const fixed = (value, digits) => {
    if (!decimals.has(digits)) {
      decimals.set(digits, new Intl.NumberFormat("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
    }
    return decimals.get(digits).format(value).replace(/^-/, "\u2212");
  };
  const count = (value) => fixed(Number(value), 0);
  /* Three significant digits and never an exponent. */
  const figure = (value) => {
    if (value === undefined) return "\u2013";
    const size = Math.abs(value);
    if (size >= 100 || value === 0) return fixed(value, 0);
    if (size >= 10) return fixed(value, 1);
    if (size >= 0.1) return fixed(value, 2);
    return size >= 0.01 ? fixed(value, 3) : Number(value.toPrecision(2)).toString();
  };
  const percent = (value) => {
    if (value === undefined) return "\u2013";
    const size = Math.abs(value);
    if (size > 0 && size < 0.0005) return "<0.1%";
    const digits = size > 0 && (size < 0.0995 || (size > 0.995 && size < 1)) ? 1 : 0;
    return `${fixed(100 * value, digits)}%`;
  };
  const plural = (n, word) => `${count(n)} ${word}${Number(n) === 1 ? "" : "s"}`;
  const title = (text) => text.charAt(0).toUpperCase() + text.slice(1);
  const word = (name, prefix) => name.slice(prefix.length).toLowerCase().replace(/_/g, " ");
  const kind = (feature) => word(feature.type, "FEATURE_TYPE_");

  /* A number of small words, for the headline. */
  const spelled = (n) => ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve"][n] || String(n);

  /* What a unit asks for, as in the sentences: signs before money, percentages for shares. */
  const moneySigns = { USD: "$", EUR: "\u20ac", GBP: "\u00a3", JPY: "\u00a5", $: "$", "\u20ac": "\u20ac",
    "\u00a3": "\u00a3", "\u00a5": "\u00a5" };
  const shareOf = (unit) => (unit === "share" ? "" : unit.startsWith("share of ") ? unit.slice(9) : undefined);
  const amount = (value, sign) => `${value < 0 ? "\u2212" : ""}${sign}${fixed(Math.abs(value), Math.abs(value) < 100 ? 2 : 0)}`;
  const valueText = (feature, value, isLong) => {
    if (value === undefined) return "\u2013";
    const unit = feature.unit || "";
    const whole = shareOf(unit);
    if (kind(feature) === "binary") return percent(value);
    if (whole !== undefined) return isLong && whole ? `${percent(value)} of ${whole}` : percent(value);
    if (moneySigns[unit]) return amount(value, moneySigns[unit]);
    if (unit === "%") return `${figure(value)}%`;
    return unit ? `${figure(value)}\u00a0${unit}` : figure(value);
  };
  /* The commonest level; none when most of the shares are hidden. */
  const commonest = (cell) => (cell.shares.reduce((sum, one) => sum + one.share, 0) < 0.5 ? null
    : cell.shares.reduce((best, one) => (!best || one.share > best.share ? one : best), null));

  /* A cell in a few characters: mean, share, or the commonest level. */
  const cellText = (feature, cell) => {
    if (cell.hidden) return "hidden";
    if (kind(feature) !== "ordinal" && kind(feature) !== "nominal") return valueText(feature, cell.mean);
    const level = kind(feature) === "nominal" && cell.level !== undefined
      ? cell.shares.find((one) => one.level === cell.level) : commonest(cell);
    if (level) return `${percent(level.share)} \u00b7 ${feature.levels[level.level]}`;
    return Number(cell.count) ? "hidden" : "\u2013";
  };
  const label = (feature, level) => {
    const own = feature.label || feature.name;
    return title(level === undefined || !feature.levels[level] ? own : `${own}: ${feature.levels[level]}`);
  };

  /* --- colours ----------------------------------------------------------------------------- */

  /* Calm, and told apart also by people who see few colours.  Text on them is --on-hue. */
  const palettes = {
    light: ["#24577a", "#a8502c", "#3b7359", "#7a4a78", "#80651a", "#3f6f8f", "#a1455a", "#54682c", "#5b5a94", "#6d5446",
      "#1f6f78", "#8a4f8f"],
    dark: ["#7fb2d6", "#e29a76", "#84c2a4", "#c79ac5", "#d3b768", "#9cc4dc", "#e08fa1", "#aec285", "#aeadde", "#c4a594",
      "#79c3cb", "#d3a0d7"],
  };
  const isDark = () => tone("scheme") === "dark";
  const hue = (index) => {
    const colours = isDark() ? palettes.dark : palettes.light;
    return index < colours.length ? colours[index] : `hsl(${(index * 137) % 360} 38% ${isDark() ? 70 : 38}%)`;
  };
  /* All colours are asked for before one is set, so that styles are worked out once. */
  const paint = () => segments.map((_, i) => hue(i)).forEach((colour, i) =>
    document.documentElement.style.setProperty(`--segment-${i}`, colour));
  const tone = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

  /* --- building blocks --------------------------------------------------------------------- */

  const cell = (value, className) => make("td", className ? { class: className } : {}, value);
  const head = (text, className) => make("th", { scope: "col", class: className }, text);
  const table = (caption, heads, rows, className) => {
    const top = make("thead", {}, make("tr", {}, heads.map((one) => (one instanceof Node ? one : head(one)))));
    const name = caption ? make("caption", {}, caption) : null;
    return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption || "Table" },
      make("table", { class: className }, name, top, make("tbody", {}, rows)));
  };
  const row = (first, ...rest) => make("tr", {}, make("th", { scope: "row" }, first), rest.map((one) =>
    (one instanceof Node ? one : cell(one))));
  const facts = (pairs) => make("dl", { class: "facts" }, pairs.filter((pair) => pair[1]).map(([name, value]) =>
    [make("dt", {}, name), make("dd", {}, value)]));

  const charts = [];
  const isNarrow = () => window.innerWidth < 640;
  /* A chart, what it says in words, and the table behind it. */
  const chart = (into, { name, note, words, height, minWidth, option, data }) => {
    const place = make("div", { class: "chart", role: "img", "aria-label": words,
      style: { height: `${height}px` } });
    into.append(make("figure", {},
      make("figcaption", {}, make("h3", {}, name), note ? make("p", {}, note) : null),
      make("div", { class: "scroll", tabindex: minWidth ? "0" : undefined }, place),
      data ? make("details", { class: "data" }, make("summary", {}, "The figures as a table"), data) : null));
    charts.push({ place, option, minWidth, drawn: null });
  };
  const draw = () => {
    paint();
    for (const one of charts) {
      if (one.drawn) one.drawn.dispose();
      if (one.minWidth) one.place.style.minWidth = `${one.minWidth(isNarrow())}px`;
      one.drawn = echarts.init(one.place, null, { renderer: "svg" });
      const text = { color: tone("ink"), fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 13 };
      one.drawn.setOption({ animation: false, textStyle: text, ...one.option() });
      /* So that print may scale it. */
      const svg = one.place.querySelector("svg");
      svg.setAttribute("viewBox", `0 0 ${svg.getAttribute("width")} ${svg.getAttribute("height")}`);
    }
  };
  const axis = (more) => ({
    axisLine: { lineStyle: { color: tone("line") } }, axisTick: { show: false },
    splitLine: { lineStyle: { color: tone("line") } }, axisLabel: { color: tone("soft"), fontSize: 12 },
    nameTextStyle: { color: tone("soft") }, ...more });
  const tip = (more) => ({ backgroundColor: tone("card"), borderColor: tone("line"), confine: true,
    textStyle: { color: tone("ink"), fontSize: 13 }, ...more });
  const safe = (text) => echarts.format.encodeHTML(text);

  /* --- the answer -------------------------------------------------------------------------- */

  const overlap = (value) => {
    if (value === undefined) return "There is only one segment, so nothing to compare it with.";
    if (value >= 0.5) return "The segments are clearly apart.";
    if (value >= 0.25) return "The segments are apart, with customers in between.";
    return "The segments shade into each other: treat their borders as a convention.";
  };
  const startsOf = (k) => record.candidates.filter((one) => one.k === k &&
    one.origin !== "CANDIDATE_ORIGIN_SPLIT" && one.origin !== "CANDIDATE_ORIGIN_JOINED").length;
  const agreeing = (k) => Math.round(evaluation.agreement * startsOf(k));
  /* How sure the answer is, in a word and why: by the distance of the segments and the starts that agree. */
  const verdict = () => {
    const k = segments.length;
    const value = evaluation.silhouette;
    if (k < 2 || value === undefined) return null;
    const many = evaluation.agreement !== undefined && startsOf(k) > 1;
    const agree = !many || evaluation.agreement >= 0.5;
    const sure = value >= 0.5 && agree ? "High" : value < 0.25 ? "Low" : "Moderate";
    const say = startsOf(k) > 12 ? count : spelled;
    const starts = !many ? "" : ` ${title(say(agreeing(k)))} of ${say(startsOf(k))} independent starts ` +
      "ended in exactly this result.";
    return [make("strong", {}, `${sure} certainty.`), ` ${overlap(value)}${starts}`];
  };
  const soft = evaluation.meanPosterior !== undefined && evaluation.meanPosterior < 1;

  const tiles = () => {
    const chosen = record.byK.find((one) => one.chosen);
    const starts = chosen ? startsOf(chosen.k) : 0;
    const items = [];
    if (evaluation.agreement !== undefined && starts > 1) {
      items.push(["Found again", `${agreeing(chosen.k)} of ${starts}`,
        "independent starts ended in exactly this result; the best of them counts."]);
    }
    if (evaluation.explained !== undefined) {
      items.push(["Differences explained", percent(evaluation.explained),
        "of the differences between customers lie between segments, not inside them."]);
    }
    if (evaluation.silhouette !== undefined || segments.length === 1) {
      items.push(["Separation", evaluation.silhouette === undefined ? "\u2013" : fixed(evaluation.silhouette, 2),
        `${overlap(evaluation.silhouette)} Simplified silhouette, at most 1.`]);
    }
    if (soft) {
      items.push(["Membership", percent(evaluation.meanPosterior),
        "is the average probability that a customer belongs to the segment it is in."]);
    }
    const smallest = segments[segments.length - 1];
    if (smallest) {
      items.push(["Smallest segment", percent(smallest.share),
        `${smallest.name}, ${plural(smallest.size, "customer")}.`]);
    }
    by("tiles").append(...items.map(([name, value, words]) => make("div", {}, make("dt", {}, name),
      make("dd", { class: "figure" }, value), make("dd", { class: "words" }, words))));
  };

  const answer = () => {
    const k = segments.length;
    by("job").textContent = record.job;
    by("eyebrow").textContent = record.asOf ? `Customer segments as of ${record.asOf}` : "Customer segments";
    by("headline").textContent = `${plural(record.customers, "customer")}, ${spelled(k)} segment${k === 1 ? "" : "s"}`;
    const first = segments[0];
    const last = segments[k - 1];
    const sure = verdict();
    if (sure) by("verdict").append(...sure);
    else by("verdict").remove();
    by("lead").textContent = k === 1 ? `${first.name}: ${first.definition}`
      : `The largest segment is \u201c${first.name}\u201d with ${percent(first.share)} of customers, the smallest ` +
        `\u201c${last.name}\u201d with ${percent(last.share)}.`;
    if (quality.weight) by("lead").textContent += ` All figures but counts of customers are weighted by \u201c${quality.weight.name}\u201d.`;
    by("stack").append(
      make("div", { class: "stack", "aria-hidden": "true" }, segments.map((one, i) => make("span",
        { class: one.share < 0.06 ? "thin" : one.share < 0.13 ? "slim" : undefined, title: `${one.name}: ${percent(one.share)}`,
          style: { flex: `${one.share * Number(record.customers)} 1 0`, background: `var(--segment-${i})` } }, one.share < 0.06 ? "" : make("b", {}, percent(one.share))))),
      make("ul", { class: "legend" }, detailed.map((one, i) => make("li", {}, make("a", { href: `#segment-${one.id}` },
        make("i", { class: "dot", style: { background: `var(--segment-${i})` } }), one.name, " ",
        make("span", { class: "soft" }, percent(one.share)))))));
    tiles();
  };

  /* --- segment cards ----------------------------------------------------------------------- */

  const evidence = (statement) => {
    const feature = statement.feature === undefined ? null : features[statement.feature];
    const show = (value) => {
      if (value === undefined) return null;
      if (statement.statistic === "share" || statement.statistic === "size") return percent(value);
      if (statement.statistic === "index") return figure(value);
      return feature ? valueText(feature, value, true) : figure(value);
    };
    const parts = [];
    const name = feature ? label(feature, statement.level) : "Segment size";
    const statistic = { size: "share of customers" }[statement.statistic] || statement.statistic;
    if (show(statement.value)) parts.push(`${name}, ${statistic}: ${show(statement.value)}`);
    if (statement.low !== undefined && statement.high !== undefined) {
      parts.push(`95% interval ${show(statement.low)} to ${show(statement.high)}`);
    }
    if (feature && statement.reference !== undefined) parts.push(`everybody ${show(statement.reference)}`);
    parts.push(`based on ${plural(statement.count, "customer")}`);
    return parts.join("; ");
  };

  const sectionNames = { definition: "Size", demographic: "Who they are", geographic: "Where they are",
    psychographic: "What they care about", firmographic: "What kind of firm", technographic: "What they use",
    behavioural: "How they buy", value: "What they are worth", channel: "Channels", offer: "Offers", need: "What they need",
    outcome: "Outcomes" };
  /* A sentence that opens to what it rests on. */
  const sentence = (one) => make("details", {}, make("summary", {}, one.text),
    make("p", { class: "evidence" }, evidence(one)));
  const statementList = (segment) => {
    const groups = new Map();
    for (const one of segment.statements) {
      if (one.section === "definition") continue;
      if (!groups.has(one.section)) groups.set(one.section, []);
      groups.get(one.section).push(one);
    }
    return make("div", { class: "told" }, [...groups].map(([section, items]) => make("div", { class: "group" },
      make("h4", {}, sectionNames[section] || title(section)),
      make("ul", { class: "statements" }, items.map((one) => make("li", {}, sentence(one)))))));
  };

  /* Bars of all cards have one scale; beyond 2 standard deviations a bar is full. */
  const reach = (effect) => Math.min(2, Math.abs(effect));
  const widest = Math.max(1, ...detailed.map((one) => one.markers.reduce((most, marker) => Math.max(most, reach(marker.effect)), 0)));
  const markerBars = (segment) => {
    const strongest = segment.markers.slice(0, 5);
    if (!strongest.length) return null;
    return make("dl", { class: "bars" }, strongest.map((one) => {
      const words = `${fixed(Math.abs(one.effect), 1)} standard deviations ${one.effect < 0 ? "below" : "above"} the others`;
      return [make("dt", {}, label(features[one.feature], one.level)),
        make("dd", { role: "img", "aria-label": words, title: words }, make("i", { class: one.effect < 0 ? "less" : "more",
          style: { width: `${50 * reach(one.effect) / widest}%` } }))];
    }));
  };

  /* How many they are: the statement of the record, else the count. */
  const sizeOf = (segment) => {
    const told = segment.statements.filter((one) => one.section === "definition");
    return told.length ? told.map(sentence) : make("p", {}, plural(segment.size, "customer"));
  };
  const cards = () => by("cards").append(...detailed.map((one, i) => {
    const card = make("article", { class: "card", id: `segment-${one.id}`, "aria-labelledby": `segment-${one.id}-name` },
      make("div", { class: "who" },
        make("header", {}, make("h3", { id: `segment-${one.id}-name` }, one.name),
          make("span", { class: "share" }, percent(one.share))),
        make("div", { class: "size" }, sizeOf(one)),
        one.definition ? make("p", { class: "definition" }, one.definition) : null,
        markerBars(one)),
      statementList(one));
    card.style.setProperty("--hue", `var(--segment-${i})`);
    return card;
  }));

  const sizes = () => chart(by("sizes"), {
    name: "How large they are", words: `Bar chart of segment sizes: ${detailed.map((one) =>
      `${one.name} ${percent(one.share)}`).join(", ")}.`,
    note: isCut ? `The ${detailed.length} largest of ${count(segments.length)} segments, as in all that follows; the table has all of them.` : null,
    height: 30 + 46 * detailed.length,
    data: table("Segment sizes", ["Segment", "Customers", "Share", "Silhouette", ...(isCut ? [head("", "text")] : [])], segments.map((one) =>
      row(isCut ? `${one.id}. ${one.name}` : one.name, count(one.size), percent(one.share), figure(one.silhouette),
        ...(isCut ? [cell(one.definition, "text")] : [])))),
    option: () => ({
      grid: { left: 8, right: 110, top: 4, bottom: 4, containLabel: true },
      xAxis: axis({ type: "value", show: false }),
      yAxis: axis({ type: "category", inverse: true, data: detailed.map((one) => one.name), axisLine: { show: false },
        axisLabel: { color: tone("ink"), fontSize: isNarrow() ? 12 : 13, width: isNarrow() ? 124 : 260, overflow: isNarrow() ? "break" : "truncate", lineHeight: 14 } }),
      series: [{ type: "bar", barWidth: 18, data: detailed.map((one, i) => ({ value: one.share,
        itemStyle: { color: hue(i), borderRadius: [0, 4, 4, 0] } })),
      label: { show: true, position: "right", color: tone("ink"), formatter: (at) =>
        `${count(detailed[at.dataIndex].size)}  (${percent(at.value)})` } }],
    }),
  });

  /* --- differences ------------------------------------------------------------------------- */

  const strength = (index) => Math.max(0, ...detailed.map((one) => Math.abs(one.cells[index].effect || 0)));
  const heat = () => {
    const most = 40;
    const order = features.map((_, i) => i).filter((i) => strength(i) > 0)
      .sort((a, b) => strength(b) - strength(a) || a - b).slice(0, most);
    if (!order.length || segments.length < 2) return;
    const points = order.flatMap((feature, y) => detailed.map((one, x) => {
      const effect = one.cells[feature].effect || 0;
      return { value: [x, y, effect], hidden: one.cells[feature].hidden, effect };
    }));
    const text = ([x, y]) => cellText(features[order[y]], segments[x].cells[order[y]]);
    const column = (narrow) => (narrow ? 100 : Math.max(92, 620 / detailed.length));
    chart(by("heat"), {
      name: "Profile heat map",
      note: order.length < features.length && order.length === most ? `The ${most} features that differ most.` : null,
      words: `Heat map of ${order.length} features in ${detailed.length} segments. ${detailed.map((one) => {
        const marker = one.markers[0];
        return marker ? `${one.name}: most marked by ${label(features[marker.feature], marker.level)}, ` +
          `${marker.effect < 0 ? "below" : "above"} the others.` : "";
      }).join(" ")}`,
      height: 104 + 34 * order.length, minWidth: (narrow) => (narrow ? 130 : 190) + column(narrow) * detailed.length,
      data: table("Standardised differences from everybody else", ["Feature", ...detailed.map((one) => one.name)],
        order.map((feature) => row(label(features[feature]), ...detailed.map((one) =>
          figure(one.cells[feature].effect)))), "wide"),
      option: () => ({
        grid: { left: 8, right: 8, top: 8, bottom: 52, containLabel: true },
        tooltip: tip({ formatter: (at) => `<b>${safe(label(features[order[at.value[1]]]))}</b><br>` +
          `${safe(segments[at.value[0]].name)}: ${safe(text(at.value))}<br>` +
          `${fixed(Math.abs(Number(at.value[2])), 1)} standard deviations ${at.value[2] < 0 ? "below" : "above"} the others` }),
        xAxis: axis({ type: "category", position: "top", data: detailed.map((one) => one.name), axisLine: { show: false },
          splitLine: { show: false }, axisLabel: { color: tone("ink"), interval: 0, width: column(isNarrow()) - 8, overflow: "break",
            fontSize: 12, lineHeight: 15 } }),
        yAxis: axis({ type: "category", inverse: true, data: order.map((i) => label(features[i])),
          axisLine: { show: false }, splitLine: { show: false },
          axisLabel: { color: tone("ink"), fontSize: isNarrow() ? 12 : 13, width: isNarrow() ? 116 : 230,
            overflow: isNarrow() ? "break" : "truncate", lineHeight: 14 } }),
        visualMap: { min: -1.5, max: 1.5, calculable: false, orient: "horizontal", left: isNarrow() ? 0 : "center", bottom: 0,
          itemWidth: 12, itemHeight: isNarrow() ? 120 : 180, precision: 1, text: ["above the others", "below"],
          textStyle: { color: tone("soft") }, inRange: { color: [tone("low"), tone("heat-zero"), tone("high")] } },
        series: [{ type: "heatmap", data: points.map((one) => (one.hidden
          ? { value: one.value, visualMap: false, itemStyle: { color: tone("paper") }, label: { color: tone("soft") } }
          : { value: one.value, label: { color: tone(Math.abs(one.effect) > Number(tone("heat-turn")) ? "on-heat" : "ink") } })), itemStyle: { borderColor: tone("paper"), borderWidth: 3, borderRadius: 4 },
          emphasis: { itemStyle: { borderColor: tone("ink"), borderWidth: 1 } },
          label: { show: true, fontSize: 12, width: column(isNarrow()) - 12, overflow: "truncate", color: tone("ink"),
            formatter: (at) => text(at.value) } }],
      }),
    });
  };

  const dimensions = () => {
    const shares = evaluation.dimensionShares.slice().sort((a, b) => b.share - a.share);
    if (shares.length < 2) return;
    by("dimensions").append(make("div", { class: "block" }, table("What each dimension adds to the differences between segments",
      ["Dimension", "Share"], shares.map((one) => row(title(word(one.dimension, "DIMENSION_")), meter(one.share))))));
  };
  const meter = (share) => make("td", {}, percent(share), make("span", { class: "meter", "aria-hidden": "true" },
    make("i", { style: { width: `${100 * share}%` } })));

  /* --- certainty --------------------------------------------------------------------------- */

  const line = (points, more) => ({ type: "line", data: points, lineStyle: { width: 2, color: tone("accent") },
    itemStyle: { color: tone("accent") }, symbol: "circle", symbolSize: 5, ...more });
  const objectiveName = evaluation.logLikelihood === undefined ? "Spread inside segments" : "Minus log-likelihood";
  /* Ticks without trailing zeros. */
  const plain = (value) => (Math.abs(value) >= 1000 ? fixed(value, 0) : Number(value.toPrecision(3)).toString().replace(/^-/, "\u2212"));
  const short = (value) => (Math.abs(value) >= 1e6 ? `${plain(value / 1e6)}M` : Math.abs(value) >= 1e4
    ? `${plain(value / 1e3)}k` : plain(value));

  const byNumber = (name, note, pick, data) => {
    const shown = record.byK.filter((one) => pick(one) !== undefined);
    if (shown.length < 2) return;
    const chosen = shown.find((one) => one.chosen);
    const falling = pick(shown[0]) > pick(shown[shown.length - 1]);
    chart(by("fit"), { name, note, height: 250, data,
      words: `${name} for ${shown[0].k} to ${shown[shown.length - 1].k} segments: ` +
        `${shown.map((one) => `${one.k}: ${figure(pick(one))}`).join(", ")}.`,
      option: () => ({
        grid: { left: 8, right: 18, top: 28, bottom: 30, containLabel: true },
        tooltip: tip({ trigger: "axis", formatter: ([at]) => `${at.name} segments: ${figure(at.value)}` }),
        xAxis: axis({ type: "category", data: shown.map((one) => String(one.k)), name: "segments", nameLocation: "middle",
          nameGap: 28 }),
        yAxis: axis({ type: "value", scale: true, splitNumber: 4, axisLabel: { color: tone("soft"), formatter: short } }),
        series: [line(shown.map((one) => ({ value: pick(one), symbol: one.eligible ? "circle" : "emptyCircle",
          symbolSize: one === chosen ? 12 : 7, itemStyle: { color: one === chosen ? tone("high") : tone("accent") },
          label: { show: one === chosen, formatter: "chosen", 
            position: falling && one !== shown[shown.length - 1] ? "right" : "top", color: tone("high"), fontWeight: 600 } })))],
      }) });
  };

  const trace = () => {
    if (record.trace.length < 2) return;
    const first = record.trace[0];
    const last = record.trace[record.trace.length - 1];
    chart(by("fit"), { name: "Convergence", note: `${objectiveName} of the chosen model, iteration by iteration.`,
      words: `Line falling from ${figure(first)} to ${figure(last)} in ${record.trace.length} iterations.`, height: 250,
      data: table("Objective by iteration", ["Iteration", "Objective"], record.trace.map((value, i) =>
        row(String(i + 1), figure(value)))),
      option: () => ({
        grid: { left: 8, right: 18, top: 28, bottom: 30, containLabel: true },
        tooltip: tip({ trigger: "axis", formatter: ([at]) => `iteration ${at.name}: ${figure(at.value)}` }),
        xAxis: axis({ type: "category", boundaryGap: false, data: record.trace.map((_, i) => String(i + 1)),
          name: "iteration", nameLocation: "middle", nameGap: 28 }),
        yAxis: axis({ type: "value", scale: true, splitNumber: 4, axisLabel: { color: tone("soft"), formatter: short } }),
        series: [line(record.trace, { showSymbol: false, areaStyle: { color: tone("accent"), opacity: 0.08 } })],
      }) });
  };

  const choiceTable = () => {
    const rows = record.byK.map((one) => {
      const line_ = row(String(one.k), figure(one.objective), figure(one.score), percent(one.smallestShare),
        percent(one.agreement), cell(one.chosen ? "chosen" : one.eligible ? "" : "a segment would be too small", "text"));
      if (one.chosen) line_.className = "chosen";
      return line_;
    });
    return table("Choice of the number of segments", ["Segments", objectiveName, "Score", "Smallest segment",
      "Starts that agree", head("", "text")], rows);
  };

  const listed = (items) => (items.length < 2 ? items.join("") :
    `${items.slice(0, -1).join(", ")} and ${items[items.length - 1]}`);
  const reasons = { CHOICE_RULE_ELBOW: "more segments than that would add little",
    CHOICE_RULE_CALINSKI_HARABASZ: "the segments are then furthest apart for their spread",
    CHOICE_RULE_SILHOUETTE: "customers are then closest to their own segment and furthest from the others",
    CHOICE_RULE_BIC: "the fit is then best for the number of parameters it takes" };
  const choiceText = () => {
    const ks = record.byK.map((one) => one.k);
    const chosen = record.byK.find((one) => one.chosen);
    const small = record.byK.filter((one) => !one.eligible).map((one) => one.k);
    if (ks.length < 2 || !chosen || !chosen.eligible || !reasons[record.rule]) return record.choice;
    return `All numbers of segments from ${ks[0]} to ${ks[ks.length - 1]} were tried; ${spelled(chosen.k)} ${chosen.k === 1 ? "was" : "were"} chosen because ` +
      `${reasons[record.rule]}.${small.length ? ` ${small.length > 12 ? `${small.length} of them` : listed(small)} did not qualify: a segment would hold less than ` +
      `${percent(record.minShare)} of the customers.` : ""}`;
  };
  const certainty = () => {
    by("choice").textContent = choiceText();
    const rule = word(record.rule, "CHOICE_RULE_").replace("calinski harabasz", "Calinski\u2013Harabasz")
      .replace("bic", "BIC");
    byNumber(`Score by number of segments (${rule})`, "Higher is better. Hollow points: a segment would be too small.",
      (one) => one.score, choiceTable());
    byNumber(objectiveName, "By number of segments, best of all starts.", (one) => one.objective, null);
    trace();
  };

  /* --- profiles ---------------------------------------------------------------------------- */

  const dash = () => make("span", { class: "soft", title: "hidden: too few customers" }, "\u2013");
  const profileCell = (feature, one, isReference) => {
    if (one.hidden) return cell(dash());
    if (one.mean === undefined) return cell("");
    if (kind(feature) === "ordinal") return cell(make("span", { class: "soft" }, `level ${fixed(one.mean + 1, 1)} of ${feature.levels.length}`));
    const index = one.index === undefined || isReference ? null : make("small", {}, `index ${fixed(one.index, 0)}`);
    return make("td", {}, valueText(feature, one.mean), index);
  };
  const levelRows = (index) => {
    const feature = features[index];
    const most = 12;
    const share = (one, level) => one.shares.find((entry) => entry.level === level);
    const levels = everybody[index].shares.slice();
    const shown = levels.length <= most ? levels
      : levels.sort((a, b) => b.share - a.share || a.level - b.level).slice(0, most);
    const rows = shown.map(({ level }) => {
      const line_ = row(feature.levels[level], ...[everybody[index], ...detailed.map((one) => one.cells[index])].map((one) => {
        const found = share(one, level);
        return cell(found ? percent(found.share) : one.hidden ? "" : dash());
      }));
      line_.className = "level";
      return line_;
    });
    if (rows.length) rows[rows.length - 1].className = "level last";
    return rows;
  };
  const featureRows = (index) => {
    const feature = features[index];
    const name = feature.levels.length > 12 ? `${label(feature)} (12 commonest of ${feature.levels.length})` : label(feature);
    const of = shareOf(feature.unit || "") ? make("small", { class: "unit" }, feature.unit) : null;
    return [row(make("span", {}, name, of), profileCell(feature, everybody[index], true), ...detailed.map((one) =>
      profileCell(feature, one.cells[index]))), ...(feature.levels.length ? levelRows(index) : [])];
  };
  const roleNames = { ROLE_BASIS: "What the segments are made of", ROLE_DESCRIPTOR: "What else is known",
    ROLE_OUTCOME: "Outcomes", ROLE_SENSITIVE: "Sensitive features (audited, never used)", ROLE_WEIGHT: "Case weight" };
  const profiles = () => {
    by("profiles-intro").textContent = "Means and shares of customers that have a value. An index of 100 is everybody\u2019s " +
      "average. A dash stands for a figure that is hidden, because it would tell about too few customers.";
    const rows = Object.entries(roleNames).flatMap(([role, name]) => {
      const members = features.map((_, i) => i).filter((i) => features[i].role === role);
      if (!members.length) return [];
      return [make("tr", { class: "group" }, make("th", { colspan: String(detailed.length + 2), scope: "rowgroup" }, name)),
        ...members.flatMap(featureRows)];
    });
    by("profile-tables").append(table(isCut ? "Profiles of the largest segments" : "Profiles of all segments", ["Feature", "Everybody", ...detailed.map((one) => one.name)],
      rows, "wide"));
  };

  /* --- data and method --------------------------------------------------------------------- */

  const dataQuality = () => {
    const into = by("quality-body");
    const some = (value) => (Number(value) ? count(value) : "\u2013");
    into.append(...quality.notes.map((text) => make("p", { class: "note" }, text)));
    if (quality.sources.length) {
      into.append(make("div", { class: "block" }, table("Sources", ["Source", "Rows", "Customers matched",
        "Keys without a customer", "Rows without a key", "Rows with a wrong key", "Rows rejected"],
      quality.sources.map((one) => row(one.name, some(one.rows), some(one.matchedKeys),
        some(one.orphanKeys), some(one.nullKeyRows), some(one.invalidKeyRows), some(one.rejectedRows))))));
    }
    into.append(make("div", { class: "block" }, table("Features", ["Feature", "Present", "Missing", "Invalid",
      "Not finite", "Clamped", head("", "text")],
    quality.features.map((one, i) => row(features[i] ? label(features[i]) : one.name, some(one.present),
      meter(Number(one.missing) / Math.max(1, Number(one.present) + Number(one.missing))), some(one.invalid),
      some(one.notFinite), some(one.clamped), cell({ CONSTANCY_CONSTANT: "constant",
        CONSTANCY_ALL_MISSING: "all missing" }[one.constancy] || "", "text"))))));
  };

  const estimatorNames = { kmeans: "k-means", "gmm-diag": "Gaussian mixture with diagonal covariances" };
  const method = () => {
    const basis = features.filter((one) => one.role === "ROLE_BASIS");
    const ks = record.byK.map((one) => one.k);
    by("method-body").append(facts([
      ["Method", estimatorNames[record.estimator] || record.estimator],
      ["Made of", `${plural(basis.length, "feature")} in ${plural(record.columns, "column")}`],
      ["Tried", `${plural(record.candidates.length, "model")}` + (ks.length > 1
        ? `, for ${ks[0]} to ${ks[ks.length - 1]} segments` : "") + `; ${plural(record.iterations, "pass")
          .replace("passs", "passes")} over the customers`],
      ["Why the chosen one ended", record.ending],
      ["Case weights", quality.weight ? `${quality.weight.name}: ${plural(record.customers, "customer")} stand for ${figure(quality.weight.total)}` : ""],
      ["Smallest share allowed", percent(record.minShare)],
      ["Seed of the random numbers", record.seed],
      ["Calinski\u2013Harabasz", evaluation.calinskiHarabasz === undefined ? "" : figure(evaluation.calinskiHarabasz)],
      ["Davies\u2013Bouldin", evaluation.daviesBouldin === undefined ? "" : figure(evaluation.daviesBouldin)],
      ["BIC", evaluation.bic === undefined ? "" : figure(evaluation.bic)],
    ]), make("div", { class: "block" }, table("Features and how they were used", ["Feature", head("Type", "text"),
      head("Dimension", "text"), head("Role", "text"), head("Transform", "text"), "Weight"], features.map((one) =>
      row(label(one), cell(kind(one), "text"), cell(word(one.dimension, "DIMENSION_"), "text"),
        cell(word(one.role, "ROLE_"), "text"), cell(word(one.transform, "TRANSFORM_").replace("none", "\u2013"), "text"),
        figure(one.weight))))));
  };

  answer();
  cards();
  sizes();
  heat();
  dimensions();
  certainty();
  profiles();
  dataQuality();
  method();
  draw();

  let waiting = 0;
  const later = () => {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(draw, 120);
  };
  window.addEventListener("resize", later);
  /* Paper is white. */
  const onPaper = (yes) => {
    document.documentElement.classList.toggle("paper", yes);
    draw();
  };
  window.addEventListener("beforeprint", () => onPaper(true));
  window.addEventListener("afterprint", () => onPaper(false));
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  document.documentElement.dataset.drawn = "yes";
})();
