"""lint.layers: every folder of src/ includes only what src/LAYERS allows.

    layers.py HEADER_OWNERS      the file says, per line, a public header and the folder that lists it
"""

import os
import re
import sys

from common import files, finish, read

# The C library, POSIX and Linux: free to every folder.
FREE = set("""
    assert.h complex.h ctype.h dirent.h dlfcn.h endian.h errno.h fcntl.h fenv.h float.h fnmatch.h
    getopt.h glob.h ifaddrs.h inttypes.h iso646.h limits.h locale.h malloc.h math.h netdb.h poll.h
    pthread.h pwd.h sched.h semaphore.h setjmp.h signal.h spawn.h stdalign.h stdarg.h stdatomic.h stdbool.h
    stddef.h stdint.h stdio.h stdlib.h stdnoreturn.h string.h strings.h sysexits.h termios.h
    threads.h time.h uchar.h unistd.h wchar.h wctype.h
""".split())
FREE_FOLDERS = ("sys/", "arpa/", "netinet/", "net/")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


class Layers:
    """The table: layer of each folder, and for each header from outside the folders it is for."""

    def __init__(self, text):
        self.layer = {}
        self.only = {}
        for line in text.splitlines():
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            if words[0] == "layer":
                self.layer.update({folder: int(words[1]) for folder in words[2:]})
            elif words[0] == "only":
                colon = words.index(":")
                self.only.update({header: words[colon + 1:] for header in words[2:colon]})

    def allowed_folders(self, header):
        """Folders that may include a header from outside, or None if it is not in the table."""
        for name, folders in self.only.items():
            if header == name or (name.endswith("/") and header.startswith(name)):
                return folders
        return None


def is_free(header):
    return header in FREE or header.startswith(FREE_FOLDERS)


def problem(layers, owner_of, folder, header, quoted, is_public, has_local):
    """What is wrong with one include in a file of this folder, or None."""
    outside = layers.allowed_folders(header)
    if outside is not None:
        if is_public:
            return f"a public header must not show {header}"
        if folder not in outside:
            return f"{header} is for {', '.join(outside)} only"
    elif quoted and header.startswith("strata/"):
        owner = owner_of.get(header)
        if owner is None:
            return f"no CMakeLists.txt lists {header} under HEADERS"
        if owner != folder and layers.layer[owner] >= layers.layer[folder]:
            return (f"{folder} (layer {layers.layer[folder]}) must not know {header} "
                    f"of {owner} (layer {layers.layer[owner]})")
    elif quoted:
        if not has_local(header.removeprefix(folder + "/")):
            return f"\"{header}\" is neither a contract (\"strata/...\") nor a file of this folder"
        if is_public:
            return "a public header includes contracts only (\"strata/...\")"
    elif not is_free(header):
        return f"<{header}> is in no row of src/LAYERS"
    return None


def check_file(layers, owner_of, path, folder, is_public):
    root = os.path.dirname(path) or "."
    while not is_public and os.path.basename(root) != folder:  # a file of a folder within the folder
        root = os.path.dirname(root)
    folder_files = {os.path.relpath(os.path.join(at, name), root) for at, _, names in os.walk(root) for name in names}
    for number, line in enumerate(read(path).splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            text = problem(layers, owner_of, folder, match[2], match[1] == '"', is_public,
                           folder_files.__contains__)
            if text:
                yield f"{path}:{number}: {text}"


def main(owners_file):
    layers = Layers(read("src/LAYERS"))
    with open(owners_file, encoding="utf-8") as file:
        owner_of = dict(line.split() for line in file if line.strip())
    findings = []
    for path in files(["src"], (".c", ".h")):
        folder = path.split("/")[1]
        if folder not in layers.layer:
            findings.append(f"{path}: src/LAYERS does not know the folder {folder}")
        else:
            findings += check_file(layers, owner_of, path, folder, False)
    for path in files(["include/strata"], (".h",)):
        header = path.removeprefix("include/")
        if header not in owner_of:
            findings.append(f"{path}:1: no CMakeLists.txt lists it under HEADERS")
        else:
            findings += check_file(layers, owner_of, path, owner_of[header], True)
    finish(findings)


if __name__ == "__main__":
    main(sys.argv[1])
