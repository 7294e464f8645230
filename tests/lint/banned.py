"""lint.banned: calls and words that have no place in the code, each with what to use instead."""

import re

from common import c_files, code_only, files, finish, read

CALLS = {
    "strcpy strcat stpcpy strncpy strncat sprintf vsprintf": "snprintf, whose result is checked",
    "gets": "fgets",
    "strtok": "strcspn or strtok_r",
    "atoi atol atoll atof": "strtol and strtod, whose end and range are checked",
    "system": "posix_spawn",
    "alloca": "an arena",
    "rand srand random drand48": "strata/random.h, which is keyed and the same everywhere",
    "tmpnam mktemp tempnam": "mkstemp",
}

# The C library's differ between processors and versions; only src/math knows what is the same
# everywhere.  These are functions whose last bit is free: sqrt, fma, floor and such are exact.
INEXACT = ("exp exp2 exp10 expm1 log log2 log10 log1p pow cbrt hypot sin cos tan asin acos atan "
           "atan2 sinh cosh tanh asinh acosh atanh erf erfc lgamma tgamma").split()

WORDS = re.compile(r"\b(TODO|FIXME|XXX)\b")


def finder(names):
    return re.compile(r"(?<![\w.>])(" + "|".join(names) + r")\s*\(")


def main():
    rules = [(finder(names.split()), advice) for names, advice in CALLS.items()]
    inexact = finder([name + suffix for name in INEXACT for suffix in ("", "f", "l")])
    findings = []
    for path in c_files():
        for number, line in enumerate(code_only(read(path)).splitlines(), 1):
            for rule, advice in rules:
                for match in rule.finditer(line):
                    findings.append(f"{path}:{number}: {match[1]}: use {advice}")
            if path.startswith("src/"):
                for match in inexact.finditer(line):
                    findings.append(f"{path}:{number}: {match[1]}: use src/math's, whose bits are "
                                    "the same on every machine")
    everything = files(("include", "src", "proto", "tests", "bench", "configs", "deploy"),
                       (".c", ".h", ".proto", ".cmake", ".txt", ".yaml", ".py", ".sh", ".md"))
    for path in everything:
        if path.startswith("tests/lint/"):
            continue
        for number, line in enumerate(read(path).splitlines(), 1):
            if WORDS.search(line):
                findings.append(f"{path}:{number}: say it in an issue, not in the text")
    finish(findings)


main()
