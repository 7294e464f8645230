"""lint.layers_self: the layer lint finds each kind of fault, and nothing in what is right."""

from common import finish
from layers import Layers, problem

LAYERS = Layers("""
layer 0 base
layer 1 math duck
layer 2 comm
only mpi     mpi.h       : comm
only proto   strata/v1/  : comm
""")
OWNERS = {"strata/arena.h": "base", "strata/sums.h": "math", "strata/duck.h": "duck"}

# folder, include, in a public header?, is it wrong?
CASES = [
    ("math", '"strata/arena.h"', False, False),
    ("math", '"strata/sums.h"', False, False),
    ("math", '"strata/duck.h"', False, True),
    ("base", '"strata/sums.h"', False, True),
    ("comm", '"strata/sums.h"', True, False),
    ("comm", '"strata/nobody.h"', False, True),
    ("comm", "<mpi.h>", False, False),
    ("comm", "<mpi.h>", True, True),
    ("math", "<mpi.h>", False, True),
    ("comm", '"strata/v1/a.pb-c.h"', False, False),
    ("duck", '"strata/v1/a.pb-c.h"', False, True),
    ("math", '"local.h"', False, False),
    ("math", '"math/local.h"', False, False),
    ("math", '"duck/local.h"', False, True),
    ("math", '"missing.h"', False, True),
    ("math", '"local.h"', True, True),
    ("math", '"../duck/local.h"', False, True),
    ("math", "<stdio.h>", True, False),
    ("math", "<sys/stat.h>", False, False),
    ("math", "<openssl/evp.h>", False, True),
]

findings = []
for folder, include, is_public, is_wrong in CASES:
    said = problem(LAYERS, OWNERS, folder, include[1:-1], include[0] == '"', is_public,
                   {"local.h"}.__contains__)
    if (said is not None) != is_wrong:
        findings.append(f"{folder} including {include}: expected wrong={is_wrong}, got {said}")
finish(findings)
