  /* The answer: how many, which, how sure. */
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

  /* What a board asks first: who brings the value, and where the outcome is high and low. */
  const findings = () => {
    if (segments.length < 2) return [];
    const quoted = (one) => `\u201c${one.name}\u201d`;
    const told_ = [];
    const worth = detailed.filter((one) => one.attractiveness && one.attractiveness.valueShare !== undefined);
    const lift = (one) => one.attractiveness.valueShare / one.share;
    if (worth.length > 1 && record.valueFeature !== undefined) {
      const best = worth.reduce((a, b) => (lift(b) > lift(a) ? b : a));
      if (lift(best) > 1.1) {
        told_.push(`${quoted(best)} are ${percent(best.share)} of customers and bring ${percent(best.attractiveness.valueShare)} of all ` +
          `${label(features[record.valueFeature]).toLowerCase()}.`);
      }
    }
    features.forEach((feature, i) => {
      if (feature.role !== "ROLE_OUTCOME" || kind(feature) !== "binary" || told_.length > 2) return;
      const known = detailed.filter((one) => !one.cells[i].hidden && one.cells[i].mean !== undefined);
      if (known.length < 2 || everybody[i].mean === undefined) return;
      const by_ = known.slice().sort((a, b) => b.cells[i].mean - a.cells[i].mean);
      const [most_, least] = [by_[0], by_[by_.length - 1]];
      told_.push(`${label(feature)}: ${percent(most_.cells[i].mean)} of ${quoted(most_)}, ${percent(least.cells[i].mean)} of ` +
        `${quoted(least)}, ${percent(everybody[i].mean)} of everybody.`);
    });
    return told_;
  };

  const answer = () => {
    const k = segments.length;
    const job = title(record.job.replace(/[-_]+/g, " "));
    by("job").textContent = job;
    by("eyebrow").textContent = `${job}: customer segments${record.asOf ? ` as of ${record.asOf}` : ""}`;
    by("headline").textContent = `${plural(record.customers, "customer")}, ${spelled(k)} segment${k === 1 ? "" : "s"}`;
    const first = segments[0];
    const last = segments[k - 1];
    const sure = verdict();
    if (sure) by("verdict").append(...sure);
    else by("verdict").remove();
    by("lead").textContent = findings().join(" ") || (k === 1 ? `${first.name}: ${first.definition}`
      : `The largest segment is \u201c${first.name}\u201d with ${percent(first.share)} of customers, the smallest ` +
        `\u201c${last.name}\u201d with ${percent(last.share)}.`);
    if (quality.weight) by("lead").textContent += ` All figures but counts of customers are weighted by \u201c${quality.weight.name}\u201d.`;
    by("stack").append(
      make("div", { class: k > 64 ? "stack dense" : "stack", "aria-hidden": "true" }, segments.map((one, i) => make("span",
        { class: one.share < 0.06 ? "thin" : one.share < 0.13 ? "slim" : undefined, title: `${one.name}: ${percent(one.share)}`,
          style: { flex: `${one.share * Number(record.customers)} 1 0`, background: `var(--segment-${i})` } }, one.share < 0.06 ? "" : make("b", {}, percent(one.share))))),
      make("ul", { class: k > 12 ? "legend" : k === 4 || k === 2 ? "legend who-is-who even" : "legend who-is-who" }, detailed.map((one, i) => make("li", {},
        k > 12 ? null : portrait(one, 64, ""), make("a", { href: `#segment-${one.id}` },
          make("i", { class: "dot", style: { background: `var(--segment-${i})` } }), one.name, " ",
          make("span", { class: "soft" }, percent(one.share))),
        k > 12 ? null : make("p", { class: "soft" }, one.definition)))));
    tiles();
  };
