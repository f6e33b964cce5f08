#!/usr/bin/python3
"""Writes an SBOM of the built programs, in the JSON of SPDX 2.3.

    sbom.py OUTPUT VERSION NOTICE COMPILER… -- PROGRAM… -- EMBEDDED…

It lists the programs with their digests, the files that are embedded in them, the libraries that NOTICE describes and
that the programs are linked with, and all further libraries that those load.  They are sought in the folders in which
the compiler seeks libraries, for the processor of the programs, so nothing is run and a cross build has them, too; one
that is not found ends the script.  Versions are those of Debian's packages
on the machine that builds; elsewhere a library has none.  SOURCE_DATE_EPOCH sets the instant at which it was made.
"""

import datetime
import functools
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import urllib.parse
import uuid

NEEDED = re.compile(r"\(NEEDED\).*\[(.*)\]")
LOADER = re.compile(r"ld(-linux|64|-musl).*\.so")
ROOT = pathlib.Path(__file__).resolve().parents[1]
UNKNOWN = "NOASSERTION"


def output_of(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout


@functools.cache
def needed_by(file):
    """The names of the libraries that a program or a library names itself, without the one that loads it."""
    return [name for name in NEEDED.findall(output_of("readelf", "-d", file)) if not LOADER.match(name)]


def folders_of(compiler):
    """Where the compiler seeks libraries, for the processor for which it compiles."""
    found = re.findall(r"^libraries: =(.*)$", output_of(*compiler, "-print-search-dirs"), re.MULTILINE)
    return list(dict.fromkeys(os.path.normpath(folder) for line in found for folder in line.split(":")))


def processor_of(file):
    """What two files must have in common to be loaded into one process."""
    with open(file, "rb") as elf:
        header = elf.read(20)
    return (header[4:6], header[18:20]) if header.startswith(b"\x7fELF") else None


def loaded_by(programs, compiler):
    """{name: file} of all libraries that the programs load, and those that these load."""
    folders, files = folders_of(compiler), {}
    waiting = [(program, name) for program in programs for name in needed_by(program)]
    while waiting:
        by, name = waiting.pop()
        if name not in files:
            files[name] = find(name, by, folders)
            waiting += [(files[name], each) for each in needed_by(files[name])]
    return files


def find(name, by, folders):
    """The library of this name for the processor of the file that needs it."""
    for folder in folders:
        path = os.path.join(folder, name)
        if os.path.exists(path) and processor_of(path) == processor_of(by):
            return path
    sys.exit(f"sbom.py: {by} needs {name}, which is in none of the compiler's folders: {' '.join(folders)}")


def stem(library):
    """The name without version: libpq of libpq.so.5."""
    return library.split(".so")[0]


def notices(path):
    """What NOTICE says of each library, by the stems of its files."""
    found = {}
    for paragraph in path.read_text(encoding="utf-8").split("\n\n"):
        fields = dict(re.findall(r"^(\w+): ((?:.|\n )+)", paragraph, re.MULTILINE))
        if "Files" in fields:
            found |= {each: fields for each in fields["Files"].split(", ")}
    return found


def debian_packages(files):
    """The package, its version and its architecture for each file that belongs to one; without dpkg an empty map."""
    if not files or not shutil.which("dpkg-query"):
        return {}
    by_path = {each: file for file in files for each in {file, os.path.realpath(file), file.removeprefix("/usr")}}
    rows = re.findall(r"^([^ ,]+)(?:,.*)?: (/.*)$", output_of("dpkg-query", "-S", *by_path), re.MULTILINE)
    owners = {by_path[path]: name for name, path in rows}
    shown = output_of("dpkg-query", "-W", "-f", "${binary:Package} ${Package} ${Version} ${Architecture}\\n", *sorted(set(owners.values())))
    packages = {row.split()[0]: row.split()[1:] for row in shown.splitlines()}
    return {file: packages[name] for file, name in owners.items()}


def spdx_id(kind, name):
    return f"SPDXRef-{kind}-{re.sub(r'[^a-zA-Z0-9.-]', '-', name)}"


def checksums(file):
    data = file.read_bytes()
    return [{"algorithm": name, "checksumValue": hashlib.new(name.lower(), data).hexdigest()} for name in ("SHA1", "SHA256")]


def file_element(name, path, licence):
    return {
        "SPDXID": spdx_id("File", name), "fileName": f"./{name}", "checksums": checksums(path),
        "licenseConcluded": licence, "copyrightText": "Copyright (c) 2026 The allocd authors",
    }  # fmt: skip


def package_element(name, version, licence, copyright_text, **more):
    return {
        "SPDXID": spdx_id("Package", name), "name": name, "versionInfo": version, "downloadLocation": UNKNOWN,
        "filesAnalyzed": False, "licenseConcluded": licence, "licenseDeclared": licence, "copyrightText": copyright_text, **more,
    }  # fmt: skip


def library_element(library, package, notice):
    version, more = UNKNOWN, {"primaryPackagePurpose": "LIBRARY"}
    if package:
        name, version, architecture = package
        purl = f"pkg:deb/debian/{name}@{urllib.parse.quote(version, safe='')}?arch={architecture}"
        reference = {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}
        more |= {"externalRefs": [reference], "comment": f"Its licence is in /usr/share/doc/{name}/copyright."}
    holders = ", ".join(notice["Copyright"].split("\n ")) if notice else UNKNOWN
    return package_element(library, version, notice["Licence"] if notice else UNKNOWN, holders, **more)


def relation(one, kind, other):
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}


