  /* Which segments are worth an effort: attractiveness against value. */
  const judged = detailed.filter((one) => one.attractiveness);
  const weightNames = { size: "size", value: "value", growth: "growth", reach: "reach" };
  const attractiveness = () => {
    const weights = record.attractivenessWeights;
    if (judged.length < 2) return;
    const known = Object.keys(weightNames).filter((name) => judged.some((one) => one.attractiveness[name] !== undefined));
    if (known.length < 2) return; /* only their sizes, which are told elsewhere */
    const declared = weights ? known.filter((name) => weights[name] > 0) : [];
    const total = declared.reduce((sum, name) => sum + weights[name], 0);
    const measured = record.valueFeature === undefined ? "" : ` Value is ${label(features[record.valueFeature]).toLowerCase()} per customer.`;
    const grown = known.includes("growth") ? " Growth is the spend of the later period over that of the earlier." : "";
    const reached = known.includes("reach") ? " Reach is how much they use the channels and respond." : "";
    by("effort-intro").textContent = "Attractiveness goes from 0 to 1; a half is average." + (declared.length
      ? ` It weighs ${listed(declared.map((name) => `${weightNames[name]} (${percent(weights[name] / total)})`))}.` : "") + measured + grown + reached;
    const best = judged.slice().sort((a, b) => a.attractiveness.rank - b.attractiveness.rank);
    evaluationPlot(["value", "reach"].find((name) => known.includes(name)), best);
    const hasPart = judged.some((one) => one.attractiveness.valueShare !== undefined);
    const index = (value) => (value === undefined ? "\u2013" : fixed(value, 0));
    if (!known.includes("growth")) by("effort-intro").append(" Growth is not known, as the data have no periods to compare, and counts for nothing.");
    by("effort-body").append(make("div", { class: "block" }, table("Segments by attractiveness; 100 is the average of all",
      ["Segment", ...known.map((name) => title(weightNames[name])), ...(hasPart ? ["Part of all value"] : []), "Attractiveness"],
      best.map((one) => row(make("span", {}, `${one.attractiveness.rank}. `, make("a", { href: `#segment-${one.id}` }, one.name)),
        ...known.map((name) => index(one.attractiveness[name])),
        ...(hasPart ? [percent(one.attractiveness.valueShare)] : []),
        meter(one.attractiveness.score, fixed(one.attractiveness.score, 2)))), "ranked")));
  };

  /* What it is all about, segment by segment. */
  const outcomes = () => {
    const goals = features.map((_, i) => i).filter((i) => features[i].role === "ROLE_OUTCOME" && kind(features[i]) !== "nominal");
    if (!goals.length || segments.length < 2) return;
    const shown = (feature, one) => {
      if (one.hidden || (one.mean === undefined && !one.shares.length)) return cell(dash());
      const text = cellText(feature, one);
      const index = one.index === undefined ? null : make("small", {}, `index ${fixed(one.index, 0)}`);
      return kind(feature) === "binary" && one.mean !== undefined ? meter(one.mean, text) : make("td", {}, text, index);
    };
    const all = row("Everybody", ...goals.map((i) => shown(features[i], everybody[i])));
    all.className = "chosen";
    by("effort-body").append(make("div", { class: "block" }, table("Outcomes by segment",
      ["Segment", ...goals.map((i) => label(features[i]))], [...detailed.map((one) =>
        row(make("a", { href: `#segment-${one.id}` }, one.name), ...goals.map((i) => shown(features[i], one.cells[i])))), all])));
  };

  const evaluationPlot = (upward, best) => {
    const worth = (one) => one.attractiveness[upward];
    const shown = best.filter((one) => worth(one) !== undefined);
    if (shown.length < 2) return;
    const largest = Math.max(...shown.map((one) => one.share));
    const scores = shown.map((one) => one.attractiveness.score);
    const x = [Math.max(0, Math.floor(10 * Math.min(...scores) - 0.6) / 10), Math.min(1, Math.ceil(10 * Math.max(...scores) + 0.6) / 10)];
    const top = 1.2 * Math.max(...shown.map(worth));
    const step = [10, 20, 25, 50, 100, 200, 250, 500, 1000].find((one) => top <= 5 * one) || Math.ceil(top / 5000) * 1000;
    const y = [0, Math.ceil(top / step) * step];
    const radius = (one) => Math.max(9, (isNarrow() ? 46 : 64) * Math.sqrt(one.share / largest)) / 2;
    const edge = { left: 46, right: 18, top: 34, bottom: 48 };
    const most_ = () => (isNarrow() ? 96 : 170);
    const sides = (width) => namePlaces(shown.map((one) => ({ radius: radius(one), name: one.name, wide: most_(), at: [
      (one.attractiveness.score - x[0]) / (x[1] - x[0]) * (width - edge.left - edge.right),
      (y[1] - worth(one)) / y[1] * (380 - edge.top - edge.bottom)] })), [width - edge.left - edge.right, 380 - edge.top - edge.bottom]);
    chart(by("effort-body"), { name: "Segment evaluation plot", height: 380,
      note: `To the right: more attractive. Up: ${upward === "value" ? "worth more per customer" : "easier to reach"}, 100 is average. The larger the circle, the more customers.`,
      words: `Bubble chart of attractiveness against ${upward}. ${shown.map((one) => `${one.name}: attractiveness ` +
        `${fixed(one.attractiveness.score, 2)}, ${upward} index ${fixed(worth(one), 0)}, ${percent(one.share)} of customers.`).join(" ")}`,
      option: (width) => ({
        grid: edge,
        tooltip: tip({ formatter: (at) => `<b>${safe(at.name)}</b><br>attractiveness ${fixed(at.value[0], 2)}<br>` +
          `${upward} index ${fixed(at.value[1], 0)}<br>${percent(at.value[2])} of customers` }),
        xAxis: axis({ type: "value", name: "attractiveness", nameLocation: "middle", nameGap: 28, min: x[0], max: x[1],
          interval: 0.1, axisLabel: { color: tone("soft"), formatter: plain } }),
        yAxis: axis({ type: "value", name: `${upward} index`, nameLocation: "end", nameTextStyle: { color: tone("soft"), align: "left" },
          min: y[0], max: y[1], interval: step, axisLabel: { color: tone("soft"), formatter: short } }),
        series: [{ type: "scatter", data: shown.map((one, i) => ({ name: one.name, label: { position: sides(width)[i] },
          value: [one.attractiveness.score, worth(one), one.share],
          symbolSize: 2 * radius(one),
          itemStyle: { color: hue(segments.indexOf(one)), opacity: 0.88, borderColor: tone("paper"), borderWidth: 1 } })),
        label: { show: true, distance: 4, color: tone("ink"), fontSize: 12, lineHeight: 14, width: most_(), overflow: "break",
          formatter: (at) => wrapped(at.name, most_()) },
        labelLayout: { hideOverlap: true },
        markLine: { silent: true, symbol: "none", lineStyle: { color: tone("axis"), type: "dashed" }, label: { show: false },
          data: [{ xAxis: 0.5 }, { yAxis: 100 }] } }],
      }) });
  };
  const effort = () => {
    attractiveness();
    outcomes();
    if (!by("effort-intro").textContent) by("effort-intro").textContent = "Neither value nor channels are in the data, so no segment is judged by them.";
  };
