"""What the scanners sslscan and testssl.sh find at a TLS listener: nothing above `low`, but for what a test's certificate
is, and headers for browsers."""
# runs: release.io_uring long: release.epoll

import json
import os
import subprocess
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest

from harness import Engine
from harness.tls import Authority, tls_settings

# Of a certificate that an authority of the test signed for a month, and what a browser would heed.
EXPECTED = {"cert_chain_of_trust", "cert_expirationStatus", "cert_notAfter", "cert_revocation", "security_headers"}
HARMLESS = {"OK", "INFO", "LOW"}


@pytest.fixture(scope="module")
def pairs(workspace) -> dict:
    authority = Authority(workspace / "scanned")
    return {"ecdsa": authority.issue("ecdsa"), "rsa": authority.issue("rsa", algorithm=("rsa:2048",))}


@pytest.mark.parametrize("algorithm", ["ecdsa", "rsa"])
def test_sslscan(starter, pairs, algorithm):
    (host, port), settings = tls_settings(pairs[algorithm])
    starter.engine("null:", ack="queued", settings=settings)
    scanned = subprocess.run(["sslscan", "--no-colour", "--xml=-", f"{host}:{port}"], check=True, capture_output=True, text=True, timeout=120)
    found = xml.fromstring(scanned.stdout).find("ssltest")
    enabled = {(one.get("type"), one.get("version")) for one in found.iter("protocol") if one.get("enabled") == "1"}
    assert enabled == {("tls", "1.2"), ("tls", "1.3")}
    assert all(one.get("vulnerable") == "0" for one in found.iter("heartbleed"))
    assert found.find("renegotiation").get("supported") == "0"
    assert all(one.get("supported") != "1" for one in found.iter("compression"))
    ciphers = {one.get("cipher") for one in found.iter("cipher")}
    of_tls_1_3 = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
    name = algorithm.upper()
    assert ciphers == of_tls_1_3 | {f"ECDHE-{name}-{rest}" for rest in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")}
    assert {one.get("cipher") for one in found.iter("cipher") if one.get("status") == "preferred"} == {
        "TLS_AES_128_GCM_SHA256", f"ECDHE-{name}-AES128-GCM-SHA256"}


@pytest.mark.skipif(os.environ.get("SLUICE_LONG") != "1", reason="takes minutes; tools/test --long runs it")
@pytest.mark.parametrize("algorithm", ["ecdsa", "rsa"])
def test_testssl(starter, pairs, algorithm, tmp_path: Path):
    (host, port), settings = tls_settings(pairs[algorithm])
    engine: Engine = starter.engine("null:", ack="queued", settings=settings)
    report = tmp_path / "report.json"
    subprocess.run(["testssl", "--quiet", "--color", "0", "--warnings", "off", "--openssl-timeout", "10", "--jsonfile", report, f"{host}:{port}"],
                   capture_output=True, timeout=900, check=False)  # its exit code counts findings
    findings = json.loads(report.read_text())
    assert {one["id"] for one in findings} >= {"heartbleed", "ROBOT", "secure_renego", "CRIME_TLS", "LUCKY13", "cipher_order"}
    assert engine.running
    assert {one["id"]: (one["severity"], one["finding"]) for one in findings
            if one["severity"] not in HARMLESS and one["id"] not in EXPECTED} == {}
