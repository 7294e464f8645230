  /* A sample of the customers on the two axes that tell the segments apart best. */
  const onAxis = (axis_, place) => axis_.low + (place / 1000) * (axis_.high - axis_.low);
  const customerMap = () => {
    const drawn = record.map;
    if (!drawn || drawn.segments.length < 1) return;
    const [across, up] = drawn.axes;
    const shown = drawn.segments.map((one) => ({ ...one, id: one.segment - 1, name: segments[one.segment - 1].name }));
    const near = (one) => shown.reduce((best, other) => {
      const gap = other === one ? Infinity : Math.hypot(onAxis(across, other.x) - onAxis(across, one.x), onAxis(up, other.y) - onAxis(up, one.y));
      return gap < best.gap ? { gap, other } : best;
    }, { gap: Infinity }).other;
    const points = shown.reduce((sum, one) => sum + one.xs.length, 0);
    const told = (axis_) => `${axis_.name} (${percent(axis_.share)})`;
    const held = drawn.axes.filter((one) => one.discriminant);
    const inside = drawn.axes.filter((one) => !one.discriminant);
    const into = by("customers");
    const pieces = [`Each point stands for ten to nineteen customers who are alike, out of a sample of ${count(drawn.customers)}; a ring is the centre of a segment.${shown.length > 1 ? " Where colours mix, segments shade into each other." : ""}`];
    if (held.length) pieces.push(` ${held.length > 1 ? "The two axes hold" : "The axis to the right holds"} ${percent(held.reduce((sum, one) => sum + one.share, 0))} of what tells the segments apart.`);
    if (inside.length) pieces.push(` ${inside.length > 1 ? "The two axes hold" : "The axis upwards holds"} ${percent(inside.reduce((sum, one) => sum + one.share, 0))} of the differences inside ${segments.length > 1 ? "segments" : "the segment"}.`);
    if (drawn.leftOut) pieces.push(` ${plural(drawn.leftOut, "segment")} ${drawn.leftOut === 1 ? "is" : "are"} left out: too few customers in the sample${isCut ? ", or not among the largest" : ""}.`);
    chart(into, { name: "Map of the customers", note: pieces.join(""), height: () => (isNarrow() ? 440 : 540),
      words: `Scatter plot of ${points} points in ${shown.length} colours. To the right: ${told(across)}. Upwards: ${told(up)}. ` +
        shown.slice(0, 12).map((one) => (near(one) ? `${one.name} lies nearest to ${near(one).name}.` : "")).join(" "),
      data: table("Centres on the map, in standard deviations inside segments from the mean of all",
        ["Segment", "To the right", "Upwards", "Points", head("Nearest", "text")], shown.map((one) => row(one.name,
          fixed(onAxis(across, one.x), 1), fixed(onAxis(up, one.y), 1), count(one.xs.length), cell(near(one) ? near(one).name : "\u2013", "text")))),
      option: (width) => {
        const edge = { left: 8, right: 8, top: isNarrow() ? 56 : 30, bottom: isNarrow() ? 58 : 32 };
        const room = [width - edge.left - edge.right, (isNarrow() ? 440 : 540) - edge.top - edge.bottom];
        const most_ = isNarrow() ? 96 : 170;
        const sides = namePlaces(shown.map((one) => ({ at: [one.x / 1000 * room[0], (1000 - one.y) / 1000 * room[1]], radius: 9,
          name: one.name, wide: most_, spare: shown.length > 6 || isNarrow() })), room);
        const side = () => ({ type: "value", min: -20, max: 1020, axisLabel: { show: false }, axisTick: { show: false }, splitLine: { show: false },
          axisLine: { show: true, onZero: false, lineStyle: { color: tone("axis") } } });
        const named = (text, more) => ({ text, left: edge.left - 6, padding: 0, ...more,
          textStyle: { color: tone("soft"), fontSize: 12, fontWeight: 400, lineHeight: 15, width: room[0], overflow: "break" } });
        return {
          title: [named(`\u2191 ${told(up)}`, { top: 4 }), named(`\u2192 ${told(across)}`, { top: edge.top + room[1] + 8 })],
          grid: edge,
          tooltip: tip({ formatter: (at) => (at.seriesIndex === shown.length ? `Centre of <b>${safe(shown[at.dataIndex].name)}</b>`
            : `Ten to nineteen customers of <b>${safe(at.seriesName)}</b>`) }),
          xAxis: side(), yAxis: side(),
          series: [...shown.map((one) => ({ type: "scatter", name: one.name, symbolSize: (isNarrow() ? 6 : 8) + (points < 150 ? 2 : 0),
            itemStyle: { color: hue(one.id), opacity: 0.72, borderColor: tone("paper"), borderWidth: 0.6 },
            data: one.xs.map((x, i) => [x, one.ys[i]]) })),
          { type: "scatter", z: 6, symbolSize: 15, data: shown.map((one, i) => ({ value: [one.x, one.y], name: one.name,
            itemStyle: { color: hue(one.id), opacity: 1, borderColor: tone("ink"), borderWidth: 2.5 },
            label: { show: sides[i] !== null, position: sides[i] || "top" } })),
          label: { show: true, color: tone("ink"), fontSize: 12, fontWeight: 650, lineHeight: 14, distance: 4,
            textBorderColor: tone("paper"), textBorderWidth: 3, formatter: (at) => wrapped(at.name, most_, 12.5) } }],
        };
      } });
    if (shown.length < 2 || shown.length > 24) return;
    into.lastElementChild.querySelector(".scroll").after(make("ul", { class: "legend keys" }, shown.map((one) =>
      make("li", {}, make("i", { class: "dot", style: { background: `var(--segment-${one.id})` } }), one.name))));
  };
