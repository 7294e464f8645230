"""Whole jobs on the bench's data, and what their logs tell."""
import json
import os
import pathlib
import shutil

import numpy as np

from contenders import ROOT

FILES = 8
JOB = """job: bench
sources:
  - {{name: customers, files: {path}, key: id, header: yes, columns: {{{columns}}}}}
customers: select * from customers
features:
{features}
model: {{segments: {{from: {k}, to: {k}}}, starts: 1, max_iter: {iterations}, tolerance: 0}}
threads: 1
"""


def write(folder, shape, rows, options):
    """A job file and its source: so many rows of the matrix as CSV, in files that ranks can share."""
    values = np.fromfile(shape.matrix, np.float32, rows * shape.d).reshape(rows, shape.d).astype(np.int32)
    names = [f"c{column}" for column in range(shape.d)]
    for number, lines in enumerate(np.array_split(np.column_stack([np.arange(rows), values]), FILES)):
        with open(os.path.join(folder, f"rows-{rows}-{number}.csv"), "w", encoding="ascii") as file:
            file.write(",".join(["id", *names]) + "\n")
            np.savetxt(file, lines, "%d", ",")
    job = os.path.join(folder, f"job-{rows}.yaml")
    with open(job, "w", encoding="ascii") as file:
        file.write(JOB.format(path=os.path.join(folder, f"rows-{rows}-*.csv"), k=shape.k,
                              columns=", ".join(f"{name}: integer" for name in names),
                              features="\n".join(f"  - {{name: {name}, type: numeric}}" for name in names),
                              iterations=options.max_iterations))
    return job


def source_bytes(folder, rows):
    return sum(path.stat().st_size for path in pathlib.Path(folder).glob(f"rows-{rows}-*.csv"))


def run(programs, job, folder, ranks=1, settings=()):
    """Seconds of the job and of each stage, the iterations of its fit, its sums, and what checkpoints cost."""
    output = os.path.join(folder, "run")
    launcher = [str(ROOT / "deploy" / "mpirun"), "-n", str(ranks)] if ranks > 1 else programs.one_core()
    chosen = [word for setting in settings for word in ("--set", setting)]
    before = os.times()
    programs.call([*launcher, str(programs.build / "bin" / "strata"), "run", job, "--output", output, *chosen], 1)
    after = os.times()
    with open(os.path.join(output, "log.jsonl"), encoding="utf-8") as log:
        lines = [json.loads(line) for line in log]
    with open(os.path.join(output, "manifest.json"), encoding="utf-8") as file:
        manifest = json.load(file)
    shutil.rmtree(output)
    return {"stages": {line["state"].lower(): line["seconds"] for line in lines if line["event"] == "stage.end"},
            "cpu_s": after.children_user + after.children_system - before.children_user - before.children_system,
            "job_s": last(lines, "run.end")["seconds"], "sums": int(manifest["reductions"]),
            "sum_bytes": int(manifest["reducedBytes"]),
            "result_bytes": sum(int(file["bytes"]) for file in manifest["files"]), **cost(lines)}


def last(lines, event):
    """The last line of a log that has this event."""
    return ([line for line in lines if line["event"] == event] or [{}])[-1]


def cost(lines):
    """What checkpoints cost, as the log has it."""
    told = last(lines, "checkpoint.cost")
    return {name: told.get(name, 0) for name in ("drafts", "drafts_s", "written", "writes_s")}
