  /* The page as a whole. */
  answer();
  cards();
  effort();
  sizes();
  customerMap();
  heat();
  plot();
  dimensions();
  rules();
  tree();
  apriori();
  certainty();
  stability();
  profiles();
  dataQuality();
  method();
  for (const section of document.querySelectorAll("main > section")) {
    if (section.querySelector(".chart, table, .block, .card, .facts, h1")) continue;
    const link = document.querySelector(`nav a[href="#${section.id}"]`);
    if (link) link.remove();
    section.remove();
  }
  const lay = () => {
    arrange();
    draw();
  };
  lay();

  let waiting = 0;
  const later = () => {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(lay, 120);
  };
  window.addEventListener("resize", later);
  /* Paper is white, and nothing can be opened on it. */
  const onPaper = (yes) => {
    document.documentElement.classList.toggle("paper", yes);
    for (const one of document.querySelectorAll("details.printed")) {
      if (yes && !one.open) one.dataset.opened = "yes";
      if (yes || one.dataset.opened) one.open = yes;
      if (!yes) delete one.dataset.opened;
    }
    lay();
  };
  window.addEventListener("beforeprint", () => onPaper(true));
  window.addEventListener("afterprint", () => onPaper(false));
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  document.documentElement.dataset.drawn = "yes";
