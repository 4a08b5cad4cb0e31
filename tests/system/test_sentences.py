"""Every sentence that a wrong word on the command line, in the environment or in a file brings, collected and judged."""
# runs: release

import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.engine import BINARY, CLEAN_ENVIRONMENT
from harness.load import LOAD_BINARY

BAD_USAGE = 2
WRONG = ("", "größe", "-1", "1e999", "\x1b[2J", 'a"b', ",", "5 bananas")
# Of sluice-load, with values that are wrong for no option: a run against this ends at once.
NOBODY = "http://127.0.0.1:1/"
# Texts between quotation marks that a sentence gives as an example of what may be written, and names of parts of JSON.
EXAMPLES = {'\\"ok\\"'}


def run(*words: object, environment: dict | None = None) -> tuple[int, str]:
    done = subprocess.run([str(word) for word in words], capture_output=True, timeout=60,
                          env={**CLEAN_ENVIRONMENT, **(environment or {})})
    return done.returncode, done.stderr.decode()


def options_of(program: Path, *command: str) -> list[str]:
    """Those that take a value."""
    done = subprocess.run([program, *command, "--help"], capture_output=True, text=True, check=True)
    found = re.findall(r"^\s+(?:-\w,\s*)?(--[a-z-]+)[ =]([A-Z<{\[]\S*)", done.stdout, re.MULTILINE)
    assert found, done.stdout
    return sorted({option for option, _ in found})


def faults_of(sentence: str, written: tuple[str, ...]) -> list[str]:
    """What is wrong with what a program said. `written`: what its user wrote."""
    faults = []
    lines = sentence.splitlines()
    if len(lines) != 1:
        faults.append(f"{len(lines)} lines")
    if not re.match(r"sluice(-load)?: \S", sentence):
        faults.append("does not begin with the program's name")
    if re.search(r"[ ;,]$|(?<!null):$|(?<!null): *[;)]|, *;|\b(which|that) is *([;,]|$)|\( *\)|  |\(null\)", sentence.rstrip("\n")):
        faults.append("holds an empty value")
    for quoted in re.findall(r'"((?:[^"\\]|\\.)*)"', sentence):
        plain = quoted.replace('\\"', '"').replace("\\\\", "\\").replace("\\x1B", "\x1b").removesuffix("…")
        if quoted not in EXAMPLES and "***" not in quoted and not any(plain in word for word in written):
            faults.append(f"quotes {quoted!r}, which nobody wrote")
    if any("größe" in word for word in written) and ("\\x" in sentence or "\\u" in sentence):
        faults.append("escapes what can be read")
    if any(not (" " <= character or character == "\n") for character in sentence):
        faults.append("holds a control character")
    return faults


def judge(said: list[tuple[tuple[str, ...], int, str]], what_to_do: str) -> None:
    """All that was said, of one kind: (what was written, exit code, standard error)."""
    sentences = [(written, text) for written, code, text in said if code == BAD_USAGE]
    assert len(sentences) > len(said) / 4, "wrong words are taken"
    wrong = [(written, text, faults) for written, text in sentences if (faults := faults_of(text, written))]
    wrong += [(written, text, ["does not say what to do"]) for written, text in sentences if not re.search(what_to_do, text)]
    assert not wrong, "\n".join(f"{written}: {text.strip()} ({', '.join(faults)})" for written, text, faults in wrong[:20])


def collect(cases: list[tuple]) -> list[tuple[tuple[str, ...], int, str]]:
    """Each case: the words, what of them the user wrote, and variables of the environment."""
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda case: (case[1], *run(*case[0], environment=case[2])), cases))


def keys() -> list[dict]:
    return json.loads(subprocess.run([BINARY, "print-config", "--format", "json"], capture_output=True, check=True).stdout)


def test_wrong_values_of_every_key():
    cases = []
    for key in keys():
        cases += [((BINARY, "print-config", "--effective", "--set", f"{key['key']}={value}"), (value,), None) for value in WRONG]
        cases += [((BINARY, "print-config", "--effective"), (value,), {key["environment"]: value}) for value in ("", "größe")]
    judge(collect(cases), "; allowed is |, but (needs|must|does not go)|the nearest is|cannot be read|write ")


def test_wrong_values_of_every_key_in_a_file(tmp_path):
    cases = []
    for number, key in enumerate(keys()):
        for index, value in enumerate(("''", "'größe'", "[]", "{}", "1.5")):
            path = tmp_path / f"{number}-{index}.toml"
            path.write_text(f"{key['key']} = {value}\n")
            cases.append(((BINARY, "check-config", path), (value.strip("'"), str(path)), None))
    judge(collect(cases), "; allowed is |, but (needs|must|does not go)|expected |cannot be read")


def test_names_that_do_not_exist(tmp_path):
    cases = []
    for name in ("größe", "x y", "lisen", "a.b.c", "\x1b[2J", "sink.redis"):
        cases.append(((BINARY, "print-config", "--effective", "--set", f"{name}=1"), (name, f"{name}=1"), None))
        cases.append(((BINARY, "print-config", "--effective", "--set", name), (name,), None))
        for program in (BINARY, LOAD_BINARY):
            cases.append(((program, f"--{name}"), (f"--{name}",), None))
            cases.append(((program, name, name), (name,), None))
        for command in ("serve", "check-config", "journal", "print-config", "print-metrics", "version"):
            cases.append(((BINARY, command, f"--{name}"), (f"--{name}",), None))
        for action in ("ls", "cat", "verify", "export", "replay"):
            cases.append(((BINARY, "journal", action, "/nonexistent", f"--{name}"), (f"--{name}",), None))
            cases.append(((BINARY, "journal", action), (), None))
    judge(collect(cases), "--help|lists all|the nearest is|; allowed is |groups are")


@pytest.mark.parametrize("given", [("--sample",), ("--users", "5", "--sample")])
def test_wrong_values_of_every_option_of_sluice_load(tmp_path, monkeypatch, given):
    monkeypatch.chdir(tmp_path)  # some values are names of files
    cases = []
    for option in options_of(LOAD_BINARY):
        for value in WRONG:
            cases.append(((LOAD_BINARY, NOBODY, *given, "--duration", "1s", option, value), (value, *given, option), None))
    judge(collect(cases), "--help")


def test_wrong_urls():
    wrong = (*WRONG, "http://", "http://h:0", "http://h:99999", "https://h", "ftp://h", "http://größe:x/", "http://[::1",
             "h:80", "//h", "http://h/a b", "http://h/#f", "http://nobody:pen@h/")
    judge(collect([((LOAD_BINARY, url), (url,), None) for url in wrong]), "--help")
    sinks = (*WRONG, "redis://", "redis://h:0", "redis://h:x", "http://h", "redis://h/x", "redis-cluster://", "redis-sentinel://h",
             "redis+unix://", "journal:", "redis://größe:p@h:x")
    judge(collect([((BINARY, "print-config", "--effective", "--set", f"sink.url={url}"), (url,), None) for url in sinks]), "; allowed is ")
