  /* The record, and how its words and figures are written.  Every text of it reaches the page as text, never as
   * markup. */
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
  const listed = (items) => (items.length < 2 ? items.join("") :
    `${items.slice(0, -1).join(", ")} and ${items[items.length - 1]}`);
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
  /* Ticks without trailing zeros. */
  const plain = (value) => (Math.abs(value) >= 1000 ? fixed(value, 0) : Number(value.toPrecision(3)).toString().replace(/^-/, "\u2212"));
  const short = (value) => (Math.abs(value) >= 1e6 ? `${plain(value / 1e6)}M` : Math.abs(value) >= 1e4
    ? `${plain(value / 1e3)}k` : plain(value));
