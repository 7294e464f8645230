  /* A segment as a person: what is told of it, each sentence with what it rests on. */

  /* --- evidence ---------------------------------------------------------------------------- */

  const statisticNames = { mean: "average", size: "share of all customers", part: "share of everybody\u2019s total",
    gap: "total they are below everybody\u2019s average", growth: "part of the period before", index: "index, 100 = everybody\u2019s average" };
  /* The figures of a statement, line by line. */
  const figures = (statement) => {
    const { statistic, value, low, high, reference } = statement;
    const feature = statement.feature === undefined ? null : features[statement.feature];
    const isShare = ["share", "size", "part", "growth"].includes(statistic);
    const show = (number) => (isShare ? percent(number) : statistic === "index" || !feature ? figure(number)
      : valueText(feature, number, true));
    const name = feature ? label(feature, statement.level) : "Segment size";
    const lines = [];
    if (value !== undefined) lines.push(`${name}, ${statisticNames[statistic] || statistic}: ${show(value)}`);
    if (low !== undefined && high !== undefined) lines.push(`95% interval ${show(low)} to ${show(high)}`);
    if (feature && reference !== undefined) lines.push(`everybody ${show(reference)}`);
    lines.push(`based on ${plural(statement.count, "customer")}`);
    return lines;
  };

  /* Words that show their figures when they are pointed at, tapped or reached by keyboard. */
  let told = 0;
  const says = (text, ...lines) => {
    const id = `why-${++told}`;
    return [make("button", { type: "button", class: "says", "aria-describedby": id }, text),
      make("span", { class: "evidence", role: "tooltip", id }, lines.map((one) => make("span", {}, one, " ")))];
  };
  const sentence = (statement) => says(statement.text, ...figures(statement));
  const advice = (one) => says(one.text, ...one.because.flatMap((because) =>
    [make("b", {}, because.text), ...figures(because)]));
  const item = (children, className) => make("li", { class: className ? `fact ${className}` : "fact" }, children);
  const list = (items) => make("ul", { class: "statements" }, items);
  /* The strongest are seen at once. */
  const most = 6;
  const statements = (all) => {
    const items = all.map((one) => item(sentence(one)));
    if (items.length <= most + 1) return list(items);
    return [list(items.slice(0, most)), make("details", { class: "more printed" },
      make("summary", {}, `${items.length - most} more`), list(items.slice(most)))];
  };

  /* Escape puts away what is shown, until another one is asked for. */
  const quiet = (yes) => document.documentElement.classList.toggle("quiet", yes);
  document.addEventListener("keydown", (event) => quiet(event.key === "Escape"));
  document.addEventListener("pointermove", () => quiet(false));
  /* Kept inside the window. */
  const place = (event) => {
    const button = event.target instanceof Element && event.target.closest(".says");
    if (!button) return;
    const shown = button.nextElementSibling;
    shown.style.translate = "";
    const beyond = shown.getBoundingClientRect().right - document.documentElement.clientWidth + 12;
    if (beyond > 0) shown.style.translate = `${-beyond}px`;
  };
  document.addEventListener("focusin", place);
  document.addEventListener("pointerover", place);

  /* --- parts of a card --------------------------------------------------------------------- */

  const group = (name, ...content) => (content.flat(Infinity).some(Boolean)
    ? make("div", { class: "group" }, make("h4", {}, name), content) : null);
  const some = (name, all) => (all && all.length ? group(name, statements(all)) : null);

  /* Bars of all cards have one scale; beyond 2 standard deviations a bar is full. */
  const reach = (effect) => Math.max(-2, Math.min(2, effect));
  const widest = Math.max(1, ...detailed.flatMap((one) => one.markers.slice(0, 5).map((marker) => Math.abs(reach(marker.effect)))));
  const at = (effect) => 50 + 50 * reach(effect) / widest;
  const between = (low, high) => ({ left: `${Math.max(0, low)}%`, width: `${Math.max(0, Math.min(100, high) - Math.max(0, low))}%` });
  const bar = (className, low, high) => make("i", { class: className, style: between(Math.min(low, high), Math.max(low, high)) });
  const effectText = (effect) => `${fixed(Math.abs(effect), 1)} standard deviations ${effect < 0 ? "below" : "above"} the others`;
  const corrected = record.correction ? `, adjusted for all that were looked at (${title(record.correction)})` : "";
  const markerBars = (segment) => {
    const strongest = segment.markers.slice(0, 5);
    if (!strongest.length) return null;
    return group("What sets them apart", make("ul", { class: "bars" }, strongest.map((one) => {
      const feature = features[one.feature];
      const cell = segment.cells[one.feature];
      const known = one.effectLow !== undefined && one.effectHigh !== undefined;
      const lines = [effectText(one.effect)];
      if (known) lines.push(`95% interval ${fixed(one.effectLow, 2)} to ${fixed(one.effectHigh, 2)}`);
      if (one.p !== undefined) lines.push(`p ${one.p < 0.001 ? "under 0.001" : figure(one.p)}${corrected}`);
      const isLevel = one.level !== undefined && cell && one.level !== cell.level;
      if (cell && cell.oddsRatio !== undefined && !isLevel) {
        lines.push(`odds ${figure(cell.oddsRatio)} times those of the others` +
          (cell.oddsLow === undefined ? "" : `, ${figure(cell.oddsLow)} to ${figure(cell.oddsHigh)}`));
      }
      const show = (from) => (one.level === undefined ? cellText(feature, from)
        : percent((from.shares.find((share) => share.level === one.level) || {}).share));
      if (cell) lines.push(`${show(cell)}, everybody ${show(everybody[one.feature])}`,
        `based on ${plural(cell.count, "customer")}`);
      return item([says(label(feature, one.level), ...lines), make("span", { class: "track", "aria-hidden": "true" },
        bar(one.effect < 0 ? "less" : "more", 50, at(one.effect)),
        known ? bar("range", at(one.effectLow), at(one.effectHigh)) : null)], "measured");
    })));
  };
  /* An index of 100 is the middle, 200 and more the right end.  What else is said of the same is shown with it. */
  const preferences = (name, all, also = () => []) => (all.length ? group(name, make("ul", { class: "bars" }, all.map((one) => {
    const known = one.index !== undefined;
    const end = known ? Math.min(100, one.index / 2) : 50;
    const texts = one.evidence ? [one.evidence, ...also(one)].map((said) => make("b", {}, said.text)) : [];
    return item([one.evidence ? says(title(one.label), ...texts, ...figures(one.evidence)) : title(one.label),
      known ? make("span", { class: "track", "aria-hidden": "true" }, bar(end < 50 ? "less" : "more", 50, end)) : null,
      known ? make("span", { class: "index" }, make("span", { class: "unseen" }, "index "), fixed(one.index, 0)) : null],
    one.preferred ? "measured indexed preferred" : "measured indexed");
  }))) : null);
  const offers = (all) => (all.length ? group("Offers that fit", list(all.map((one) => item([make("b", { class: "offer" }, one.title),
    one.reason ? advice(one.reason) : null])))) : null);

  const typical = (persona) => (persona.typical.length ? make("details", { class: "fold unprinted" },
    make("summary", {}, "A typical customer"),
    make("p", { class: "soft" }, "The median or the commonest level of each feature, taken one by one: no customer of the data."),
    make("dl", { class: "traits" }, persona.typical.map((one) => make("div", {}, make("dt", {}, title(one.label)),
      make("dd", {}, one.text, one.share === undefined ? null : make("small", {}, ` ${percent(one.share)}`)))))) : null);
  const briefs = (segment) => (segment.briefs.length ? make("details", { class: "fold printed" },
    make("summary", {}, `Briefs for ${listed(segment.briefs.map((one) => one.title.toLowerCase()))}`),
    make("div", { class: "briefs" }, segment.briefs.map((one) => make("div", { class: "group" }, make("h4", {}, one.title),
      list(one.lines.map((line) => item(advice(line)))))))) : null);

  /* --- cards ------------------------------------------------------------------------------- */

  /* Sentences of a record without a persona, by section. */
  const sectionNames = { demographic: "Who they are", geographic: "Where they are",
    psychographic: "What they care about", firmographic: "What kind of firm", technographic: "What they use",
    behavioural: "How they buy", value: "What they are worth", channel: "Channels", offer: "Offers", need: "What they need",
    outcome: "Outcomes" };
  const plainParts = (segment) => {
    const groups = new Map();
    for (const one of segment.statements) {
      if (one.section === "definition") continue;
      groups.set(one.section, [...(groups.get(one.section) || []), one]);
    }
    return [markerBars(segment), ...[...groups].map(([section, all]) => some(sectionNames[section] || title(section), all))];
  };
  const isAbout = (...topics) => (one) => topics.includes(word(one.topic, "PERSONA_TOPIC_"));
  const personParts = (segment, persona) => {
    /* What is told once is not told again; what they like, and therefore look for, is told by its bar. */
    const isOf = (like) => (one) => one.feature === like.feature && one.level === like.level;
    const isLiked = (one) => persona.affinities.some((like) => like.evidence && isOf(like)(one));
    const looked = persona.needs.filter(isLiked);
    const texts = new Set([...persona.affinities.filter((one) => one.evidence).map((one) => one.evidence.text), ...looked.map((one) => one.text)]);
    const anew = (name, all) => some(name, all.filter((one) => !texts.has(one.text) && texts.add(one.text)));
    const about = (...topics) => persona.sections.filter(isAbout(...topics)).map((one) => anew(one.title, one.statements));
    const who = persona.sections.find(isAbout("who"));
    const inBrief = [persona.age, ...persona.household].filter(Boolean);
    const likes = preferences(looked.length ? "What they look for" : "What they like", persona.affinities, (like) => looked.filter(isOf(like)));
    return [
      markerBars(segment), anew(who ? who.title : "Who they are", [...inBrief, ...(who ? who.statements : [])]), about("where"),
      looked.length ? likes : null, about("values", "buys", "uses"),
      anew("What they bring", persona.value), anew("What lies in them", persona.potential),
      anew("What they look for", persona.needs), anew("What goes wrong for them", persona.pains), offers(persona.offers),
      preferences("How to reach them", persona.channels), looked.length ? null : likes,
      persona.tone ? group("How to address them", list([item(advice(persona.tone))])) : null,
    ];
  };

  /* Each group goes where three columns end highest; heights are guessed from their texts. */
  const tall = (element) => 2.6 + [...element.querySelectorAll("li")].reduce((sum, one) => sum + (one.classList.contains("measured") ? 1.5
    : 0.3 + 1.4 * Math.ceil([...one.querySelectorAll("button, b")].filter((part) => !part.closest(".evidence"))
      .reduce((n, part) => n + part.textContent.length, 0) / 34)), 0);
  const balanced = (groups, n) => {
    const columns = Array.from({ length: n }, () => []);
    const ends = columns.map(() => 0);
    for (const one of groups) {
      const shortest = ends.indexOf(Math.min(...ends));
      columns[shortest].push(one);
      ends[shortest] += tall(one);
    }
    return columns;
  };
  /* As many columns as the window, or paper, has room for. */
  const arranged = [];
  let across = 0;
  const arrange = () => {
    const isPaper = document.documentElement.classList.contains("paper");
    const n = isPaper || window.innerWidth >= 992 ? 3 : isNarrow() ? 1 : 2;
    if (n === across) return;
    across = n;
    for (const { place: into, groups } of arranged) {
      into.style.gridTemplateColumns = `repeat(${n}, minmax(0, 1fr))`;
      into.replaceChildren(...balanced(groups, n).map((one) => make("div", {}, one)));
    }
  };

  /* How many they are: the statement of the record, else the count. */
  const sizeOf = (segment) => {
    const all = segment.statements.filter((one) => one.section === "definition");
    return all.length ? all.map((one) => make("span", { class: "fact" }, sentence(one))) : plural(segment.size, "customer");
  };
  /* A picture is shown as a picture, where it can neither run nor load anything. */
  const pictureOf = (persona) => (persona.picture ? `data:${persona.pictureType};base64,${persona.picture}`
    : `data:image/svg+xml,${encodeURIComponent(persona.avatar)}`);
  const portrait = (segment, size, text) => (segment.persona && segment.persona.avatar ? make("img", { class: "portrait",
    width: size, height: size, alt: text, src: pictureOf(segment.persona) }) : null);
  const recognised = (segment) => (segment.rule ? make("p", { class: "rule" }, make("b", {}, "Recognise them by: "),
    segment.rule.sentence, ". ", make("a", { href: `#rule-${segment.id}` },
      `Finds ${percent(segment.rule.coverage)} of them, right in ${percent(segment.rule.precision)}`), ".") : null);
  const card = (segment, i) => {
    const persona = segment.persona;
    const head = make("header", {}, persona ? portrait(segment, 120, persona.avatarText) : null,
      make("div", { class: "who" },
        make("h3", { id: `segment-${segment.id}-name` }, segment.name),
        make("p", { class: "size" }, persona && persona.name ? make("span", { class: "alias" }, `\u201c${persona.name}\u201d`) : null,
          sizeOf(segment)),
        segment.definition ? make("p", { class: "definition" }, segment.definition) : null, recognised(segment),
        segment.nameOrigin ? make("p", { class: "rule" }, segment.nameOrigin) : null),
      make("p", { class: "share" }, percent(segment.share)));
    const parts = persona ? personParts(segment, persona) : plainParts(segment);
    const body = make("div", { class: "told" });
    arranged.push({ place: body, groups: parts.flat(Infinity).filter(Boolean) });
    const element = make("article", { class: "card", id: `segment-${segment.id}`, "aria-labelledby": `segment-${segment.id}-name` },
      head, body, persona ? [briefs(segment), typical(persona)] : null);
    element.style.setProperty("--hue", `var(--segment-${i})`);
    return element;
  };
  const cards = () => by("cards").append(...detailed.map(card));
