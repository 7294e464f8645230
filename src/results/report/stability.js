  /* Whether the segments are there with other numbers of segments too, and how much room lies between them. */
  const following = () => {
    const { solutions, flows } = record.stability;
    const tallest = Math.max(...solutions.map((one) => one.segments.length));
    const name = (solution, segment) => `${solution}.${segment}`;
    const chosenAt = solutions.findIndex((one) => one.chosen);
    const isChosen = (solution) => solution === chosenAt;
    const called = (solution, segment) => (isChosen(solution) ? segments[segment - 1].name
      : `segment ${segment} of ${solutions[solution].k}`);
    const linked = new Set(flows.flatMap((one) => [name(one.solution, one.from), name(one.solution + 1, one.to)]));
    const tint = (one) => (one.slsa === undefined ? 0.35 : 0.15 + 0.75 * one.slsa);
    const edge = { left: 6, right: () => (chosenAt < solutions.length - 1 ? 10 : isNarrow() ? 96 : 150), top: 34, bottom: 10 };
    chart(by("stability-body"), { name: "Segments across solutions",
      note: "From left to right more segments; the bands are customers of the sample on their way from one solution to the next. A segment that is there by nature keeps its customers together; the darker, the more of them come from one segment. Bands of fewer than ten customers are not drawn.",
      height: () => Math.max(300, Math.min(900, 50 * tallest + 60)), minWidth: (narrow) => (narrow ? 112 : 62) * solutions.length + edge.right(),
      words: `Flow of ${count(record.stability.customers)} customers through solutions with ${listed(solutions.map((one) => String(one.k)))} segments. ` +
        solutions[chosenAt].segments.slice(0, 12).map((one, i) => (one.slsa === undefined ? "" : `${segments[i].name}: stability ${fixed(one.slsa, 2)}.`)).join(" "),
      data: table("Customers of the sample in neighbouring solutions, rounded to tens", [head("From", "text"), head("To", "text"), "Customers"],
        flows.filter((one) => isChosen(one.solution) || isChosen(one.solution + 1)).map((one) =>
          row(called(one.solution, one.from), cell(called(one.solution + 1, one.to), "text"), count(one.customers)))),
      option: (width) => {
        const step = (width - edge.left - edge.right() - 14) / Math.max(1, solutions.length - 1);
        const room = isNarrow() ? 92 : Math.min(220, Math.max(100, step - 22));
        const colour = (solution, segment) => (isChosen(solution) ? hue(segment - 1) : tone("accent"));
        return {
          title: solutions.map((one, i) => ({ text: isChosen(i) ? `${one.k} chosen` : String(one.k), left: edge.left + i * step + 7, top: 6, padding: 0,
            textAlign: i ? "center" : "left", textStyle: { fontSize: 12, fontWeight: isChosen(i) ? 700 : 400, color: tone(isChosen(i) ? "ink" : "soft") } })),
          tooltip: tip({ formatter: (at) => (at.dataType === "edge" ? `about ${count(at.data.value)} customers of the sample<br>from ${safe(at.data.from)}<br>to ${safe(at.data.to)}`
            : `<b>${safe(at.data.called)}</b>${at.data.slsa === undefined ? "" : `<br>stability (SLSA) ${fixed(at.data.slsa, 2)}`}`) }),
          series: [{ type: "sankey", left: edge.left, right: edge.right(), top: edge.top, bottom: edge.bottom, nodeWidth: 14, nodeGap: 7,
            layoutIterations: 64, draggable: false, labelLayout: { hideOverlap: true }, emphasis: { focus: "adjacency" },
            data: solutions.flatMap((solution, i) => solution.segments.map((one, s) => ({ one, s })).filter(({ s }) => linked.has(name(i, s + 1)))
              .map(({ one, s }) => ({ name: name(i, s + 1), depth: i, called: title(called(i, s + 1)), slsa: one.slsa,
                itemStyle: { color: colour(i, s + 1), opacity: isChosen(i) ? 1 : tint(one), borderWidth: 0 },
                label: { show: isChosen(i), position: "right", distance: 4, formatter: () => (segments.length > 12 ? String(s + 1) : wrapped(segments[s].name, room, 12.5)) } }))),
            links: flows.map((one) => ({ source: name(one.solution, one.from), target: name(one.solution + 1, one.to), value: Number(one.customers),
              from: called(one.solution, one.from), to: called(one.solution + 1, one.to),
              lineStyle: { color: isChosen(one.solution + 1) ? hue(one.to - 1) : isChosen(one.solution) ? hue(one.from - 1) : tone("quiet"),
                opacity: isChosen(one.solution) || isChosen(one.solution + 1) ? 0.34 : 0.42, curveness: 0.5 } })),
            label: { color: tone("ink"), fontSize: 12, fontWeight: 600, lineHeight: 14,
              textBorderColor: tone("paper"), textBorderWidth: 3 } }],
        };
      } });
  };

  const gorges = () => {
    const shown = record.stability.gorges.slice(0, 12);
    const most_ = shown.map((one) => Math.max(10, ...one.counts.map(Number)));
    const panel = 92;
    const across = () => evenly(shown.length, isNarrow() ? 2 : 5);
    const rows = () => Math.ceil(shown.length / across());
    const over = 36;
    const under = 22;
    const words = (one) => (one.clear === undefined ? ""
      : `${segments[one.segment - 1].name}: ${percent(one.clear)} of its customers are clearly its own.`);
    chart(by("stability-body"), { name: "Room between the segments", height: () => rows() * (panel + over + under),
      note: "How similar the customers of the sample are to each segment: far on the left, near on the right. With a gorge between the two sides, a segment stands apart; a hill says that it shades into others. Bars of fewer than ten customers are not drawn.",
      words: `Histograms of similarity for ${shown.length} segments. ${shown.map(words).join(" ")}`,
      data: table("Customers of the sample by similarity to each segment, rounded to tens", ["Segment", ...[...Array(10)].map((_, i) => `from ${i / 10}`)],
        shown.map((one) => row(segments[one.segment - 1].name, ...[...Array(10)].map((_, i) =>
          count(Number(one.counts[2 * i]) + Number(one.counts[2 * i + 1]))))), "wide"),
      option: (width) => {
        const step = width / across();
        const left = (i) => (i % across()) * step;
        const top = (i) => Math.floor(i / across()) * (panel + over + under) + over;
        return {
          title: shown.map((one, i) => ({ text: segments[one.segment - 1].name, left: left(i) + 8, top: top(i) - over + 2, padding: 0,
            textStyle: { color: tone("ink"), fontSize: 12, fontWeight: 600, width: step - 14, overflow: "break", lineHeight: 15 } })),
          grid: shown.map((_, i) => ({ left: left(i) + 8, width: step - 28, top: top(i), height: panel })),
          tooltip: tip({ formatter: (at) => `<b>${safe(at.seriesName)}</b><br>similarity ${fixed(at.dataIndex / 20, 2)} to ${fixed((at.dataIndex + 1) / 20, 2)}<br>` +
            `about ${count(at.value)} customers of the sample` }),
          xAxis: shown.map((_, i) => ({ type: "category", gridIndex: i, data: [...Array(20)].map((__, b) => (b === 0 ? "far" : b === 19 ? "near" : "")),
            axisTick: { show: false }, axisLine: { lineStyle: { color: tone("axis") } },
            axisLabel: { interval: 0, color: tone("soft"), fontSize: 11, formatter: (text, at) => (at === 0 ? "far" : at === 19 ? "near" : "") } })),
          yAxis: shown.map((_, i) => ({ type: "value", gridIndex: i, min: 0, max: most_[i], show: false })),
          series: shown.map((one, i) => ({ type: "bar", name: segments[one.segment - 1].name, xAxisIndex: i, yAxisIndex: i, barCategoryGap: "12%",
            data: one.counts.map(Number), itemStyle: { color: hue(one.segment - 1), borderRadius: [2, 2, 0, 0] } })),
        };
      } });
  };

  const stability = () => {
    const found = record.stability;
    if (!found || !found.gorges.length) return;
    const into = by("stability-body");
    const chosen = found.solutions.find((one) => one.chosen);
    const of = (one, what) => (chosen && chosen.segments[one.segment - 1] ? chosen.segments[one.segment - 1][what] : undefined);
    const has = (what) => found.gorges.some((one) => of(one, what) !== undefined);
    const kinds = [["slsa", "Stability (SLSA)"], ["onward", "Stays together"]].filter(([what]) => has(what));
    into.append(make("h3", {}, "How firm each segment is"), make("p", { class: "intro" },
      `By a sample of ${count(found.customers)} customers, from 0 to 1. ${has("slsa") ? "Stability: 1 if all of its customers come from one segment of the solution with one segment fewer. " : ""}${
        has("onward") ? "Stays together: 1 if all of them go to one segment of the solution with one more. " : ""}Clear: the part of its customers who are more like it than like all other segments together.${
        chosen ? "" : ` ${record.byK.length < 2 ? "Only one number of segments was tried" : "Solutions with so many segments are not compared"}, so nothing is known about how segments keep in other solutions.`}`),
    make("div", { class: "block" }, table("Stability of the segments", ["Segment", ...kinds.map((one) => one[1]), "Clear"],
      found.gorges.map((one) => row(make("span", {}, segments[one.segment - 1].name, make("small", {}, one.sentence)),
        ...kinds.map(([what]) => (of(one, what) === undefined ? "\u2013" : meter(of(one, what), fixed(of(one, what), 2)))),
        one.clear === undefined ? "\u2013" : meter(one.clear, fixed(one.clear, 2)))), "firm")));
    if (chosen && found.flows.length) following();
    gorges();
  };
