"""Reads what `--help` of a program says into a tree. The programs declare their options once; pages and completions are made
of this."""

import re
import subprocess
from dataclasses import dataclass, field

# "  -h,--help    Print…", also where the text stands in the next line.
ENTRY = re.compile(r"^  (?P<name>\S.*?)(?:\s{2,}(?P<text>\S.*))?$")
CONTINUED = re.compile(r"^ {10,}(?P<text>\S.*)$")


@dataclass
class Option:
    flags: list[str]  # ["-h", "--help"]; of a positional its name
    value: str  # "" where it takes none
    text: str


@dataclass
class Command:
    words: list[str]  # ["sluice", "journal", "replay"]
    summary: str
    usage: str
    positionals: list[Option] = field(default_factory=list)
    groups: list[tuple[str, list[Option]]] = field(default_factory=list)  # heading, options
    commands: list["Command"] = field(default_factory=list)
    footer: str = ""

    def options(self) -> list[Option]:
        return [option for _, options in self.groups for option in options]

    def walk(self) -> list["Command"]:
        return [self] + [below for command in self.commands for below in command.walk()]


def option_of(name: str, text: str) -> Option:
    first, _, value = name.partition(" ")
    return Option(first.split(","), value.replace(" REQUIRED", ""), text)


def sections_of(text: str) -> tuple[list[str], list[tuple[str, list[tuple[str, str]]]], str]:
    """The lines in front, (heading, [(name, text)]) of each list, and what stands behind the lists."""
    head, sections, lines = [], [], text.splitlines()
    index = 0
    while index < len(lines) and not lines[index].startswith("Usage:"):
        head.append(lines[index])
        index += 1
    head.append(lines[index])
    index += 1
    while index < len(lines):
        if not lines[index]:
            index += 1
            continue
        heading = lines[index]
        if not re.fullmatch(r"[A-Z][\w ()/:.-]*:", heading) or heading.startswith(("Example", "Exit", "Configuration")):
            break
        entries, index = [], index + 1
        while index < len(lines) and lines[index]:
            if continued := CONTINUED.match(lines[index]):
                entries[-1] = (entries[-1][0], f"{entries[-1][1]} {continued['text']}".strip())
            elif entry := ENTRY.match(lines[index]):
                entries.append((entry["name"], entry["text"] or ""))
            else:
                raise ValueError(f"help has a line that is neither option nor text: {lines[index]!r}")
            index += 1
        sections.append((heading[:-1], entries))
    return head, sections, "\n".join(lines[index:])


def read(program: str, words: list[str]) -> Command:
    text = subprocess.run([program, *words[1:], "--help"], check=True, capture_output=True, text=True).stdout
    head, sections, footer = sections_of(text)
    command = Command(words, head[0], head[-1].removeprefix("Usage: "), footer=footer)
    for heading, entries in sections:
        if heading == "Subcommands":
            command.commands = [read(program, [*words, name]) for name, _ in entries]
        elif heading == "Positionals":
            command.positionals = [option_of(*entry) for entry in entries]
        else:
            command.groups.append((heading, [option_of(*entry) for entry in entries]))
    return command
