# SPDX-License-Identifier: MIT
"""Who says what was revoked: OCSP responses and CRLs, good and bad, and a server that hands them out.

What the openssl command can make it makes, from its own records; what it refuses to make (answers of
yesterday) is made here.
"""
import base64
import datetime
import pathlib
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from lab import pki, scripted

DAY = datetime.timedelta(days=1)


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def load(certificate):
    """A certificate of lab.pki with its key, as the cryptography package knows them."""
    return (x509.load_pem_x509_certificate(certificate.pem.read_bytes()),
            serialization.load_pem_private_key(certificate.key.read_bytes(), None))


def response(certificate, signer=None, subject=None, status="good", since=-DAY, until=DAY):
    """An OCSP response about a certificate, or in its stead about subject, signed by its issuer or by signer."""
    issuer = load(certificate.issuer)[0]
    signed_by, key = load(signer or certificate.issuer)
    revoked = status == "revoked"
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=load(subject or certificate)[0], issuer=issuer, algorithm=hashes.SHA1(),
        cert_status=getattr(ocsp.OCSPCertStatus, status.upper()), this_update=now() + since,
        next_update=until and now() + until, revocation_time=now() - DAY if revoked else None,
        revocation_reason=None).responder_id(ocsp.OCSPResponderEncoding.HASH, signed_by)
    if signer:
        builder = builder.certificates([signed_by])
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def crl(issuer, revoked=(), signer=None, since=-DAY, until=DAY, padding=0):
    """A CRL in the name of issuer, signed by it or by signer; padding is an extension of so many bytes."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(load(issuer)[0].subject)
    builder = builder.last_update(now() + since).next_update(now() + until)
    for serial in (load(c)[0].serial_number for c in revoked):
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now() - DAY).build())
    if padding:
        builder = builder.add_extension(
            x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), bytes(padding)), critical=False)
    made = builder.sign(load(signer or issuer)[1], hashes.SHA256())
    return made.public_bytes(serialization.Encoding.DER)


class Records:
    """What the openssl command knows of an authority's certificates; see Pki.config."""

    def __init__(self, maker, issuer):
        self.maker, self.issuer = maker, issuer

    def revoke(self, certificate):
        pki.openssl("ca", "-config", self.maker.config, "-cert", self.issuer.pem, "-keyfile", self.issuer.key,
                    "-revoke", certificate.pem)

    def crl(self):
        pem = pki.openssl("ca", "-config", self.maker.config, "-cert", self.issuer.pem, "-keyfile", self.issuer.key,
                          "-gencrl", "-crldays", "1")
        return pki.openssl("crl", "-outform", "DER", input=pem)

    def respond(self, request):
        """The response to a DER request, as `openssl ocsp` gives it."""
        folder = pathlib.Path(self.maker.folder)
        (folder / "request.der").write_bytes(request)
        pki.openssl("ocsp", "-index", folder / "index", "-CA", self.issuer.pem, "-rsigner", self.issuer.pem,
                    "-rkey", self.issuer.key, "-reqin", folder / "request.der", "-respout", folder / "response.der")
        return (folder / "response.der").read_bytes()


class Responder:
    """An HTTP server on loopback: say[name] answers what is asked below /name, asked holds every path."""

    def __init__(self, lab):
        self.say, self.asked = {}, []
        self.server = scripted.ScriptedServer(lab, self.script)

    def url(self, name):
        return f"http://127.0.0.1:{self.server.port}/{name}"

    def script(self, talk):
        path = talk.line().split(b" ")[1].decode()
        while talk.line():
            pass
        self.asked.append(path)
        said = self.say[path.split("/")[1]]
        if callable(said):
            said(talk, path)
        else:
            talk.send(b"HTTP/1.0 200 OK\r\n\r\n" + said)


def openssl_responder(records):
    """Answers like a real one, from the request in the path (RFC 6960 A.1)."""
    def say(talk, path):
        request = base64.b64decode(urllib.parse.unquote(path.split("/")[-1]))
        body = records.respond(request)
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\n"
                  b"Content-Length: %d\r\n\r\n" % len(body) + body)
    return say
