"""Which libraries are in which program, with versions and licences: from cmake/rooms.cmake, docs/dependencies.md, and the
packages that the build used."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]

# The Debian package of each dep::NAME.
PACKAGES = {
    "liburing": "liburing-dev", "llhttp": "libllhttp-dev", "simdjson": "libsimdjson-dev", "hiredis": "libhiredis-dev",
    "hiredis_ssl": "libhiredis-dev", "concurrentqueue": "libconcurrentqueue-dev", "hdr_histogram": "libhdr-histogram-dev",
    "xxhash": "libxxhash-dev", "tomlplusplus": "libtomlplusplus-dev", "cli11": "libcli11-dev", "fmt": "libfmt-dev",
    "nlohmann_json": "nlohmann-json3-dev", "zlib": "zlib1g-dev", "libdeflate": "libdeflate-dev", "zstd": "libzstd-dev",
    "snappy": "libsnappy-dev", "curl": "libcurl4-openssl-dev", "openssl": "libssl-dev",
}
SHARED = ("curl", "openssl")  # they stay libraries of the system; all others become a part of the program
ROOTS = {"sluice": "engine", "sluice-load": "tools/load"}


@dataclass
class Library:
    name: str
    package: str
    version: str
    licence: str
    url: str
    is_shared: bool
    notice: Path  # what the package says about copyright


def rooms() -> dict[str, dict[str, list[str]]]:
    text = re.sub(r"#.*", "", (PROJECT / "cmake/rooms.cmake").read_text())
    rows = {}
    for row in re.findall(r"^room\(([^)]*)\)", text, re.MULTILINE):
        words, lists, current = row.split(), {"USES": [], "LIBRARIES": [], "MAY": []}, None
        for word in words[1:]:
            current = word if word in lists else current
            if word != current:
                lists[current].append(word)
        rows[words[0]] = lists
    return rows


def names_in(program: str) -> list[str]:
    rows, seen, names = rooms(), [ROOTS[program]], set()
    for folder in seen:  # grows while it is read
        names |= set(rows[folder]["LIBRARIES"])
        seen += [used for used in rows[folder]["USES"] if used not in seen]
    return sorted(names)


def table() -> dict[str, tuple[str, str, str]]:
    """dep::NAME: title, address and licence, of docs/dependencies.md."""
    rows = re.findall(r"^\| \[([^]]*)\]\(([^)]*)\) \| `(\w+)` \| [^|]* \| ([^|]*) \|", (PROJECT / "docs/dependencies.md").read_text(), re.MULTILINE)
    return {name: (title, url, licence.strip()) for title, url, name, licence in rows}


def version_of(package: str) -> tuple[str, Path]:
    """The version that the build used, and where its notices stand."""
    unpacked = PROJECT / ".deps/debs" / f"{package}.unpacked"
    if unpacked.exists():
        return unpacked.read_text().split("_")[1].replace("%3a", ":"), PROJECT / ".deps/prefix/usr/share/doc" / package / "copyright"
    query = subprocess.run(["dpkg-query", "-W", "-f=${Version}", package], capture_output=True, text=True)
    return query.stdout.strip(), Path("/usr/share/doc") / package / "copyright"


def libraries_in(program: str) -> list[Library]:
    rows, found = table(), []
    for name in names_in(program):
        version, notice = version_of(PACKAGES[name])
        title, url, licence = rows[name]
        found.append(Library(name, PACKAGES[name], version, licence, url, name in SHARED, notice))
    return found


def copyright_of(program: str) -> str:
    """The licence of the program, and the notices of what is linked into it."""
    out = f"{program} is a part of Sluice.\n\n{(PROJECT / 'LICENSE').read_text().strip()}\n"
    linked = {library.package: library for library in libraries_in(program) if not library.is_shared}
    out += "\nThe program contains these libraries. What their packages say about copyright follows.\n\n"
    out += "".join(f"  {library.package} {library.version}, {library.url}\n" for library in linked.values())
    out += "  libstdc++, of GCC, with the GCC Runtime Library Exception\n"
    for library in linked.values():
        out += f"\n{'-' * 80}\n{library.package} {library.version}\n{'-' * 80}\n\n{library.notice.read_text().strip()}\n"
    return out
