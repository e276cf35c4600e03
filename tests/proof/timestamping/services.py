"""Timestamp services of others: `openssl ts` behind HTTP, and a maker of tokens with any fault in them."""

import hashlib
import os
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

POLICY, OTHER_POLICY = "1.3.6.1.4.1.99999.1", "1.3.6.1.4.1.99999.2"
REPLY = "application/timestamp-reply"
STAMPING = ExtendedKeyUsageOID.TIME_STAMPING
DAY = timedelta(days=1)
_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
_CONFIGURATION = """
[tsa]
default_tsa = service
[service]
serial = {folder}/serial
signer_cert = {folder}/signer.pem
signer_key = {folder}/signer.key
signer_digest = {digest}
default_policy = {policy}
other_policies = {other}
digests = sha256
ordering = yes
tsa_name = yes
clock_precision_digits = 6
{options}
"""


_OPTIONS = "accuracy = millisecs:500\ness_cert_id_alg = sha256"


def new_key(kind):
    """A private key: ``rsa`` or ``rsa`` and its bits, or ``p256``, ``p384``, ``p521``."""
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, int(kind[3:] or 2048))
    return ec.generate_private_key({"p256": ec.SECP256R1, "p384": ec.SECP384R1, "p521": ec.SECP521R1}[kind]())


def usage(*allowed):
    return x509.KeyUsage(**{name: name in allowed for name in _USAGES})


def der(certificate):
    return certificate.public_bytes(Encoding.DER)


def certify(name, key, *extensions, issuer=None, issuer_key=None, start=None, days=3650, digest=None):
    """A certificate; ``extensions`` are values, or pairs of a value and whether it is critical."""

    def named(text):
        names = (NameOID.ORGANIZATION_NAME, "Example Trust"), (NameOID.COMMON_NAME, text)
        return x509.Name([x509.NameAttribute(oid, value) for oid, value in names])

    start = start or datetime.now(UTC) - DAY
    if isinstance(issuer_key or key, ed25519.Ed25519PrivateKey):
        digest = None
    elif digest is None:
        digest = hashes.SHA256()
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer or name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + days * DAY)
    )
    for one in extensions:
        value, critical = one if isinstance(one, tuple) else (one, True)
        builder = builder.add_extension(value, critical=critical)
    return builder.sign(issuer_key or key, digest)


def authority(path_length=None):
    return x509.BasicConstraints(ca=True, path_length=path_length), usage("key_cert_sign", "crl_sign")


def stamper():
    end = x509.BasicConstraints(ca=False, path_length=None)
    return end, usage("digital_signature"), x509.ExtendedKeyUsage([STAMPING])


@dataclass
class Hierarchy:
    """A root, perhaps an intermediate, and a signer of one kind of key."""

    kind: str = "rsa"
    intermediate: bool = True
    extensions: tuple = field(default_factory=stamper)
    intermediate_extensions: tuple = field(default_factory=authority)
    signer_options: dict = field(default_factory=dict)

    def __post_init__(self):
        self.root_key, self.between_key, self.key = new_key("p256"), new_key("p256"), new_key(self.kind)
        self.root = certify("root", self.root_key, *authority())
        certifier = {"issuer": "root", "issuer_key": self.root_key}
        self.between = certify("between", self.between_key, *self.intermediate_extensions, **certifier)
        if self.intermediate:
            certifier = {"issuer": "between", "issuer_key": self.between_key}
        named = (x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False)
        self.signer = certify("signer", self.key, *self.extensions, named, **{**certifier, **self.signer_options})

    @property
    def chain(self):
        return [self.between] if self.intermediate else []


def token(
    hierarchy,
    digest,
    *,
    nonce=None,
    at=None,
    policy=POLICY,
    scheme="pkcs1",
    hash_name="sha256",
    ess="v2",
    carried=None,
    key_sid=False,
    issuer_serial=True,
    changes=None,
    attributes=None,
    signed_by=None,
    signer_changes=None,
    signed_changes=None,
    announced=None,
):
    """A token by asn1crypto: what a service could answer, good unless an option makes it bad."""
    signer = asn1_x509.Certificate.load(der(hierarchy.signer))
    info = tsp.TSTInfo(
        {
            "version": 1,
            "policy": policy,
            "message_imprint": {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": digest},
            "serial_number": 2**159 + 1,
            "gen_time": at or datetime.now(UTC),
            **({} if nonce is None else {"nonce": nonce}),
            **(changes or {}),
        }
    ).dump()
    wanted = [
        ("content_type", ["tst_info"]),
        ("message_digest", [hashlib.new(hash_name, info).digest()]),
        *_signing_certificates(signer, ess, hash_name, issuer_serial=issuer_serial),
        *(attributes or []),
    ]
    signed = cms.CMSAttributes([{"type": kind, "values": values} for kind, values in wanted])
    signed = cms.CMSAttributes(sorted(signed, key=lambda attribute: attribute.dump()))
    key = signed_by or hierarchy.key
    algorithm, signature = _sign(key, signed.dump(), scheme, hash_name)
    identifier = cms.SignerIdentifier(
        "subject_key_identifier" if key_sid else "issuer_and_serial_number",
        core.OctetString(x509.SubjectKeyIdentifier.from_public_key(hierarchy.key.public_key()).digest)
        if key_sid
        else {"issuer": signer.issuer, "serial_number": signer.serial_number},
    )
    carried = [hierarchy.signer, *hierarchy.chain] if carried is None else carried
    content = {
        "version": "v3",
        "digest_algorithms": [{"algorithm": announced or hash_name}],
        "encap_content_info": {"content_type": "tst_info", "content": core.ParsableOctetString(info)},
        "signer_infos": [
            {
                "version": "v3" if key_sid else "v1",
                "sid": identifier,
                "digest_algorithm": {"algorithm": hash_name},
                "signed_attrs": signed,
                "signature_algorithm": algorithm,
                "signature": signature,
                **(signer_changes or {}),
            }
        ],
        **({"certificates": [asn1_x509.Certificate.load(der(one)) for one in carried]} if carried else {}),
        **(signed_changes or {}),
    }
    return cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(content)}).dump()


