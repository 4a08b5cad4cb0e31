"""tools/deploy/pages --engine FILE --load FILE --version VERSION --date SECONDS --to DIRECTORY

Writes what the packages have beside the programs: manual pages, completions for bash, copyright and changelog. The
programs are asked for their help and their keys. The build runs this (cmake/packages.cmake).
"""

import argparse
import gzip
import json
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import completion
import help_text
import libraries
import manual


def write(path: Path, text: str) -> None:
    """As it is, or compressed without a time, so that the same text gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0) if path.suffix == ".gz" else text.encode())


def debian_changelog(package: str, version: str, when: datetime) -> str:
    return (f"{package} ({version}) unstable; urgency=medium\n\n  * CHANGELOG.md of the source says what changed.\n\n"
            f" -- Sluice maintainers <sluice@packages.invalid>  {when.strftime('%a, %d %b %Y %H:%M:%S +0000')}\n")


def main() -> None:
    parser = argparse.ArgumentParser(prog="tools/deploy/pages", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("engine", "load", "version", "date", "to"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    to, when = Path(options.to), datetime.fromtimestamp(int(options.date), timezone.utc)
    date = when.strftime("%Y-%m-%d") if options.date != "0" else '""'

    engine, load = help_text.read(options.engine, ["sluice"]), help_text.read(options.load, ["sluice-load"])
    keys = json.loads(subprocess.run([options.engine, "print-config", "--format", "json"], check=True, capture_output=True, text=True).stdout)
    write(to / "sluice.1.gz", manual.program_page(engine, "HTTP telemetry to Redis", date, options.version, ".BR sluice.toml (5),\n.BR sluice\\-load (1)"))
    write(to / "sluice.toml.5.gz", manual.keys_page(keys, date, options.version))
    write(to / "sluice-load.1.gz", manual.program_page(load, "measures HTTP servers", date, options.version, ".BR sluice (1)"))
    write(to / "completion/sluice", completion.script(engine, [key["key"] for key in keys]))
    write(to / "completion/sluice-load", completion.script(load, []))
    for component, package in (("engine", "sluice"), ("load", "sluice-load")):
        write(to / component / "changelog.gz", debian_changelog(package, options.version, when))
        try:
            write(to / component / "copyright", libraries.copyright_of(package))
        except OSError as error:  # a machine whose packages have no notices may build, and makes no packages
            print(f"pages: no licences of {package}: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
