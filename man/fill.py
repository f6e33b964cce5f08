#!/usr/bin/python3
"""Prints a manual: a template whose places are filled with what the program prints about itself, and with sections of
the documents.

    fill.py TEMPLATE PROGRAM SCDOC > PAGE

A line `@NAME@` of the template, or `@NAME ARGUMENT@`, is replaced by what the function NAME below returns.
"""

import json
import pathlib
import re
import subprocess
import sys

import read_help
from from_markdown import section
from scdoc import bold, definition, escaped, paragraph, placeholders, program, sentence


SOURCE = pathlib.Path(__file__).parents[1]


class Manual:
    def __init__(self, program_path):
        self.program = program_path

    # ---- of a program of one command ----

    def usage(self):
        name, _, rest = read_help.help_of(self.program, "--help").usage.partition(" ")
        return f"{bold(name)} {placeholders(rest)}"

    def details(self):
        return "\n\n".join(paragraphs(read_help.help_of(self.program, "--help").details))

    def options(self):
        return "\n\n".join(options(read_help.help_of(self.program, "--help")))

    # ---- of allocd ----

    def examples(self):
        call = ["help"] if self.is_allocd() else ["--help"]
        return examples(read_help.help_of(self.program, *call))

    def is_allocd(self):
        return pathlib.Path(self.program).name == "allocd"

    def commands(self):
        parts = []
        for heading, names in read_help.commands(self.program).items():
            parts += [f"## {heading}", *(self.command(name) for name in names)]
        return "\n\n".join(parts)

    def command(self, name):
        text = read_help.help_of(self.program, "help", *name.split())
        rest = text.usage.removeprefix(f"allocd {name}")
        blocks = [*paragraphs([sentence(text.summary), *text.details]), examples(text), *options(text), *names_of_settings(text)]
        return definition(f"*allocd {name}*{placeholders(rest)}", blocks)

    def statuses(self):
        of_program = read_help.help_of(self.program, "help").sections["Exit status"]
        return "\n\n".join(definition(bold(number), [escaped(sentence(text))]) for number, text in read_help.items(of_program))

    def settings(self):
        parts, last = [], None
        for each in read_help.settings(self.program):
            parts += [setting(each)] if each["section"] == last else [f"## {each['section']}", setting(each)]
            last = each["section"]
        return "\n\n".join(parts)

    # ---- of the messages ----

    def fields(self):
        paths = sorted((SOURCE / "schemas").glob("*.json"))
        return "\n\n".join(message(json.loads(path.read_text(encoding="utf-8"))) for path in paths)

    def section(self, heading):
        """Of docs/messages.md."""
        return section((SOURCE / "docs" / "messages.md").read_text(encoding="utf-8"), heading)


def paragraphs(texts):
    return [paragraph(escaped(text)) for text in texts]


def options(help_text):
    own = read_help.items(help_text.sections.get("Options", []))
    return [definition(option(name), [escaped(sentence(text))]) for name, text in own]


def option(name):
    """-n, --name [VALUE]"""
    names, value = re.fullmatch(r"(.*?--\S+)(.*)", name).groups()
    return bold(names) + placeholders(value)


def names_of_settings(text):
    lines = text.sections.get(read_help.SETTINGS, [])
    names = [line.split()[0] for line in lines if line.startswith("--")]
    return [paragraph(f"Settings: {', '.join(map(bold, names))}.")] if names else []


def examples(text):
    return program("\n".join(text.sections["Examples"]))


def setting(of):
    option = f"--{of['option']}"
    names = [of["variable"], option]
    if of["secret"]:
        names += [f"{of['variable']}_FILE", f"{option}-file"]
    fallback = f"Default: {bold(of['default'])}." if of["default"] else "Not set by default."
    return definition(", ".join(map(bold, names)), [paragraph(escaped(f"{of['help']}.")), f"Accepts {escaped(of['accepts'])}. {fallback}"])


def message(schema):
    role, properties = schema["$id"].split(":")[2].replace("-", " "), schema["properties"]
    fields = []
    for name, of in properties.items():
        same = properties[of["$ref"].rpartition("/")[2]] if "$ref" in of else {}
        fields.append(field(name, {**same, **of}, name in schema["required"]))
    return "\n\n".join([f"## {schema['title']} ({role})", paragraph(escaped(schema["description"])), *fields])


def field(name, of, is_required):
    words = [*kinds(of), *(["required"] if is_required else [])]
    named = f" ({', '.join(words)})" if words else ""
    return definition(f"{bold(name)}{named}", [escaped(of["description"])])


def kinds(of):
    if "enum" in of:
        return [" or ".join(bold(value) for value in of["enum"] if value)]
    types = of.get("type", [])
    range_of = [f"{of['minimum']} to {of['maximum']}"] if "minimum" in of else []
    return [types if isinstance(types, str) else " or ".join(types), *range_of] if types else []


def filled(template, program_path):
    manual = Manual(program_path)
    text = template.replace("@version@", read_help.version(program_path))
    if "@settings_file@" in text:
        text = text.replace("@settings_file@", read_help.settings_file(program_path))
    return re.sub(r"^@(\w+)(?: (.+))?@$", lambda place: getattr(manual, place[1])(*filter(None, [place[2]])), text, flags=re.M)


def main(template, program_path, scdoc):
    text = filled(pathlib.Path(template).read_text(encoding="utf-8"), program_path)
    page = subprocess.run([scdoc], input=text, stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout
    sys.stdout.reconfigure(encoding="utf-8")
    # No option is hyphenated: TH allows it again.
    sys.stdout.write(re.sub(r"^\.TH .*\n", r"\g<0>.nh\n", page, flags=re.M))


if __name__ == "__main__":
    main(*sys.argv[1:])
