  /* Profiles, data and method as tables. */
  const profileCell = (feature, one, isReference) => {
    if (one.hidden) return cell(dash());
    if (one.mean === undefined) return cell("");
    if (kind(feature) === "ordinal") return cell(make("span", { class: "soft" }, `about ${feature.levels[Math.round(one.mean)]}`));
    const index = one.index === undefined || isReference ? null : make("small", {}, `index ${fixed(one.index, 0)}`);
    return make("td", {}, valueText(feature, one.mean), index);
  };
  const levelRows = (index) => {
    const feature = features[index];
    const most = 12;
    const share = (one, level) => one.shares.find((entry) => entry.level === level);
    const shown = feature.levels.length <= most ? feature.levels.map((_, level) => ({ level }))
      : everybody[index].shares.slice().sort((a, b) => b.share - a.share || a.level - b.level).slice(0, most);
    const rows = shown.map(({ level }) => {
      const line_ = row(feature.levels[level], ...[everybody[index], ...detailed.map((one) => one.cells[index])].map((one) => {
        const found = share(one, level);
        return cell(found ? percent(found.share) : one.hidden ? "" : dash());
      }));
      line_.className = "level";
      return line_;
    });
    if (rows.length) rows[rows.length - 1].className = "level last";
    return rows;
  };
  const featureRows = (index) => {
    const feature = features[index];
    const name = feature.levels.length > 12 ? `${label(feature)} (12 commonest of ${feature.levels.length})` : label(feature);
    const of = shareOf(feature.unit || "") ? make("small", { class: "unit" }, feature.unit) : null;
    return [row(make("span", {}, name, of), profileCell(feature, everybody[index], true), ...detailed.map((one) =>
      profileCell(feature, one.cells[index]))), ...(feature.levels.length ? levelRows(index) : [])];
  };
  const roleNames = { ROLE_BASIS: "What the segments are made of", ROLE_DESCRIPTOR: "What else is known",
    ROLE_OUTCOME: "Outcomes", ROLE_SENSITIVE: "Sensitive features (audited, never used)", ROLE_WEIGHT: "Case weight" };
  const profiles = () => {
    by("profiles-intro").textContent = "Means and shares of customers that have a value. An index of 100 is everybody\u2019s " +
      "average. A dash stands for a figure that is hidden, because it would tell about too few customers.";
    const rows = Object.entries(roleNames).flatMap(([role, name]) => {
      const members = features.map((_, i) => i).filter((i) => features[i].role === role);
      if (!members.length) return [];
      return [make("tr", { class: "group" }, make("th", { colspan: String(detailed.length + 2), scope: "rowgroup" }, name)),
        ...members.flatMap(featureRows)];
    });
    by("profile-tables").append(table(isCut ? "Profiles of the largest segments" : "Profiles of all segments", ["Feature", "Everybody", ...detailed.map((one) => one.name)],
      rows, "wide"));
  };

  /* --- data and method --------------------------------------------------------------------- */

  const dataQuality = () => {
    const into = by("quality-body");
    const some = (value) => (Number(value) ? count(value) : "\u2013");
    into.append(...quality.notes.map((text) => make("p", { class: "note" }, text)));
    if (quality.sources.length) {
      into.append(make("div", { class: "block" }, table("Sources", ["Source", "Rows", "Customers matched",
        "Keys without a customer", "Rows without a key", "Rows with a wrong key", "Rows rejected"],
      quality.sources.map((one) => row(one.name, some(one.rows), some(one.matchedKeys),
        some(one.orphanKeys), some(one.nullKeyRows), some(one.invalidKeyRows), some(one.rejectedRows))))));
    }
    into.append(make("div", { class: "block" }, table("Features", ["Feature", "Present", "Missing", "Invalid",
      "Not finite", "Clamped", head("Remark", "text")],
    quality.features.map((one, i) => row(features[i] ? label(features[i]) : one.name, some(one.present),
      meter(Number(one.missing) / Math.max(1, Number(one.present) + Number(one.missing))), some(one.invalid),
      some(one.notFinite), some(one.clamped), cell({ CONSTANCY_CONSTANT: "constant",
        CONSTANCY_ALL_MISSING: "all missing" }[one.constancy] || "", "text"))))));
  };

  const estimatorNames = { kmeans: "k-means", "gmm-diag": "Gaussian mixture with diagonal covariances" };
  const method = () => {
    const basis = features.filter((one) => one.role === "ROLE_BASIS");
    const ks = record.byK.map((one) => one.k);
    by("method-body").append(facts([
      ["Method", estimatorNames[record.estimator] || record.estimator],
      ["Made of", `${plural(basis.length, "feature")} in ${plural(record.columns, "column")}`],
      ["Tried", `${plural(record.candidates.length, "model")}` + (ks.length > 1
        ? `, for ${ks[0]} to ${ks[ks.length - 1]} segments` : "") + `; ${plural(record.iterations, "pass")
          .replace("passs", "passes")} over the customers`],
      ["Why the chosen one ended", record.ending],
      ["Case weights", quality.weight ? `${quality.weight.name}: ${plural(record.customers, "customer")} stand for ${figure(quality.weight.total)}` : ""],
      ["Smallest share allowed", percent(record.minShare)],
      ["Many tests at once", record.correction ? `p values are adjusted for their number (${title(record.correction)}); none is told of features that the segments are made of` : ""],
      ["Seed of the random numbers", record.seed],
      ["Calinski\u2013Harabasz", evaluation.calinskiHarabasz === undefined ? "" : figure(evaluation.calinskiHarabasz)],
      ["Davies\u2013Bouldin", evaluation.daviesBouldin === undefined ? "" : figure(evaluation.daviesBouldin)],
      ["BIC", evaluation.bic === undefined ? "" : figure(evaluation.bic)],
    ]), make("div", { class: "block" }, table("Features and how they were used", ["Feature", head("Type", "text"),
      head("Dimension", "text"), head("Role", "text"), head("Transform", "text"), "Weight"], features.map((one) =>
      row(label(one), cell(kind(one), "text"), cell(word(one.dimension, "DIMENSION_"), "text"),
        cell(word(one.role, "ROLE_"), "text"), cell(word(one.transform, "TRANSFORM_").replace("none", "\u2013"), "text"),
        figure(one.weight))))));
  };
