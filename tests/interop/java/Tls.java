// What a client trusts and shows, from PEM files.
import java.io.ByteArrayInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

class Tls {
    private static X509TrustManager trusted;

    private static final char[] NO_PASSWORD = new char[0];

    private static Certificate certificate(String file) throws Exception {
        return CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(Files.readAllBytes(Path.of(file))));
    }

    private static PrivateKey key(String file) throws Exception {
        String text = Files.readString(Path.of(file)).replaceAll("-----[A-Z ]+-----|\\s", "");
        return KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(text)));
    }

    /** Of the last context. */
    static X509TrustManager trusted() throws Exception {
        return trusted != null ? trusted : defaults();
    }

    private static X509TrustManager defaults() throws Exception {
        TrustManagerFactory trusts = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trusts.init((KeyStore) null);
        return (X509TrustManager) trusts.getTrustManagers()[0];
    }

    /** files: CA, certificate and key, or none. */
    static SSLContext context(String[] files) throws Exception {
        if (files.length == 0)
            return SSLContext.getDefault();
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, NO_PASSWORD);
        store.setCertificateEntry("ca", certificate(files[0]));
        store.setKeyEntry("vehicle", key(files[2]), NO_PASSWORD, new Certificate[] {certificate(files[1])});
        KeyManagerFactory shows = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        shows.init(store, NO_PASSWORD);
        TrustManagerFactory trusts = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trusts.init(store);
        trusted = (X509TrustManager) trusts.getTrustManagers()[0];
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(shows.getKeyManagers(), trusts.getTrustManagers(), null);
        return context;
    }
}
