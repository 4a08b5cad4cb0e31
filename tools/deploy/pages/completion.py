"""Completions for bash, from help texts. They call no program."""

from help_text import Command

FILES = ("FILE", "DIR")


def function_name(program: str) -> str:
    return "_" + program.replace("-", "_")


def quoted(words: list[str]) -> str:
    return "'" + " ".join(words) + "'"


def arm(command: Command) -> str:
    options = quoted([flag for option in command.options() for flag in option.flags])
    words = quoted([below.words[-1] for below in command.commands])
    takes_file = any(positional.flags[0] in FILES for positional in command.positionals)
    return f"        '{' '.join(command.words)}') options={options} words={words}{' files=yes' if takes_file else ''} ;;\n"


def value_arms(commands: list[Command]) -> str:
    """Options with a value, by what completes it: files, keys, or nothing."""
    kinds: dict[str, set[str]] = {"files": set(), "keys": set(), "nothing": set()}
    for option in [option for command in commands for option in command.options() if option.value]:
        kind = "files" if option.value in FILES else "keys" if option.value.startswith("KEY=") else "nothing"
        kinds[kind] |= set(option.flags)
    kinds["nothing"] -= kinds["files"]
    actions = {"files": "COMPREPLY=($(compgen -f -- \"$current\")); compopt -o filenames 2>/dev/null; return",
               "keys": "COMPREPLY=($(compgen -S = -W \"$keys\" -- \"$current\")); compopt -o nospace 2>/dev/null; return",
               "nothing": "return"}
    return "".join(f"        {'|'.join(sorted(flags))}) {actions[kind]} ;;\n" for kind, flags in kinds.items() if flags)


def script(root: Command, keys: list[str]) -> str:
    program, commands = root.words[0], root.walk()
    paths = "|".join(f"'{' '.join(each.words)}'" for each in commands if each is not root) or "''"
    return f"""# bash completion of {program}. Made from its help; a change is lost.
{function_name(program)}() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}} path={program} options= words= files= index
    local keys={quoted(keys)}
    COMPREPLY=()
    case "$previous" in
{value_arms(commands)}    esac
    for ((index = 1; index < COMP_CWORD; index++)); do
        case "$path ${{COMP_WORDS[index]}}" in
            {paths}) path="$path ${{COMP_WORDS[index]}}" ;;
        esac
    done
    case "$path" in
{"".join(map(arm, commands))}    esac
    case "$current" in
        -*) COMPREPLY=($(compgen -W "$options" -- "$current")) ;;
        *)
            COMPREPLY=($(compgen -W "$words" -- "$current"))
            [ -z "$files" ] || {{ COMPREPLY+=($(compgen -f -- "$current")); compopt -o filenames 2>/dev/null; }} ;;
    esac
}}
complete -F {function_name(program)} {program}
"""
