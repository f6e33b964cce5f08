#!/usr/bin/python3
"""Refuses turns of phrase that make a reader stop: see CONTRIBUTING.md, "Plain English".

    plain_english.py [FILE…]      these files, or all that git knows

Looks at comments, at texts in quotes, at names of tests, and at the documents. It finds only what a pattern can.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# What is refused, and what to write instead.
TICS = [
    (r"so (?:many|much|long|often|few)(?! (?:as|that)\b)(?=[\s,.;:)]|$)", 'say which number or time: "this many", "at most 8"'),
    (r"so far(?! as\b)(?= \w)", 'say which number or time: "this many", "at most 8"'),
    (r"(?:whoever|whomever|whatever|whichever)", "name the person or the thing"),
    (r"(?:somebody|nobody|anybody)(?:'s)?", 'name who: "another worker", "no client"'),
    (r"(?:for|of|to|by|from|with|than|and|or|is|as) who(?= (?!am i))", 'give "who" a noun: "a client that …"'),
    (r"(?<![\w] )(?:^|(?<=[.:;,(] ))[Ww]ho(?= (?:is|was|has|had|can|may|wants|needs|asks|comes|reads|waits|does|did)\b)", 'give "who" a noun: "a client that …"'),
    (r"(?:is|are|was|were|that is|as) none(?=[\s,.;:)]|$)(?! of\b)", '"there is no …", "is not a …"'),
    (r"(?:is|are|was|were|be|been|being|gets?|got) told", '"is logged", "is reported", "receives"'),
    (r"(?:goes?|went|going|gone) on(?! (?:one|the|its|their|each)\b)", '"continues", "resumes"'),
    (r"for ever", '"without a limit", "forever"'),
    (r"(?:as|not) many again", '"twice as many"'),
]
REFUSED = [(re.compile(r"(?<![\w-])" + tic + (r"\b" if tic[-1] not in ")$" else ""), re.IGNORECASE), instead) for tic, instead in TICS]
FRAGMENT = re.compile(r"^(?:But|Or|And|Nor|Which|As many|For so)\b")

C_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:[^"\\\n]|\\.)*"|(?:START_TEST|TEST)\((\w+)\)|#include[^\n]*', re.DOTALL)
SCRIPT_TOKEN = re.compile(r'"""(?:.*?)"""|(?:^|(?<=\s))#[^\n]*|--[^\n]*|"(?:[^"\\\n]|\\.)*"|def test_(\w+)', re.DOTALL)
QUOTED = re.compile(r"`[^`]*`|\[[^\]]*\]\([^)]*\)|(?<!\w)'[\w-]+'")


def texts(path, content):
    """(line, text, is a comment) of everything in the file that is English."""
    if path.suffix == ".md":
        plain = re.sub(r"^```.*?^```$", lambda m: "\n" * m.group().count("\n"), content, flags=re.DOTALL | re.MULTILINE)
        for number, line in enumerate(plain.split("\n"), 1):
            yield number, QUOTED.sub("`", line), False
        return
    token = C_TOKEN if path.suffix in (".c", ".h") else SCRIPT_TOKEN
    for match in token.finditer(content):
        text = match.group()
        if text.startswith("#include"):
            continue
        line = content.count("\n", 0, match.start()) + 1
        if match.group(1):
            yield line, match.group(1).replace("_", " "), False
            continue
        is_comment = text.startswith(("/*", "//", "#", "--", '"""'))
        if not is_comment and " " not in text:
            continue  # a name
        text = re.sub(r"\s*\n\s*[*#]?\s*", " ", text.lstrip('/*#-" ').rstrip('*/" '))
        yield line, QUOTED.sub("`", text), is_comment


def faults(path):
    content = path.read_text(encoding="utf-8")
    for line, text, is_comment in texts(path, content):
        for tic, instead in REFUSED:
            for found in tic.finditer(text):
                yield line, text[max(0, found.start() - 30) : found.end() + 30], instead
        if is_comment and (found := FRAGMENT.match(text)):
            yield line, text[:60], "begin a comment with its subject"


def main(names):
    files = names or subprocess.run(
        ["git", "ls-files", "*.c", "*.h", "*.md", "*.py", "*.sh", "*.sql", "*.lua", "*.toml", "*.build", "dev"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.split()
    count = 0
    for name in files:
        path = ROOT / name if not names else pathlib.Path(name)
        # A released migration keeps its text, whose checksum the databases have.
        if not path.is_file() or path.name == "plain_english.py" or path.parent.name == "migrations":
            continue
        for line, text, instead in faults(path):
            print(f"{name}:{line}: {text.strip()}\n    {instead}")
            count += 1
    if count:
        print(f"{count} turns of phrase to mend")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
