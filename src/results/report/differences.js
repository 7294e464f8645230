  /* What the segments have in common and what not. */
  const sizeTable = () => table("Segment sizes", ["Segment", "Customers", "Share", "Silhouette", ...(isCut ? [head("Who they are", "text")] : [])], segments.map((one) =>
    row(isCut ? `${one.id}. ${one.name}` : one.name, count(one.size), percent(one.share), figure(one.silhouette),
      ...(isCut ? [cell(one.definition, "text")] : []))));
  /* The bar of the answer tells them apart as long as they are few. */
  const sizes = () => (segments.length <= 12 ? by("stack").append(make("details", { class: "data" },
    make("summary", {}, "The sizes as a table"), sizeTable())) : chart(by("sizes"), {
    name: "How large they are", words: `Bar chart of segment sizes: ${detailed.map((one) =>
      `${one.name} ${percent(one.share)}`).join(", ")}.`,
    note: isCut ? `The ${detailed.length} largest of ${count(segments.length)} segments, as in all that follows; the table has all of them.` : null,
    height: 30 + 46 * detailed.length,
    data: sizeTable(),
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
  }));

  /* --- differences ------------------------------------------------------------------------- */

  /* Of a nominal feature the level that there is most more of than elsewhere; of others the cell as it is. */
  const shownCell = (one, f) => {
    const own = one.cells[f];
    if (kind(features[f]) !== "nominal" || own.hidden || quality.weight) return own;
    const all = everybody[f];
    const [n, total] = [Number(own.count), Number(all.count)];
    return own.shares.reduce((best, { level, share }) => {
      const each = all.shares.find((entry) => entry.level === level);
      if (!each || !share || total <= n || total < 3) return best;
      const rest = (each.share * total - share * n) / (total - n);
      const spread = Math.sqrt((n * share * (1 - share) + (total - n) * rest * (1 - rest)) / (total - 2));
      const effect = spread > 0 ? (share - rest) / spread : 0;
      return best.level === undefined || effect > best.effect ? { ...own, level, effect } : best;
    }, { ...own, level: undefined, effect: 0 });
  };
  const strength = (index) => Math.max(0, ...detailed.map((one) => Math.abs(shownCell(one, index).effect || 0)));
  /* Black or white, whichever is read better on the colour of an effect. */
  const onHeat = (effect) => {
    const parts = (colour) => [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
    const [from, to] = [parts(tone("heat-zero")), parts(tone(effect < 0 ? "low" : "high"))];
    const far = Math.min(1, Math.abs(effect) / 1.5);
    const light = from.map((start, i) => (start + far * (to[i] - start)) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2] > 0.179 ? "#000000" : "#ffffff";
  };
  const heat = () => {
    const most = 40;
    const order = features.map((_, i) => i).filter((i) => strength(i) > 0)
      .sort((a, b) => strength(b) - strength(a) || a - b).slice(0, most);
    if (!order.length || segments.length < 2) return;
    const points = order.flatMap((feature, y) => detailed.map((one, x) => {
      const effect = shownCell(one, feature).effect || 0;
      return { value: [x, y, effect], hidden: one.cells[feature].hidden, effect };
    }));
    const text = ([x, y]) => cellText(features[order[y]], shownCell(segments[x], order[y]));
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
          figure(shownCell(one, feature).effect)))), "wide"),
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
          : { value: one.value, label: { color: onHeat(one.effect) } })), itemStyle: { borderColor: tone("paper"), borderWidth: 3, borderRadius: 4 },
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
    const across = () => evenly(shown.length, isNarrow() ? 2 : 5);
    const panel = 16 * order.length;
    const rows = () => Math.ceil(shown.length / across());
    const edge = () => (isNarrow() ? 132 : 210);
    const step = (width) => (width - edge()) / across();
    const lines = () => shown.map((one) => wrapped(one.name, step(by("plot").clientWidth) - 12, 12.5));
    const over = () => 8 + 15 * Math.max(...lines().map((one) => one.split("\n").length));
    const marked = (one) => order.filter((i) => Math.abs(one.cells[i].effect || 0) >= marking);
    chart(by("plot"), { name: "Segment profile plot", height: () => rows() * (panel + over() + 20),
      note: "How far each segment is from all other customers, in standard deviations; the line in the middle is no difference. What marks a segment is coloured.",
      words: `Bars of ${order.length} features for ${shown.length} segments. ${shown.map((one) => `${one.name} is marked by ${
        listed(marked(one).map((i) => label(features[i]).toLowerCase())) || "nothing much"}.`).join(" ")}`,
      option: (width) => {
        const names = lines();
        const left = (i) => edge() + (i % across()) * step(width);
        const top = (i) => Math.floor(i / across()) * (panel + over() + 20) + over();
        const colour = (effect) => tone(Math.abs(effect) < marking ? "quiet" : effect > 0 ? "high" : "low");
        return {
          title: shown.map((one, i) => ({ text: names[i], left: left(i) + 2, top: top(i) - over(), padding: 0,
            textStyle: { color: tone("ink"), fontSize: 12, fontWeight: 600, lineHeight: 15 } })),
          grid: shown.map((_, i) => ({ left: left(i), width: step(width) - 14, top: top(i), height: panel })),
          tooltip: tip({ formatter: (at) => `<b>${safe(at.name)}</b><br>${safe(at.seriesName)}: ` +
            `${safe(cellText(features[order[at.dataIndex]], shown[at.seriesIndex].cells[order[at.dataIndex]]))}<br>${effectText(at.data.effect)}` }),
          xAxis: shown.map((_, i) => ({ type: "value", gridIndex: i, min: -2, max: 2, interval: 2, axisLabel: { show: false },
            splitLine: { lineStyle: { color: tone("line") } } })),
          yAxis: shown.map((_, i) => ({ type: "category", gridIndex: i, inverse: true, data: order.map((one) => label(features[one])),
            axisTick: { show: false }, axisLine: { lineStyle: { color: tone("axis") } },
            axisLabel: { show: i % across() === 0, color: tone("ink"), fontSize: isNarrow() ? 11 : 12, interval: 0, margin: 8,
              width: edge() - 12, overflow: "truncate" } }))
            .map((one, i) => ({ ...one, axisLine: { ...one.axisLine, onZero: false, show: i % across() === 0 } })),
          series: shown.map((one, i) => ({ type: "bar", name: one.name, xAxisIndex: i, yAxisIndex: i, barWidth: 9,
            data: order.map((feature) => {
              const { effect, hidden } = one.cells[feature];
              return { value: hidden ? null : reach(effect || 0), effect, itemStyle: { color: colour(effect || 0), borderRadius: 2 } };
            }) })),
        };
      } });
  };
