"""lint.toplevel: the checkout's first floor holds what the design names, and nothing else."""

import os

from common import ROOT, finish

ALLOWED = {"CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md", "bench", "configs", "deploy",
           "include", "proto", "src", "tests"}
MADE = {"build", "runs", "compile_commands.json", "CMakeUserPresets.json"}

finish([f"{name}: does not belong at the top level" for name in sorted(os.listdir(ROOT))
        if not name.startswith(".") and name not in ALLOWED | MADE])
