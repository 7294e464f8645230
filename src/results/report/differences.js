  /* What the segments have in common and what not. */
  const sizes = () => chart(by("sizes"), {
    name: "How large they are", words: `Bar chart of segment sizes: ${detailed.map((one) =>
      `${one.name} ${percent(one.share)}`).join(", ")}.`,
    note: isCut ? `The ${detailed.length} largest of ${count(segments.length)} segments, as in all that follows; the table has all of them.` : null,
    height: 30 + 46 * detailed.length,
    data: table("Segment sizes", ["Segment", "Customers", "Share", "Silhouette", ...(isCut ? [head("Who they are", "text")] : [])], segments.map((one) =>
      row(isCut ? `${one.id}. ${one.name}` : one.name, count(one.size), percent(one.share), figure(one.silhouette),
        ...(isCut ? [cell(one.definition, "text")] : [])))),
    option: () => ({
      grid: { left: 8, right: 110, top: 4, bottom: 4, containLabel: true },
      xAxis: axis({ type: "value", show: false }),
      yAxis: axis({ type: "category", inverse: true, data: detailed.map((one) => (isNarrow() ? wrapped(one.name, 124) : one.name)), axisLine: { show: false },
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
    const column = (narrow) => (narrow ? 116 : Math.max(92, 620 / detailed.length));
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
        xAxis: axis({ type: "category", position: "top", data: detailed.map((one) => wrapped(one.name, column(isNarrow()) - 8)), axisLine: { show: false },
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
          label: { show: true, fontSize: isNarrow() ? 11 : 12, lineHeight: 13, width: column(isNarrow()) - 8, overflow: "break", color: tone("ink"),
            formatter: (at) => wrapped(text(at.value), column(isNarrow()) - 8, isNarrow() ? 11 : 12) } }],
      }),
    });
  };

  const dimensions = () => {
    const shares = evaluation.dimensionShares.slice().sort((a, b) => b.share - a.share);
    if (shares.length < 2) return;
    by("dimensions").append(make("div", { class: "block" }, table("What each dimension adds to the differences between segments",
      ["Dimension", "Share"], shares.map((one) => row(title(word(one.dimension, "DIMENSION_")), meter(one.share))))));
  };

  /* --- segment profile plot ---------------------------------------------------------------- */

  const marking = 0.5; /* standard deviations: a difference of medium size */
  const plot = () => {
    const shown = detailed.slice(0, 12);
    const order = features.map((_, i) => i).filter((i) => features[i].role === "ROLE_BASIS" && kind(features[i]) !== "nominal" &&
      strength(i) > 0).sort((a, b) => strength(b) - strength(a) || a - b).slice(0, 24);
    if (order.length < 2 || shown.length < 2) return;
    const across = () => Math.min(shown.length, isNarrow() ? 2 : 5);
    const panel = 16 * order.length;
    const rows = () => Math.ceil(shown.length / across());
    const over = () => (isNarrow() ? 52 : 38);
    const marked = (one) => order.filter((i) => Math.abs(one.cells[i].effect || 0) >= marking);
    chart(by("plot"), { name: "Segment profile plot", height: () => rows() * (panel + over() + 20),
      note: "How far each segment is from all other customers, in standard deviations; the line in the middle is no difference. What marks a segment is coloured.",
      words: `Bars of ${order.length} features for ${shown.length} segments. ${shown.map((one) => `${one.name} is marked by ${
        listed(marked(one).map((i) => label(features[i]).toLowerCase())) || "nothing much"}.`).join(" ")}`,
      option: (width) => {
        const edge = isNarrow() ? 112 : 210;
        const step = (width - edge) / across();
        const left = (i) => edge + (i % across()) * step;
        const top = (i) => Math.floor(i / across()) * (panel + over() + 20) + over();
        const colour = (effect) => tone(Math.abs(effect) < marking ? "quiet" : effect > 0 ? "high" : "low");
        return {
          title: shown.map((one, i) => ({ text: wrapped(one.name, step - 12), left: left(i) + 2, top: top(i) - over(), padding: 0,
            textStyle: { color: tone("ink"), fontSize: 12, fontWeight: 600, width: step - 12, overflow: "break", lineHeight: 15 } })),
          grid: shown.map((_, i) => ({ left: left(i), width: step - 14, top: top(i), height: panel })),
          tooltip: tip({ formatter: (at) => `<b>${safe(at.name)}</b><br>${safe(at.seriesName)}: ` +
            `${safe(cellText(features[order[at.dataIndex]], shown[at.seriesIndex].cells[order[at.dataIndex]]))}<br>${effectText(at.data.effect)}` }),
          xAxis: shown.map((_, i) => ({ type: "value", gridIndex: i, min: -2, max: 2, interval: 2, axisLabel: { show: false },
            splitLine: { lineStyle: { color: tone("line") } } })),
          yAxis: shown.map((_, i) => ({ type: "category", gridIndex: i, inverse: true, data: order.map((one) => label(features[one])),
            axisTick: { show: false }, axisLine: { lineStyle: { color: tone("axis") } },
            axisLabel: { show: i % across() === 0, color: tone("ink"), fontSize: isNarrow() ? 11 : 12, interval: 0, margin: 8,
              width: edge - 12, overflow: "truncate" } }))
            .map((one, i) => ({ ...one, axisLine: { ...one.axisLine, onZero: false, show: i % across() === 0 } })),
          series: shown.map((one, i) => ({ type: "bar", name: one.name, xAxisIndex: i, yAxisIndex: i, barWidth: 9,
            data: order.map((feature) => {
              const { effect, hidden } = one.cells[feature];
              return { value: hidden ? null : reach(effect || 0), effect, itemStyle: { color: colour(effect || 0), borderRadius: 2 } };
            }) })),
        };
      } });
  };

  /* --- map of the segments ----------------------------------------------------------------- */

  const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  /* The strongest direction of a symmetric matrix and how strong it is, by power iteration. */
  const strongest = (matrix) => {
    let direction = matrix.map((_, i) => 1 + i / matrix.length);
    let value = 0;
    for (let i = 0; i < 300; i++) {
      const next = matrix.map((one) => dot(one, direction));
      value = Math.sqrt(dot(next, next));
      if (!(value > 0)) return { direction: direction.map(() => 0), value: 0 };
      direction = next.map((one) => one / value);
    }
    return { direction, value };
  };
  /* Segments and features on the two axes that tell the segments apart best: principal components of the standardised
   * differences, segments weighted by size. */
  const mapped = () => {
    const used = features.map((_, i) => i).filter((i) => features[i].role === "ROLE_BASIS" && kind(features[i]) !== "nominal");
    const weights = detailed.map((one) => Math.sqrt(one.share));
    const total = detailed.reduce((sum, one) => sum + one.share, 0);
    const columns = used.map((i) => {
      const effects = detailed.map((one) => one.cells[i].effect || 0);
      const mean = effects.reduce((sum, one, s) => sum + one * detailed[s].share, 0) / total;
      return effects.map((one, s) => (one - mean) * weights[s]);
    });
    let matrix = detailed.map((_, a) => detailed.map((__, b) => columns.reduce((sum, one) => sum + one[a] * one[b], 0)));
    const all = matrix.reduce((sum, one, i) => sum + one[i], 0);
    const axes = [0, 1].map(() => {
      const found = strongest(matrix);
      matrix = matrix.map((one, a) => one.map((value, b) => value - found.value * found.direction[a] * found.direction[b]));
      return found;
    });
    return { explained: all > 0 ? (axes[0].value + axes[1].value) / all : 0, flat: !(axes[1].value > 1e-9 * all),
      points: detailed.map((_, s) => axes.map((one) => one.direction[s] * Math.sqrt(one.value) / weights[s])),
      arrows: used.map((feature, c) => ({ feature, end: axes.map((one) => dot(columns[c], one.direction)) })) };
  };
  /* From the least to the most of values, with a margin; and both ranges widened to one scale. */
  const framed = (values, margin) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return [low - margin * (high - low), high + margin * (high - low)];
  };
  const fit = (x, y, ratio) => {
    const missing = (y[1] - y[0]) * ratio - (x[1] - x[0]);
    const [axis_, more] = missing > 0 ? [x, missing / 2] : [y, -missing / ratio / 2];
    axis_[0] -= more;
    axis_[1] += more;
  };
  const map = () => {
    if (detailed.length < 3 || detailed.some((one) => !(one.share > 0))) return;
    const { points, arrows, explained, flat } = mapped();
    if (flat) return;
    const size = (one) => Math.hypot(...one);
    const far = Math.max(...points.map(size));
    const long = arrows.sort((a, b) => size(b.end) - size(a.end) || a.feature - b.feature).slice(0, 7);
    const scale = 1.2 * far / size(long[0].end);
    const largest = Math.max(...detailed.map((one) => one.share));
    const near = points.map((one, a) => points.map((other, b) => ({ b, gap: a === b ? Infinity : size([one[0] - other[0], one[1] - other[1]]) }))
      .reduce((best, other) => (other.gap < best.gap ? other : best)).b);
    chart(by("map"), { name: "Map of the segments", height: 460,
      note: `Segments that lie near each other are alike; an arrow points to where a feature is higher. The two axes hold ${percent(explained)} of what tells the segments apart.`,
      words: `Map of ${detailed.length} segments on two axes. ${detailed.slice(0, 12).map((one, i) => `${one.name} is nearest to ${detailed[near[i]].name}.`).join(" ")}`,
      option: (width) => {
        const [x, y] = [0, 1].map((axis_) => framed([0, ...points.map((one) => one[axis_]), ...long.map((one) => one.end[axis_] * scale)],
          axis_ ? 0.2 : isNarrow() ? 0.3 : 0.22));
        fit(x, y, (width - 20) / 440);
        const spot = (value) => [(value[0] - x[0]) / (x[1] - x[0]) * (width - 20), (y[1] - value[1]) / (y[1] - y[0]) * 440];
        const radius = (i) => Math.max(10, 54 * Math.sqrt(detailed[i].share / largest)) / 2;
        const sides = namePlaces([...points.map((value, i) => ({ at: spot(value), radius: radius(i), name: detailed[i].name, wide: isNarrow() ? 96 : 150 })),
          ...long.map((one) => ({ at: spot(one.end.map((value) => value * scale)), radius: 5, name: label(features[one.feature]).slice(0, 22), wide: 150, spare: true }))], [width - 20, 440]);
        const still = { type: "value", axisLabel: { show: false }, splitLine: { show: false }, axisTick: { show: false },
          axisLine: { show: true, onZero: true, lineStyle: { color: tone("line") } } };
        return {
          grid: { left: 10, right: 10, top: 10, bottom: 10 },
          tooltip: tip({ formatter: (one) => safe(one.name) }),
          xAxis: { ...still, min: x[0], max: x[1] }, yAxis: { ...still, min: y[0], max: y[1] },
          series: [...long.map((one, i) => ({ type: "line", silent: true, symbolSize: 8, lineStyle: { color: tone("axis"), width: 1 },
            itemStyle: { color: tone("axis") }, data: [{ value: [0, 0], symbol: "none" }, { value: one.end.map((value) => value * scale), symbol: "arrow",
              symbolRotate: Math.atan2(one.end[1], one.end[0]) * 180 / Math.PI - 90, symbolSize: 9,
              label: { show: sides[points.length + i] !== null, position: sides[points.length + i] || "top", formatter: label(features[one.feature]),
                color: tone("soft"), fontSize: 11, width: 150, overflow: "truncate" } }] })),
          { type: "scatter", data: points.map((value, i) => ({ value, name: `${detailed[i].name}, ${percent(detailed[i].share)}`,
            symbolSize: 2 * radius(i), itemStyle: { color: hue(i), opacity: 0.85, borderColor: tone("paper"), borderWidth: 1 },
            label: { position: sides[i] } })),
          label: { show: true, color: tone("ink"), fontSize: 12, lineHeight: 14, fontWeight: 600, width: isNarrow() ? 96 : 150, overflow: "break",
            formatter: (one) => detailed[one.dataIndex].name }, labelLayout: { hideOverlap: true }, z: 5 }],
        };
      } });
  };
