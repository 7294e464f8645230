  /* How to recognise the segments elsewhere: rules, the tree, and the user's own segments beside them. */

  /* SQL to copy; where the clipboard is closed, it is marked instead. */
  const sql = (text, name) => {
    const code = make("code", {}, text);
    const button = make("button", { type: "button", class: "copy", "aria-label": `Copy the SQL for ${name}` }, "Copy");
    button.addEventListener("click", () => {
      const mark = () => {
        window.getSelection().selectAllChildren(code);
        button.textContent = "Marked";
      };
      if (!navigator.clipboard) mark();
      else navigator.clipboard.writeText(text).then(() => { button.textContent = "Copied"; }, mark);
    });
    return make("div", { class: "sql" }, make("pre", { tabindex: "0", role: "region", "aria-label": `SQL for ${name}` }, code), button);
  };

  const rules = () => {
    const known = detailed.filter((one) => one.rule);
    if (!known.length) return;
    by("rules-body").append(make("div", { class: "rules" }, known.map((one) => {
      const { rule } = one;
      const element = make("div", { class: "block ruled", id: `rule-${one.id}` }, make("h3", {}, one.name),
        make("p", { class: "told-rule" }, `${title(rule.sentence)}.`),
        make("dl", { class: "quick" }, [["Finds", percent(rule.coverage)], ["Right", percent(rule.precision)],
          ["Lift", figure(rule.lift)], ["Picks", count(rule.count)]].map(([name, value]) =>
          make("div", {}, make("dt", {}, name), make("dd", {}, value)))),
        make("details", { class: "fold printed" }, make("summary", {}, "As SQL"), sql(rule.sql, one.name)));
      element.style.setProperty("--hue", `var(--segment-${segments.indexOf(one)})`);
      return element;
    })));
  };

  /* A node and what follows; a tree of a record is never deep. */
  const branch = (nodes, index, words, depth) => {
    const node = nodes[index];
    if (!node || depth > 64) return null;
    const lead = words ? make("span", { class: "soft" }, `${words} `) : null;
    if (!node.condition) {
      const segment = segments[node.segment - 1];
      const right = node.hits !== undefined && Number(node.count) > 0 ? `, ${percent(Number(node.hits) / Number(node.count))} of them rightly` : "";
      const place = segments.indexOf(segment);
      return make("li", { class: "leaf" }, lead, make("i", { class: "dot", style: { background: `var(--segment-${place})` } }),
        make("b", {}, segment ? segment.name : String(node.segment)), make("span", { class: "soft" },
          Number(node.count) ? ` ${plural(node.count, "customer")}${right}` : ""));
    }
    /* Nobody is asked whether they have not, unless a missing answer would then count as a yes. */
    const { feature, high, sentence: asked } = node.condition;
    const isNot = kind(features[feature]) === "binary" && high !== undefined && !Number(quality.features[feature].missing);
    return make("li", {}, lead, make("b", {}, `${isNot ? label(features[feature]) : title(asked)}?`), make("ul", {},
      branch(nodes, isNot ? node.no : node.yes, "yes:", depth + 1), branch(nodes, isNot ? node.yes : node.no, "no:", depth + 1)));
  };
  const tree = () => {
    const one = record.tree;
    if (!one || one.nodes.length < 2) return;
    by("rules-body").append(make("div", { class: "block" }, make("h3", {}, "One tree for all segments"),
      make("p", { class: "soft" }, `${plural(one.leaves, "end")}, at most ${plural(one.depth, "question")} to each. It gives ` +
        `${percent(one.fidelity)} of customers (${count(one.hits)} of ${count(record.customers)}) the segment that they are in.`),
      make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "The tree" },
        make("ul", { class: "tree" }, branch(one.nodes, 0, "", 0))),
      make("details", { class: "fold printed" }, make("summary", {}, "As SQL"), sql(one.sql, "the tree"))));
  };

  const apriori = () => {
    const all = record.apriori;
    if (!all || !all.length) return;
    const dashed = (one, text) => cell(one.hidden ? dash() : text);
    const names = (all) => all.map((marker) => label(features[marker.feature], marker.level).toLowerCase()).join(", ");
    const markers = (one) => {
      const strongest = one.markers.slice(0, 4);
      return [["More", strongest.filter((marker) => marker.effect > 0)], ["Less", strongest.filter((marker) => marker.effect < 0)]]
        .filter(([, all_]) => all_.length).map(([how, all_]) => `${how}: ${names(all_)}.`).join(" ");
    };
    by("rules-body").append(make("div", { class: "block" }, make("h3", {}, "Your own segments beside them"),
      make("p", { class: "soft" }, "How the customers that the job file picks are spread over the segments, and the index against everybody (100)."),
      table("Segments of the job file", ["Picked", "Customers", "Share", ...detailed.map((one) => one.name), head("Marked by", "text")],
        all.map((one) => row(make("span", {}, one.name, make("small", { class: "unit" }, one.sql)), dashed(one, count(one.size)),
          dashed(one, percent(one.share)), ...detailed.map((_, i) => {
            const cross = one.cross[i];
            if (one.hidden || !cross || cross.hidden || cross.share === undefined) return cell(dash());
            return make("td", {}, percent(cross.share), cross.index === undefined ? null
              : make("small", {}, `index ${fixed(cross.index, 0)}`));
          }), cell(one.hidden ? "" : markers(one), "text"))), "wide")));
  };
