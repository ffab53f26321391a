#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes the golden vectors as lines for `mailtrustd --evaluate`, with certificates that live long.

    tests/lab/make-golden.py     rewrites tests/fixtures/golden.jsonl and golden-expected.jsonl

The certificates are new each time and their keys are thrown away, so the files change as a whole;
what is expected of them does not. All vectors are judged at one moment, WHEN.
"""
import base64
import datetime
import json
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lab import pki  # noqa: E402  (the path comes first)

FIXTURES = pathlib.Path(__file__).resolve().parents[1] / "fixtures"
WHEN = "2026-06-01T00:00:00Z"
EXPIRED_AT = 1767225600  # 2026-01-01
HOST = "imap.example.test"


def year(n):
    return datetime.datetime(n, 1, 1)


with tempfile.TemporaryDirectory() as folder:
    CA = pki.Pki(folder, life=(year(2024), year(2049)))
    ROOT = CA.issue("root", extensions=pki.CA, common_name="Golden root")
    INTERMEDIATE = CA.issue("intermediate", ROOT, pki.CA, common_name="Golden intermediate")
    VALID = CA.issue("valid", INTERMEDIATE, names=[f"DNS:{HOST}"])
    EXPIRED = CA.issue("expired", INTERMEDIATE, names=[f"DNS:{HOST}"], life=(year(2024), year(2026)))
    SELF = CA.issue("self-signed", names=[f"DNS:{HOST}"])
    OTHER_SELF = CA.issue("other-self-signed", names=[f"DNS:{HOST}"])
    CLIENT = "5a" * 32
    ANCHORS = [base64.b64encode(ROOT.der()).decode()]
    CHAINS = {"valid": VALID.base64_chain(), "expired": EXPIRED.base64_chain(), "self": SELF.base64_chain(),
              "other": OTHER_SELF.base64_chain()}
    SELF_PIN, SELF_SPKI = SELF.sha256(), SELF.spki_sha256()

TLS13 = {"version": "1.3", "cipher": "TLS_AES_128_GCM_SHA256"}
TLS12 = {"version": "1.2", "cipher": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ems": True}
TLS11 = {"version": "1.1", "cipher": "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"}
OFF = {"policy": {"min_conf": "off"}}
CONSENT = {"consents": ["reduced-confidentiality"]}
SETUP = {"state": "setup", "op": "test"}
DENY, AWC, CONFIRM, ALLOW = "deny", "awc", "confirm", "allow"


def tls(chain="valid", version=TLS13, **more):
    """Evidence of implicit TLS."""
    return {"evidence": {"proto": "imap", "host": HOST, "port": 993, "transport": "implicit", "tls": version,
                         "chain": CHAINS[chain], **more}}


def plain(**more):
    """Evidence of no TLS on port 143."""
    return {"evidence": {"proto": "imap", "host": HOST, "port": 143, "transport": "none", **more}}


def starttls(**state):
    return {"evidence": {"proto": "imap", "host": HOST, "port": 143, "transport": "starttls", "tls": TLS12,
                         "starttls": {"offered": True, "caps_refreshed": True, **state}, "chain": CHAINS["valid"]}}


def tlsa(status, *records):
    return {"tlsa": {"status": status, "records": list(records)}}


def join(*parts):
    """One vector from its parts; policies of parts are joined."""
    whole = {}
    for part in parts:
        for key, value in part.items():
            whole[key] = {**whole[key], **value} if isinstance(whole.get(key), dict) else value
    return whole


PINNED = {"pins": [SELF_PIN]}
SRV_OUT = {"reference": {"discovery": "srv", "address_domain": "example.test", "label": "_imaps",
                         "dnssec": "insecure", "confirmed": False}, "endpoint": "fresh"}
EXPOSED = {"consents": ["password-exposure"]}
CLIENT_CERT = {"policy": {"client_cert_allow": [CLIENT]}}
PRESENTED = {"clientcert": {"requested": True, "presented_thumbprint": CLIENT}}

VECTORS = [
    ("G-01", join(tls()), ALLOW, "cert.pkix-valid conf.met"),
    ("G-02", join(starttls()), ALLOW, "transport.starttls-used cert.pkix-valid conf.met"),
    ("G-03", join(plain()), DENY, "tls.none"),
    ("G-04", join(plain(), {"op": "capability"}), ALLOW, "op.capability-only tls.none"),
    ("G-05", join(plain(), OFF, CONSENT), AWC, "tls.none conf.disabled-by-user"),
    ("G-06", join(plain(), OFF), CONFIRM, "tls.none conf.warning-required"),
    ("G-07", join(plain(), OFF, CONSENT, {"best": "tls+auth"}), CONFIRM, "tls.none conf.downgraded"),
    ("G-08", join(plain(), OFF, CONSENT, tlsa("secure", f"3 1 1 {SELF_SPKI}")), DENY, "dane.tls-required"),
    ("G-09", join(tls(version=TLS11), {"provenance": "asserted"}), DENY,
     "evidence.asserted-only tls.version-below-floor cert.pkix-valid"),
    ("G-10", join(tls("expired")), DENY, "cert.expired pin.not-offered-existing"),
    ("G-11", join(tls("expired"), SETUP), DENY, "cert.expired account.setup"),
    ("G-12", join(tls("expired"), SETUP, OFF), CONFIRM, "cert.expired pin.offer-available op.test-needs-warning"),
    ("G-13", join(tls("expired"), SETUP, OFF, EXPOSED), AWC, "cert.expired conf.disabled-by-user"),
    ("G-14", join(tls("self"), OFF, CONSENT, PINNED), AWC, "cert.chain-untrusted pin.matched conf.disabled-by-user"),
    ("G-15", join(tls("self"), OFF, CONSENT, PINNED, {"org": {"min_conf": "on"}}), DENY,
     "cert.chain-untrusted pin.matched pin.not-sufficient policy.org-minimum"),
    ("G-16", join(tls("other"), OFF, CONSENT, PINNED), DENY, "cert.chain-untrusted pin.mismatch"),
    ("G-17", join(tls(), PINNED), ALLOW, "cert.pkix-valid pin.superseded conf.met"),
    ("G-18", join(tls("self"), tlsa("secure", f"3 1 1 {SELF_SPKI}")), ALLOW,
     "dane.matched cert.chain-untrusted conf.met"),
    ("G-19", join(tls(), tlsa("secure", "3 1 1 " + "00" * 32)), DENY, "dane.mismatch"),
    ("G-20", join(tls(), tlsa("bogus")), DENY, "dane.bogus"),
    ("G-21", join(tls(), tlsa("secure", "1 1 1 " + "00" * 32)), ALLOW, "dane.unusable cert.pkix-valid conf.met"),
    ("G-22", join(tls(), {"policy": {"proof": "dane"}, "org": {"proof": "pkix"}}, tlsa("absent")), DENY,
     "dane.absent cert.pkix-valid dane.required-missing policy.org-minimum"),
    ("G-23", join({"evidence": {"proto": "imap", "host": "mail.other.test", "port": 993, "transport": "implicit"}},
                  {"state": "setup", "op": "capability"}, SRV_OUT), CONFIRM, "srv.target-out-of-domain"),
    ("G-24", join(plain(starttls={"preauth": True})), DENY, "tls.none starttls.preauth-before-tls"),
    ("G-25", join(starttls(buffered_bytes=23)), DENY, "starttls.response-injected"),
    ("G-25 with the minimum off", join(starttls(buffered_bytes=23), OFF, CONSENT), DENY,
     "starttls.response-injected"),
    ("G-26", join(plain(), {"state": "suspended", "op": "capability"}), DENY, "account.suspended"),
    ("G-27", join(plain(), CONSENT, {"policy": {"min_conf": "off", "not_after": EXPIRED_AT}}), DENY,
     "policy.expired tls.none"),
    ("G-28", join(tls(version=TLS12), {"org": {"tls_min": "1.3"}}), DENY,
     "tls.version-below-policy cert.pkix-valid policy.org-minimum"),
    ("G-29", join(tls(), OFF), ALLOW, "cert.pkix-valid conf.met"),
    ("G-30", join(tls(**PRESENTED), CLIENT_CERT), ALLOW, "cert.pkix-valid clientcert.authorized conf.met"),
    ("G-31", join(tls(version=TLS12, **PRESENTED), CLIENT_CERT), ALLOW,
     "cert.pkix-valid clientcert.authorized clientcert.identity-exposed conf.met"),
    ("G-32", join(tls(), {"endpoint": "fresh", "reference": {"discovery": "srv", "address_domain": "example.test",
                                                             "label": "_imaps", "dnssec": "insecure"}}), DENY,
     "endpoint.not-configured"),
]

with open(FIXTURES / "golden.jsonl", "w") as lines, open(FIXTURES / "golden-expected.jsonl", "w") as answers:
    for name, vector, decision, reasons in VECTORS:
        line = {"id": name, "at": WHEN, "op": "authenticate", **vector, "anchors": ANCHORS}
        answer = {"id": name, "decision": decision, "conf": "conf.met" in reasons, "reasons": reasons.split()}
        print(json.dumps(line), file=lines)
        print(json.dumps(answer), file=answers)
