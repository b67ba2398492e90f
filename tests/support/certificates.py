"""A CA of a test's own, with certificates for a server and for vehicles."""

import datetime
import ipaddress
import json
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def name(common, organization):
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common)]
    if organization:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(attributes)


def key_pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


class Authority:
    """Writes NAME.crt and NAME.key files into a folder."""

    def __init__(self, folder, common="test fleet CA"):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.forger = None  # a key that signs in its place
        self.subject = name(common, "tests")
        signs = x509.KeyUsage(
            digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
            key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
        )
        self.certificate = self._sign(
            self.subject, self.key.public_key(), [(x509.BasicConstraints(True, None), True), (signs, True)]
        )
        self.ca_path = folder / "ca.crt"
        self.ca_path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def _sign(self, subject, public_key, extensions, days=30):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=60))
            .not_valid_after(now + datetime.timedelta(days=days))
        )
        # What a strict client (Python 3.13's) wants to find besides.
        extensions = [
            *extensions,
            (x509.SubjectKeyIdentifier.from_public_key(public_key), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False),
        ]
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.forger or self.key, hashes.SHA256())

    def issue(self, file, common, organization="demo", san=(), usage=ExtendedKeyUsageOID.CLIENT_AUTH, days=30, more=()):
        """Paths of certificate and key. days < 0: expired. usage None: no extended key usage. more: further extensions."""
        key = ec.generate_private_key(ec.SECP256R1())
        extensions = [(extension, False) for extension in more]
        if usage:
            extensions.append((x509.ExtendedKeyUsage([usage]), False))
        if san:
            extensions.append((x509.SubjectAlternativeName(list(san)), False))
        certificate = self._sign(name(common, organization), key.public_key(), extensions, days)
        paths = self.folder / f"{file}.crt", self.folder / f"{file}.key"
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(key_pem(key))
        paths[1].chmod(0o600)
        return paths

    def server(self, file="server"):
        san = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        return self.issue(file, "localhost", san=san, usage=ExtendedKeyUsageOID.SERVER_AUTH)

    def vehicle(self, vin, file=None, **options):
        return self.issue(file or vin, f"vehicle {vin}", san=[x509.UniformResourceIdentifier(f"urn:vin:{vin}")], **options)

    def gateway(self, file="gateway", dns="gateway.demo", **options):
        """A certificate that is no vehicle's: it sends only where sender() of its name is listed."""
        return self.issue(file, "fleet gateway", san=[x509.DNSName(dns)], **options)

    def sender(self, file="senders", dns="gateway.demo", tenant="demo", **more):
        """A file for identity.senders_file that lists the gateway of this DNS name."""
        issuer = self.subject.rfc4514_string()
        path = self.folder / file
        path.write_text(json.dumps({"id": "gateway-1", "issuer": issuer, "name": f"san_dns:{dns}", "tenant": tenant, **more}) + "\n")
        path.chmod(0o600)
        return str(path)

    def sub_authority(self, folder, common):
        """An intermediate CA, signed by this one."""
        sub = Authority(folder, common)
        usage = next(one for one in sub.certificate.extensions if one.oid == x509.ExtensionOID.KEY_USAGE).value
        sub.certificate = self._sign(sub.subject, sub.key.public_key(), [(x509.BasicConstraints(True, None), True), (usage, True)])
        sub.ca_path.write_bytes(sub.certificate.public_bytes(serialization.Encoding.PEM))
        return sub

    def crl(self, revoked, days=30):
        """PEM of a revocation list with the certificates of these files."""
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.subject).last_update(now - datetime.timedelta(days=1))
        builder = builder.next_update(now + datetime.timedelta(days=days))
        for path in revoked:
            serial = x509.load_pem_x509_certificate(path.read_bytes()).serial_number
            one = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now - datetime.timedelta(hours=1)).build()
            builder = builder.add_revoked_certificate(one)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def context(self, paths=None):
        """What a client trusts and shows."""
        context = ssl.create_default_context(cafile=str(self.ca_path))
        if paths:
            context.load_cert_chain(*map(str, paths))
        return context


def tls_settings(authority, **extra):
    """Settings of a TLS listener with certificates of the authority."""
    certificate, key = authority.server()
    return {
        "listen": {"ingest": {"tls": True}},
        "tls": {"certificate": str(certificate), "key": str(key), "client_ca": str(authority.ca_path), "client_auth": "required", **extra},
    }