def libraries_of(programs, compiler, known):
    """The elements of all libraries, and which program or library needs which."""
    files = loaded_by(programs, compiler)
    packages = debian_packages(sorted(files.values()))
    elements = [library_element(library, packages.get(files[library]), known.get(stem(library))) for library in sorted(files)]
    needs = [(spdx_id("File", f"bin/{program.name}"), "DYNAMIC_LINK", needed_by(program)) for program in programs]
    needs += [(spdx_id("Package", library), "DEPENDS_ON", needed_by(files[library])) for library in sorted(files)]
    relations = [relation(one, kind, spdx_id("Package", each)) for one, kind, all_of in needs for each in all_of]
    return elements, relations


def document(version, notice, compiler, programs, embedded):
    made = datetime.datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH") or time.time()), datetime.timezone.utc)
    allocd = package_element("allocd", version, "MIT", "Copyright (c) 2026 The allocd authors", primaryPackagePurpose="APPLICATION")
    built = [file_element(f"bin/{program.name}", program, "MIT") for program in programs]
    sources = [file_element(str(path.relative_to(ROOT)), path, "MIT") for path in embedded]
    libraries, links = libraries_of(programs, compiler, notices(notice))
    digest = "".join(each["checksums"][0]["checksumValue"] for each in built)
    return {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"allocd-{version}",
        "documentNamespace": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, digest)}",
        "creationInfo": {"created": made.strftime("%Y-%m-%dT%H:%M:%SZ"), "creators": [f"Tool: allocd-sbom-{version}"]},
        "packages": [allocd, *libraries],
        "files": [*built, *sources],
        "relationships": [
            relation("SPDXRef-DOCUMENT", "DESCRIBES", allocd["SPDXID"]),
            *(relation(allocd["SPDXID"], "CONTAINS", each["SPDXID"]) for each in built),
            *(relation(spdx_id("File", "bin/allocd"), "GENERATED_FROM", each["SPDXID"]) for each in sources),
            *links,
        ],
    }  # fmt: skip


def main(output, version, notice, *files):
    first = files.index("--")
    second = files.index("--", first + 1)
    compiler, programs, embedded = files[:first], files[first + 1 : second], files[second + 1 :]
    programs, embedded = (sorted(pathlib.Path(file).resolve() for file in part) for part in (programs, embedded))
    made = document(version, pathlib.Path(notice), compiler, programs, embedded)
    pathlib.Path(output).write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
