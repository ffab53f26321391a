# SPDX-License-Identifier: MIT
"""A throwaway certification authority: roots, intermediates and leaves, good and bad.

Everything is made by the openssl command, P-256 unless told otherwise. Dates are days from now, or
absolute times for fixtures that must not age.
"""
import base64
import dataclasses
import datetime
import hashlib
import pathlib
import subprocess

CONFIG = """
[ca]
default_ca = here
[here]
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
x509_extensions = extensions
[any]
commonName = optional
[req]
distinguished_name = name
[name]
"""
CA = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
LEAF = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n"


def moment(when):
    """ASN.1 time of a number of days from now, or of a datetime."""
    if not isinstance(when, datetime.datetime):
        when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=when)
    return when.strftime("%Y%m%d%H%M%SZ")


def openssl(*args, **options):
    """Runs openssl. Return: its output, bytes."""
    done = subprocess.run(("openssl", *map(str, args)), capture_output=True, check=False, **options)
    if done.returncode:
        raise RuntimeError(f"openssl {args[0]}: {done.stderr.decode(errors='replace')}")
    return done.stdout


@dataclasses.dataclass
class Certificate:
    """A certificate with its key, and the chain a server sends with it."""
    key: pathlib.Path
    pem: pathlib.Path
    chain: pathlib.Path
    issuer: "Certificate"

    def der(self):
        return openssl("x509", "-in", self.pem, "-outform", "DER")

    def ders(self):
        """What a server sends: leaf first, root left out."""
        chain, one = [self.der()], self
        while one.issuer and one.issuer.issuer:
            one = one.issuer
            chain.append(one.der())
        return chain

    def base64_chain(self):
        return [base64.b64encode(der).decode() for der in self.ders()]

    def sha256(self):
        return hashlib.sha256(self.der()).hexdigest()

    def spki_sha256(self):
        """The digest of TLSA selector 1, matching type 1."""
        public = openssl("x509", "-in", self.pem, "-noout", "-pubkey")
        return hashlib.sha256(openssl("pkey", "-pubin", "-outform", "DER", input=public)).hexdigest()


class Pki:
    """Makes certificates into one folder."""

    def __init__(self, folder, life=(-30, 3650)):
        self.folder = pathlib.Path(folder)
        self.life = life
        (self.folder / "index").touch()
        self.config = self.folder / "ca.conf"
        self.config.write_text(CONFIG.format(folder=self.folder))

    def key(self, path, kind):
        if kind.startswith("rsa:"):
            openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{kind[4:]}", "-out", path)
        else:
            openssl("genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{kind}", "-out", path)

    def issue(self, name, issuer=None, extensions=LEAF, names=(), life=None, kind="P-256", common_name=None):
        """One certificate, by issuer or by itself. names are subjectAltName entries: "DNS:a.test"."""
        path = {end: self.folder / f"{name}.{end}" for end in ("key", "pem", "chain", "csr", "ext")}
        self.key(path["key"], kind)
        text = "[extensions]\n" + extensions + "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
        path["ext"].write_text(text + (f"subjectAltName={','.join(names)}\n" if names else ""))
        openssl("req", "-new", "-config", self.config, "-key", path["key"], "-subj",
                f"/CN={common_name or name}", "-out", path["csr"])
        start, end = map(moment, life or self.life)
        signer = ["-cert", issuer.pem, "-keyfile", issuer.key] if issuer else ["-selfsign", "-keyfile", path["key"]]
        openssl("ca", "-batch", "-notext", "-config", self.config, "-extfile", path["ext"], "-extensions",
                "extensions", "-startdate", start, "-enddate", end, *signer, "-in", path["csr"],
                "-out", path["pem"])
        made = Certificate(path["key"], path["pem"], path["chain"], issuer)
        made.chain.write_bytes(b"".join(openssl("x509", "-inform", "DER", input=der) for der in made.ders()))
        path["key"].chmod(0o600)
        return made


class ServerPki(Pki):
    """The usual cast: one good server and its bad twins, all of which call themselves localhost."""

    NAMES = ("DNS:localhost", "DNS:imap.example.test")

    def __init__(self, folder):
        super().__init__(folder)
        self.root = self.issue("root", extensions=CA, common_name="Throwaway root")
        self.ca = self.issue("intermediate", self.root, CA, common_name="Throwaway intermediate")
        self.good = self.issue("good", self.ca, names=self.NAMES)
        self.renewed = self.issue("renewed", self.ca, names=self.NAMES)
        self.wrong_name = self.issue("wrong-name", self.ca, names=["DNS:other.example.net"])
        self.expired = self.issue("expired", self.ca, names=self.NAMES, life=(-90, -2))
        self.future = self.issue("future", self.ca, names=self.NAMES, life=(2, 90))
        self.self_signed = self.issue("self-signed", names=self.NAMES)
        self.weak = self.issue("weak", self.ca, names=self.NAMES, kind="rsa:1024")
        self.common_name_only = self.issue("cn-only", self.ca, common_name="localhost")
