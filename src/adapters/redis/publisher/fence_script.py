#!/usr/bin/python3
"""Converts the fence's Lua script to a C string: fence_script.py INPUT.lua OUTPUT.c"""

import pathlib
import sys


def main():
    source, output = map(pathlib.Path, sys.argv[1:])
    lines = [line.strip() for line in source.read_text(encoding="ascii").splitlines()]
    code = [line for line in lines if line and not line.startswith("--")]
    if any(mark in line for line in code for mark in ("--", "[[", "\\", '"', "\t")):
        sys.exit(f"{source}: comments on lines of their own, strings in single quotes, no backslashes")
    text = "".join(f'\t"{line}\\n"\n' for line in code)
    output.write_text(
        f'#include "adapters/redis/publisher/fence.h"\n\nconst char fence_script[] =\n{text.rstrip()};\n', encoding="ascii"
    )


main()
