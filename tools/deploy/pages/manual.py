"""Manual pages as roff (man(7)), from help texts and from the table of keys."""

import re

from help_text import Command, Option

FILES = [
    ("/etc/sluice/sluice.toml", "The configuration that the unit names."),
    ("/etc/sluice/tenants.toml", "Tenants and the hashes of their tokens, where tenants.file names it."),
    ("/etc/sluice/redis-password", "The password of Redis, as the unit's credential redis-password."),
    ("/var/lib/sluice", "Where the unit lets the engine write: a journal, where journal.directory names one."),
]


def escaped(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-")
    text = re.sub(r"\S{60,}", lambda long: long[0].replace(":", ":\\:"), text)  # a long list may be broken behind a colon
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.MULTILINE)


def verbatim(lines: list[str]) -> str:
    return ".PP\n.nf\n" + "\n".join(escaped(line) for line in lines) + "\n.fi\n"


def heading(level: str, text: str) -> str:
    return f'.{level} "{escaped(text)}"\n'


def term(option: Option) -> str:
    names = ", ".join(f"\\fB{escaped(flag)}\\fR" for flag in option.flags)
    value = f" \\fI{escaped(option.value)}\\fR" if option.value else ""
    return f".TP\n{names}{value}\n{escaped(option.text)}\n"


def footer_blocks(footer: str) -> list[tuple[str, list[str]]]:
    """(heading or "", lines): a line that ends with a colon stands above lines that are shown as they are."""
    blocks = []
    for paragraph in re.split(r"\n\n+", footer.strip("\n")) if footer.strip() else []:
        lines = paragraph.splitlines()
        for index, line in enumerate(lines):
            if line.endswith(":") and index + 1 < len(lines) and lines[index + 1].startswith("  "):
                if index:
                    blocks.append(("", lines[:index]))
                end = next((i for i in range(index + 1, len(lines)) if not lines[i].startswith("  ")), len(lines))
                blocks.append((line[:-1], [each[2:] for each in lines[index + 1:end]]))
                if end < len(lines):
                    blocks.append(("", lines[end:]))
                break
        else:
            blocks.append(("", lines))
    return blocks


def footer_text(footer: str) -> str:
    out = ""
    for title, lines in footer_blocks(footer):
        if title:
            out += f".PP\n{escaped(title)}:\n" + verbatim(["    " + line for line in lines])
        else:
            # Lines that are indented are a table; others are sentences.
            out += verbatim(lines) if any(line.startswith(" ") for line in lines) else ".PP\n" + escaped("\n".join(lines)) + "\n"
    return out


def options_text(command: Command) -> str:
    out = "".join(term(option) for option in command.positionals)
    for title, options in command.groups:
        if title != "Options":
            out += f".PP\n\\fB{escaped(title)}\\fR\n"
        out += "".join(term(option) for option in options if "--help" not in option.flags)
    return out


def subcommand(command: Command, above: Command) -> str:
    out = heading("SS", " ".join(command.words[1:])) + escaped(command.summary) + ".\n"
    if not command.commands:
        out += ".PP\n\\fB" + escaped(command.usage) + "\\fR\n"
    out += options_text(command)
    for below in command.commands:
        out += subcommand(below, command)
    return out + (footer_text(command.footer) if command.footer != above.footer else "")


def title(name: str, section: int, date: str, version: str, words: str) -> str:
    source = "sluice " + version
    return f'.TH "{escaped(name.upper())}" {section} {date} "{escaped(source)}" "{words}"\n.nh\n.ad l\n'


def program_page(command: Command, summary: str, date: str, version: str, see_also: str) -> str:
    name = command.words[0]
    out = title(name, 1, date, version, "User Commands")
    out += ".SH NAME\n" + escaped(name) + " \\- " + escaped(summary) + "\n"
    out += ".SH SYNOPSIS\n" + "".join(f".br\n\\fB{escaped(each.usage)}\\fR\n" for each in command.walk() if not each.commands or each is command)
    out += ".SH DESCRIPTION\n" + escaped(command.summary) + "\n"
    out += ".SH OPTIONS\n" + options_text(command)
    out += ".SH COMMANDS\n" + "".join(subcommand(below, command) for below in command.commands)
    exits = ""
    out_notes = ""
    for block, lines in footer_blocks(command.footer):
        if block == "Exit codes":
            exits = ".SH EXIT STATUS\n" + "".join(f".TP\n{line.split()[0]}\n{escaped(line.split(None, 1)[1])}\n" for line in lines)
        elif block:
            out_notes += heading("SH", block.upper() if len(block) < 30 else block) + verbatim(lines)
        else:
            out_notes += ("" if out_notes.endswith("NOTES\n") or "\n.SH NOTES\n" in out_notes else ".SH NOTES\n") + footer_text("\n".join(lines))
    out += out_notes + exits
    if name == "sluice":
        out += ".SH FILES\n" + "".join(f".TP\n\\fI{escaped(path)}\\fR\n{escaped(text)}\n" for path, text in FILES)
    return out + ".SH SEE ALSO\n" + see_also + "\n"


def keys_page(keys: list[dict], date: str, version: str) -> str:
    out = title("sluice.toml", 5, date, version, "File Formats")
    out += ".SH NAME\nsluice.toml \\- configuration of sluice\n.SH SYNOPSIS\n.I /etc/sluice/sluice.toml\n"
    out += (".SH DESCRIPTION\nA file in TOML. A key whose name has dots stands in the table of its first words. Sizes and "
            "durations are strings with their unit, such as \"64KiB\" or \"5s\"; lists are arrays. The environment comes before "
            "the file, and the command line before both.\n.PP\n\\fBsluice check\\-config\\fR \\fIFILE\\fR checks a file, "
            "\\fBsluice print\\-config\\fR prints one with every key, and \\fBsluice print\\-config \\-\\-effective "
            "\\-\\-config\\fR \\fIFILE\\fR what counts and where it is from.\n.PP\nWhat is said of a change: live means that it "
            "could change in a running engine, restart that it needs another one.\n")
    group = None
    out += ".SH KEYS\n"
    for key in keys:
        table, _, name = key["key"].rpartition(".")
        if table != group:
            group = table
            out += heading("SS", f"[{table}]" if table else "Above all tables")
        out += f".TP\n\\fB{escaped(name)}\\fR\n{escaped(key['help'])}.\n.br\n"
        default = f"default {key['default']}" if key["default"] else "no default"
        out += escaped(f"{key['unit']}: {key['allowed']}; {default}; change: {key['change']}; {key['environment']}") + "\n"
    return out + ".SH SEE ALSO\n.BR sluice (1)\n"
