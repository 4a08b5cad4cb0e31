"""JSONTestSuite, each file posted as a body.

None of its files is a sample, so each is refused with 400; what differs is why. A file that is valid JSON (y_)
is refused for what it says, with a code of a record; one that is not (n_) may fail either way, since the engine
may know that a record is no sample before it has read the rest. i_ files may be read either way.
"""
# runs: release.io_uring release.epoll asan.io_uring

from pathlib import Path

import pytest

from harness.engine import PROJECT
from test_refusals import DECLARED

SUITE = PROJECT / "tests/corpora/json_test_suite/test_parsing"
FILES = sorted(SUITE.glob("*.json"))

SAMPLE_CODES = {code for code, declared in DECLARED.items() if declared.scope == "record" and code != "malformed_record"}
SAMPLE_CODES |= {"no_samples", "all_records_refused"}


def post_file(http, path: Path, content_type: str):
    response = http.post(path.read_bytes(), content_type=content_type)
    assert http.request("GET", "/health").status == 200, "the connection does not survive"
    return response


def test_the_suite_is_complete():
    assert len(FILES) == 318


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in FILES])
def test_file(stack, http, path):
    response = post_file(http, path, "application/json")
    assert response.status == 400
    if path.name.startswith("y_"):
        assert response.code in SAMPLE_CODES
        if response.code == "all_records_refused":
            assert {error["code"] for error in response.json()["errors"]} <= SAMPLE_CODES
    assert stack.redis.xlen("telemetry") == 0


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in FILES])
def test_file_as_ndjson(stack, http, path):
    assert post_file(http, path, "application/x-ndjson").status == 400
    assert stack.redis.xlen("telemetry") == 0
