  /* How sure the answer is: choice of the number of segments, convergence. */
  const line = (points, more) => ({ type: "line", data: points, lineStyle: { width: 2, color: tone("accent") },
    itemStyle: { color: tone("accent") }, symbol: "circle", symbolSize: 5, ...more });
  const objectiveName = evaluation.logLikelihood === undefined ? "Spread inside segments" : "Minus log-likelihood";

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
      "Starts that agree", head("Remark", "text")], rows);
  };

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
