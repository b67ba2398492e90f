"""Mutual TLS for measured runs: an authority, the server's settings, the generator's words."""

import sys

from rig import ROOT

sys.path.insert(0, str(ROOT / "tests" / "support"))


class Material:
    """settings: of vsocd's listener, client certificates required. words: of the generator, which is a gateway that may send for all
    vehicles. authority: for further certificates. certificate, key: the server's files."""

    def __init__(self, folder):
        from certificates import Authority, tls_settings

        self.authority = Authority(folder)
        tls = tls_settings(self.authority)["tls"]
        self.certificate, self.key = tls["certificate"], tls["key"]
        self.settings = ["listen.ingest.tls=true", "tls.client_auth=required", f"identity.senders_file={self.authority.sender()}"]
        self.settings += [f"tls.{key}={tls[key]}" for key in ("certificate", "key", "client_ca")]
        self.client = self.authority.gateway()
        self.words = ("--ca", str(self.authority.ca_path), "--cert", str(self.client[0]), "--key", str(self.client[1]))

    def context(self):
        """Of a client in Python that shows the gateway's certificate."""
        return self.authority.context(self.client)
