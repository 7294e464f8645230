"""The pages of real runs, as a browser shows them."""
import os

import browser as driver
import page

LOOKS = [("wide and light", {}), ("wide and dark", {"dark": True}),
         ("on a phone", {"width": 390, "height": 844}), ("on a phone, dark", {"width": 390, "height": 844, "dark": True}),
         ("on a tablet", {"width": 820, "height": 1180})]


def check_job(one, output, result, all_looks):
    """One page; stops at what is wrong."""
    path = str(output / "report.html")
    page.check_source(open(path, encoding="utf-8").read())
    for words, how in LOOKS if all_looks else LOOKS[:1] + LOOKS[3:4]:
        page.check_drawn(page.shown(one, path, **how), result)
        page.check_fits(one, words)
        if os.path.exists(page.AXE):
            page.check_accessible(one, words)
    page.check_printed(one)
    if all_looks:
        page.shown(one, path)
        page.check_keyboard(one)


def check(runs, all_looks):
    """runs: {job: (run directory, record)}."""
    if not driver.program():
        print("SKIPPED: chromium is not installed; the pages were not looked at")
        return
    one = driver.Browser()
    try:
        for job, (output, result) in runs.items():
            check_job(one, output, result, all_looks)
            print(f"{job}: the page is whole", flush=True)
    finally:
        one.close()
    if not os.path.exists(page.AXE):
        print("SKIPPED: axe-core is not there (deploy/install-dependencies --tests); all else was checked")
