"""The summary of tools/test: what it counts, and that it hides no skip and no failure."""

import subprocess
import sys
from pathlib import Path

SUMMARY = Path(__file__).with_name("summary.py")

GTEST = """[ RUN      ] Loop/a.One/epoll
[       OK ] Loop/a.One/epoll (0 ms)
[ RUN      ] Loop/a.One/io_uring
/x/loop_test.cpp:31: Skipped
io_uring is forbidden here

[  SKIPPED ] Loop/a.One/io_uring (0 ms)
[==========] 2 tests from 1 test suite ran. (3 ms total)
[  PASSED  ] 1 test.
[  SKIPPED ] 1 test, listed below:
[  SKIPPED ] Loop/a.One/io_uring
"""
BRIEF = """/x/loop_test.cpp:31: Skipped
io_uring is forbidden here

/x/loop_test.cpp:40: Skipped

[==========] 5 tests from 1 test suite ran. (3 ms total)
[  PASSED  ] 2 tests.
[  SKIPPED ] 3 tests.
"""
PYTEST = """..s.
SKIPPED [2] tests/system/test_page.py:12: no Chromium
2 passed, 2 skipped, 1 error in 3.21s
"""


def case(name: str, status: str, output: str, inside: str = "") -> str:
    return f'<testcase name="{name}" time="1.5" status="{status}">{inside}<system-out>{output}</system-out></testcase>'


def summary(tmp_path, *cases: str, options: tuple = ()):
    results = tmp_path / "results.xml"
    results.write_text(f"<testsuite>{''.join(cases)}</testsuite>")
    done = subprocess.run([sys.executable, SUMMARY, results, *options], capture_output=True, text=True)
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_tests_are_counted_and_not_entries(tmp_path):
    code, text = summary(tmp_path, case("tsan.unit.0", "run", GTEST), case("release.system.page", "fail", PYTEST),
                         case("fuzz.http", "run", "stat::number_of_executed_units: 17"))
    assert code == 1
    assert text.splitlines()[-1] == "4 passed, 1 failed, 3 skipped"
    assert "FAILED:  release.system.page" in text


def test_each_skip_is_named_with_its_reason(tmp_path):
    code, text = summary(tmp_path, case("tsan.unit.0", "run", GTEST), case("release.system.page", "run", PYTEST.replace(", 1 error", "")))
    assert code == 0
    assert "skipped: Loop/a.One/io_uring: io_uring is forbidden here (tsan.unit.0)" in text
    assert "skipped: tests/system/test_page.py: no Chromium (release.system.page)" in text


def test_a_discovered_test_that_is_skipped(tmp_path):
    one = GTEST.split("epoll (0 ms)\n")[1].replace("[  PASSED  ] 1 test.", "[  PASSED  ] 0 tests.")
    code, text = summary(tmp_path, case("release.Loop/a.One/io_uring", "notrun", one, '<skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/>'))
    assert (code, text.splitlines()[-1]) == (0, "0 passed, 0 failed, 1 skipped")
    assert "io_uring is forbidden here" in text


def test_skips_may_be_failures(tmp_path):
    assert summary(tmp_path, case("tsan.unit.0", "run", GTEST), options=("--require-all",))[0] == 1
    elsewhere = GTEST.replace("io_uring is forbidden", "does not apply: io_uring is forbidden")
    assert summary(tmp_path, case("tsan.unit.0", "run", elsewhere), options=("--require-all",))[0] == 0


def test_a_shard_that_names_no_test_hides_no_skip(tmp_path):
    code, text = summary(tmp_path, case("tsan.unit.0", "run", BRIEF), options=("--require-all",))
    assert (code, text.splitlines()[-1]) == (1, "2 passed, 0 failed, 3 skipped")
    assert "skipped: /x/loop_test.cpp:31: io_uring is forbidden here (tsan.unit.0)" in text
    assert "skipped: /x/loop_test.cpp:40: no reason given (tsan.unit.0)" in text
    assert "skipped: ?: no reason given (tsan.unit.0)" in text
    elsewhere = "".join(BRIEF.replace("io_uring is", "does not apply: io_uring is").replace("3 tests.", "1 test.").split("/x/loop_test.cpp:40: Skipped\n"))
    assert summary(tmp_path, case("tsan.unit.0", "run", elsewhere), options=("--require-all",))[0] == 0


def test_a_crash_is_a_failure_whatever_was_printed(tmp_path):
    code, text = summary(tmp_path, case("asan.unit.3", "fail", "[ RUN      ] Loop.One\n==12==ERROR: AddressSanitizer"))
    assert (code, text.splitlines()[-1]) == (1, "0 passed, 1 failed, 0 skipped")


def test_an_entry_that_ctest_could_not_start_is_a_failure(tmp_path):
    code, text = summary(tmp_path, case("release.system.page", "notrun", "", '<skipped message="Unable to find executable"/>'))
    assert (code, text.splitlines()[-1]) == (1, "0 passed, 1 failed, 0 skipped")


def test_no_test_is_no_success(tmp_path):
    assert summary(tmp_path)[0] == 1
