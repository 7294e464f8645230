"""What the lints share: which files are the project's, and how findings are reported."""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def files(folders, suffixes):
    """Paths from the root of all files of these kinds in these folders, sorted; not what fuzz tests feed on."""
    found = []
    for folder in folders:
        for where, subfolders, names in os.walk(os.path.join(ROOT, folder)):
            subfolders[:] = [s for s in subfolders if s != "corpus" and not s.startswith(".")]
            for name in names:
                if name.endswith(suffixes):
                    found.append(os.path.relpath(os.path.join(where, name), ROOT))
    return sorted(found)


def c_files():
    return files(("include", "src", "tests", "bench"), (".c", ".h"))


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as file:
        return file.read()


def code_only(text):
    """C text with comments, strings and character constants blanked; lines stay where they are."""
    out = []
    state = None
    i = 0
    while i < len(text):
        c, pair = text[i], text[i:i + 2]
        if state is None:
            if pair in ("/*", "//"):
                state = pair
                out.append("  ")
                i += 2
                continue
            if c in "\"'":
                state = c
            out.append(c)
        elif state == "/*" and pair == "*/":
            state = None
            out.append("  ")
            i += 2
            continue
        elif state == "//" and c == "\n":
            state = None
            out.append(c)
        elif state in ("\"", "'") and c == "\\":
            out.append("  ")
            i += 2
            continue
        elif state in ("\"", "'") and c == state:
            state = None
            out.append(c)
        else:
            out.append(c if c == "\n" else " ")
        i += 1
    return "".join(out)


def finish(findings):
    """Prints the findings, if any, and ends the process with what ctest is to know."""
    for finding in findings:
        print(finding)
    sys.exit(1 if findings else 0)


def skip(reason):
    print(f"SKIPPED: {reason}")
    sys.exit(0)