def _signing_certificates(signer, ess, hash_name, *, issuer_serial):
    names = {"issuer_serial": {"issuer": [asn1_x509.GeneralName("directory_name", signer.issuer)]}}
    names["issuer_serial"]["serial_number"] = signer.serial_number
    names = names if issuer_serial else {}
    found = []
    if ess in {"v1", "both"}:
        one = {"cert_hash": hashlib.sha1(signer.dump()).digest(), **names}
        found.append(("signing_certificate", [{"certs": [one]}]))
    if ess in {"v2", "both"}:
        one = {"cert_hash": hashlib.new(hash_name, signer.dump()).digest(), **names}
        one |= {} if hash_name == "sha256" else {"hash_algorithm": {"algorithm": hash_name}}
        found.append(("signing_certificate_v2", [{"certs": [one]}]))
    return found


def _sign(key, data, scheme, hash_name):
    chosen = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}[hash_name]
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return {"algorithm": f"{hash_name}_ecdsa"}, key.sign(data, ec.ECDSA(chosen))
    if scheme == "pss":
        parameters = algos.RSASSAPSSParams(
            {
                "hash_algorithm": {"algorithm": hash_name},
                "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": {"algorithm": hash_name}},
                "salt_length": chosen.digest_size,
            }
        )
        mask = padding.PSS(padding.MGF1(chosen), chosen.digest_size)
        return {"algorithm": "rsassa_pss", "parameters": parameters}, key.sign(data, mask, chosen)
    algorithm = {"algorithm": "rsassa_pkcs1v15" if scheme == "plain" else f"{hash_name}_rsa", "parameters": core.Null()}
    return algorithm, key.sign(data, padding.PKCS1v15(), chosen)


def granted(made, status=0):
    """A TimeStampResp around a token."""
    return tsp.TimeStampResp({"status": {"status": status}, "time_stamp_token": cms.ContentInfo.load(made)}).dump()


class OpensslService:
    """`openssl ts -reply` over HTTP, as a service of the market answers. ``answer`` may be replaced to do worse."""

    def __init__(self, folder, hierarchy, *, digest="sha256", options=_OPTIONS):
        folder.mkdir()
        self.folder, self.hierarchy, self.digest, self.options = folder, hierarchy, digest, options
        self.queries, self.headers, self.answer, self.lock = [], [], self.reply, threading.Lock()
        self.configure()
        (folder / "serial").write_text("0A")
        (folder / "roots.pem").write_bytes(hierarchy.root.public_bytes(Encoding.PEM))

    def configure(self):
        pem = [one.public_bytes(Encoding.PEM) for one in (self.hierarchy.signer, *self.hierarchy.chain)]
        (self.folder / "signer.pem").write_bytes(pem[0])
        (self.folder / "chain.pem").write_bytes(b"".join(pem[1:]))
        secret = self.hierarchy.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (self.folder / "signer.key").write_bytes(secret)
        options = self.options + (f"\ncerts = {self.folder}/chain.pem" if pem[1:] else "")
        names = {"policy": POLICY, "other": OTHER_POLICY, "digest": self.digest, "options": options}
        (self.folder / "tsa.cnf").write_text(_CONFIGURATION.format(folder=self.folder, **names))

    @property
    def roots(self):
        return (der(self.hierarchy.root),)

    def reply(self, query):
        """What openssl answers: status, media type, body."""
        with self.lock:
            (self.folder / "query").write_bytes(query)
            subprocess.run(
                ["openssl", "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-out", "reply"],
                check=False,
                capture_output=True,
                cwd=self.folder,
                env={"PATH": os.environ["PATH"], "OPENSSL_CONF": os.devnull},
            )
            return 200, REPLY, (self.folder / "reply").read_bytes()

    @contextmanager
    def serving(self):
        """Answer on a free port of loopback; gives the address."""
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                query = self.rfile.read(int(self.headers["content-length"]))
                service.queries.append(query)
                service.headers.append(dict(self.headers))
                status, kind, body = service.answer(query)
                self.send_response(status)
                self.send_header("content-type", kind)
                if isinstance(body, bytes):
                    self.send_header("content-length", str(len(body)))
                self.end_headers()
                for piece in [body] if isinstance(body, bytes) else body:
                    try:
                        self.wfile.write(piece)
                        self.wfile.flush()
                    except OSError:
                        return

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/tsa"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
