"""NOTICE names each library that the programs need, and the SBOM is an SPDX document that says what is in them."""

import copy
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest
from built import PROGRAMS, build_directory, output_of
from installation import ROOT

import sbom

SCRIPT = ROOT / "scripts" / "sbom.py"
SANITIZERS = re.compile("lib(asan|ubsan)")
ID = re.compile(r"SPDXRef-[a-zA-Z0-9.-]+")
DIGITS = {"SHA1": 40, "SHA256": 64}


@pytest.fixture(scope="module")
def document():
    return json.loads((build_directory() / "allocd.spdx.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def notices():
    return sbom.notices(ROOT / "NOTICE")


# ---- the rules of SPDX 2.3 ----


def require(condition, fault):
    assert condition, fault


def check_licences(expressions):
    """Debian's parser knows the list of SPDX."""
    program = 'const parse = require("spdx-expression-parse"); JSON.parse(process.argv[1]).forEach((each) => parse(each))'
    command = ["node", "-e", program, json.dumps(sorted(expressions - {"NOASSERTION", "NONE"}))]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "NODE_PATH": "/usr/share/nodejs"}
    )
    require(done.returncode == 0, f"licences: {done.stderr}")


def check_creation(document):
    require(document.get("spdxVersion") == "SPDX-2.3", "spdxVersion")
    require(document.get("dataLicense") == "CC0-1.0", "dataLicense")
    require(document.get("SPDXID") == "SPDXRef-DOCUMENT", "SPDXID of the document")
    require(document.get("name"), "name of the document")
    require(re.fullmatch(r"[a-z]+:[^#]+", document.get("documentNamespace", "")), "documentNamespace")
    creation = document.get("creationInfo", {})
    require(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", creation.get("created", "")), "created")
    creators = creation.get("creators")
    require(creators and all(re.match("(Tool|Organization|Person): ", each) for each in creators), "creators")


def check_package(package):
    require(package.get("name"), f"name of {package}")
    require(package.get("downloadLocation"), f"downloadLocation of {package['name']}")
    require(package.get("filesAnalyzed") is False, f"filesAnalyzed of {package['name']}: true needs a verification code")
    for reference in package.get("externalRefs", []):
        require(reference.get("referenceCategory") == "PACKAGE-MANAGER" and reference.get("referenceType") == "purl", f"{reference}")
        require(re.fullmatch(r"pkg:deb/debian/[a-z0-9.+-]+@[^?]+\?arch=\w+", reference.get("referenceLocator", "")), f"{reference}")


def check_file(file):
    require(file.get("fileName", "").startswith("./"), f"fileName of {file}")
    digests = {each["algorithm"]: each["checksumValue"] for each in file.get("checksums", [])}
    require("SHA1" in digests, f"SHA1 of {file['fileName']}")
    for algorithm, value in digests.items():
        require(re.fullmatch(rf"[0-9a-f]{{{DIGITS[algorithm]}}}", value), f"{algorithm} of {file['fileName']}")


def check_spdx(document):
    """Refuses what SPDX 2.3 requires and the document lacks."""
    check_creation(document)
    elements = [document, *document.get("packages", []), *document.get("files", [])]
    ids = [each.get("SPDXID", "") for each in elements]
    require(all(ID.fullmatch(each) for each in ids), "a malformed SPDXID")
    require(len(set(ids)) == len(ids), "an SPDXID that two elements have")
    for package in document["packages"]:
        check_package(package)
    for file in document["files"]:
        check_file(file)
    for each in document.get("relationships", []):
        require({each["spdxElementId"], each["relatedSpdxElement"]} <= set(ids), f"an element that does not exist: {each}")
    require(related(document, "SPDXRef-DOCUMENT", "DESCRIBES"), "the document describes nothing")
    check_licences({each[key] for each in elements for key in ("licenseConcluded", "licenseDeclared") if key in each})


def related(document, one, kind):
    return {
        each["relatedSpdxElement"]
        for each in document.get("relationships", [])
        if (each["spdxElementId"], each["relationshipType"]) == (one, kind)
    }


def test_the_sbom_is_a_document_of_spdx(document):
    check_spdx(document)


FAULTS = {
    "dataLicense": lambda document: document.pop("dataLicense"),
    "created": lambda document: document["creationInfo"].update(created="yesterday"),
    "creators": lambda document: document["creationInfo"].update(creators=["a person"]),
    "downloadLocation": lambda document: document["packages"][1].pop("downloadLocation"),
    "SHA1": lambda document: document["files"][0]["checksums"].pop(0),
    "two elements": lambda document: document["files"][0].update(SPDXID=document["packages"][0]["SPDXID"]),
    "does not exist": lambda document: document["packages"].pop(),
    "describes nothing": lambda document: document["relationships"].pop(0),
    "licences": lambda document: document["packages"][0].update(licenseDeclared="Expat"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_document_that_breaks_a_rule_is_refused(document, fault):
    broken = copy.deepcopy(document)
    FAULTS[fault](broken)

    with pytest.raises(AssertionError, match=fault):
        check_spdx(broken)


# ---- what it says ----


def test_the_sbom_has_the_digest_of_each_program_and_of_each_embedded_file(document):
    digests = {file["fileName"]: {each["algorithm"]: each["checksumValue"] for each in file["checksums"]} for file in document["files"]}
    paths = {name: (build_directory() if name.startswith("./bin/") else ROOT) / name.removeprefix("./bin/") for name in digests}

    assert {f"./bin/{name}" for name in PROGRAMS} <= set(digests)
    for name, path in paths.items():
        assert digests[name]["SHA256"] == hashlib.sha256(path.read_bytes()).hexdigest(), name


def test_the_sbom_names_every_embedded_file(document):
    schemas = set((ROOT / "schemas").glob("*.json"))
    migrations = set((ROOT / "src/adapters/postgres/schema/migrations").glob("*.sql"))
    page = {path for path in (ROOT / "src/entrypoints/page").rglob("*") if path.suffix in (".js", ".css", ".html")}
    scripts = set((ROOT / "src").rglob("*.lua")) | set((ROOT / "src/adapters/postgres/sql").glob("*.sql"))
    embedded = (schemas | migrations | page | scripts) - {ROOT / "src/entrypoints/page/without_page.html"}

    named = {file["fileName"] for file in document["files"]} - {f"./bin/{name}" for name in PROGRAMS}

    assert named == {f"./{path.relative_to(ROOT)}" for path in embedded}


def test_the_sbom_links_each_program_with_its_libraries_and_names_their_packages(document):
    packages = {package["SPDXID"]: package for package in document["packages"]}
    for program in PROGRAMS:
        needed = sbom.needed_by(build_directory() / program)
        linked = {packages[each]["name"] for each in related(document, f"SPDXRef-File-bin-{program}", "DYNAMIC_LINK")}
        assert needed and linked == set(needed)
    for package in packages.values():
        assert package["versionInfo"] != "NOASSERTION", package["name"]


def test_the_sbom_has_the_libraries_that_the_programs_load_here(document):
    """By the loader of this machine, which the script does not ask."""
    loaded = {name for program in PROGRAMS for name in re.findall(r"^\s*(\S+) => /", output_of("ldd", build_directory() / program), re.M)}

    assert loaded == {package["name"] for package in document["packages"]} - {"allocd"}


def test_a_library_that_is_not_found_ends_the_script(tmp_path):
    """As in a cross build, where the folders have none, or those of this machine."""
    compiler, library = tmp_path / "cc", tmp_path / "libpq.so.5"
    compiler.write_text(f"#!/bin/sh\necho 'libraries: ={tmp_path}'\n")
    compiler.chmod(0o755)
    program = bytearray((build_directory() / "allocd-bench").read_bytes())
    program[18:20] = b"\xb7\x00"  # arm64
    (tmp_path / "allocd-bench").write_bytes(program)
    shutil.copy(sbom.loaded_by([build_directory() / "allocd-bench"], ["gcc"])[library.name], library)

    for name in (build_directory() / "allocd-bench", tmp_path / "allocd-bench"):
        done = subprocess.run(
            [SCRIPT, tmp_path / "made", "1.0", ROOT / "NOTICE", compiler, "--", name, "--"], capture_output=True, text=True, check=False
        )
        assert done.returncode != 0 and re.search(r"needs lib\S+, which is in none of the compiler's folders", done.stderr), done.stderr
        assert not (tmp_path / "made").exists()


# ---- NOTICE ----


def needed_libraries():
    found = {library for program in PROGRAMS for library in sbom.needed_by(build_directory() / program)}
    return {library for library in found if not SANITIZERS.match(library)}


def test_notice_names_each_library_that_a_program_needs_and_no_other(notices):
    stems = {sbom.stem(library) for library in needed_libraries()}

    assert stems - set(notices) == set(), "what is in NOTICE for others: Library, Files, Licence, Copyright"
    for fields in notices.values():
        assert stems & set(fields["Files"].split(", ")), f"no program needs {fields['Library']}"


def test_every_holder_in_notice_is_named_by_debian(notices):
    """Where Debian has the library; names may be broken over lines there."""
    loaded = sbom.loaded_by([build_directory() / "allocd-bench"], ["gcc"])
    packages = sbom.debian_packages(sorted(loaded.values()))
    for library in needed_libraries():
        name = packages[loaded[library]][0]
        text = " ".join(pathlib.Path(f"/usr/share/doc/{name}/copyright").read_text(encoding="utf-8").split())
        missing = [each for each in notices[sbom.stem(library)]["Copyright"].split("\n ") if each not in text]
        assert missing == [], name
