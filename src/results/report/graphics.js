  /* Colours, tables and charts: what all sections are made of. */
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
  const dash = () => make("span", { class: "soft", title: "hidden: too few customers" }, "\u2013");
  const meter = (share, text) => make("td", {}, text || percent(share), make("span", { class: "meter", "aria-hidden": "true" },
    make("i", { style: { width: `${100 * share}%` } })));
  const facts = (pairs) => make("dl", { class: "facts" }, pairs.filter((pair) => pair[1]).map(([name, value]) =>
    [make("dt", {}, name), make("dd", {}, value)]));

  /* How many of n stand side by side, at most so many, in rows that are about as long. */
  const evenly = (n, most_) => Math.ceil(n / Math.ceil(n / most_));
  const charts = [];
  const isNarrow = () => window.innerWidth < 640;
  /* A chart, what it says in words, and the table behind it. */
  const chart = (into, { name, note, words, height, minWidth, option, data }) => {
    const place = make("div", { class: "chart", role: "img", "aria-label": words,
      style: { height: `${typeof height === "function" ? height() : height}px` } });
    into.append(make("figure", {},
      make("figcaption", {}, make("h3", {}, name), note ? make("p", {}, note) : null),
      make("div", { class: "scroll", tabindex: minWidth ? "0" : undefined }, place),
      data ? make("details", { class: "data" }, make("summary", {}, "The figures as a table"), data) : null));
    charts.push({ place, option, height, minWidth, drawn: null });
  };
  const draw = () => {
    paint();
    for (const one of charts) {
      if (one.drawn) one.drawn.dispose();
      if (typeof one.height === "function") one.place.style.height = `${one.height()}px`;
      if (one.minWidth) one.place.style.minWidth = `${one.minWidth(isNarrow())}px`;
      one.drawn = echarts.init(one.place, null, { renderer: "svg" });
      const text = { color: tone("ink"), fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 13 };
      one.drawn.setOption({ animation: false, textStyle: text, ...one.option(one.place.clientWidth) });
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

  /* A text in lines of about this many pixels, which may end at a hyphen. */
  const wrapped = (text, wide, size = 12) => text.split(/(?<=[ -])/).reduce((all, word_) => {
    const last = all[all.length - 1];
    if (last && 0.6 * size * (last + word_.trimEnd()).length <= wide) all[all.length - 1] = last + word_;
    else all.push(word_);
    return all;
  }, []).map((one) => one.trimEnd()).join("\n");

  /* On which side of its circle each name hits the least of what is there already; none for a name that
   * can be spared.  room is the width and height of what they stand in. */
  const namePlaces = (circles, room) => {
    const taken = circles.map(({ at: [x, y], radius }) => [x - radius, y - radius, x + radius, y + radius]);
    const shared = (a, b) => Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0])) * Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
    return circles.map(({ at: [x, y], radius, name, wide: most_, spare }) => {
      const wide = Math.min(most_, 7.2 * name.length);
      const high = 14 * Math.ceil(7.2 * name.length / most_);
      const boxes = { top: [x - wide / 2, y - radius - 6 - high, x + wide / 2, y - radius], bottom: [x - wide / 2, y + radius, x + wide / 2, y + radius + 6 + high],
        right: [x + radius, y - high / 2, x + radius + 6 + wide, y + high / 2],
        left: [x - radius - 6 - wide, y - high / 2, x - radius, y + high / 2] };
      const beyond = (box) => (Math.max(0, -box[0]) + Math.max(0, box[2] - room[0]) + Math.max(0, box[3] - room[1])) * high;
      const cost = (side) => taken.reduce((sum, one) => sum + shared(boxes[side], one), beyond(boxes[side]));
      const best = Object.keys(boxes).reduce((one, other) => (cost(other) < cost(one) ? other : one));
      if (spare && cost(best) > 0.1 * wide * high) return null;
      taken.push(boxes[best]);
      return best;
    });
  };
