// SPDX-License-Identifier: LGPL-2.1-or-later

import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.AuthProvider;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.Security;
import java.security.Signature;
import java.security.cert.CertPathValidator;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PSSParameterSpec;
import java.util.Collections;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import javax.security.auth.callback.Callback;
import javax.security.auth.callback.PasswordCallback;

/**
 * A program with the card, told line by line what to do, so that a test can look at the card (and
 * take it out) in between.
 *
 * <p>usage: CardShell PROVIDER COUNTED ASKED. Each time a PIN is asked for, the number of lines that
 * the file COUNTED has by then goes to the file ASKED. Each answer ends with a line "done", or
 * "failed" and the exceptions. The commands are the methods below {@link #run}.
 */
public final class CardShell {
    private final String provider;
    private final Path counted;
    private final Path asked;
    private char[] pin = {};
    private KeyStore store;
    private Signature signature;

    private CardShell(String provider, Path counted, Path asked) {
        this.provider = provider;
        this.counted = counted;
        this.asked = asked;
    }

    public static void main(String[] args) throws IOException {
        CardShell shell = new CardShell(args[0], Path.of(args[1]), Path.of(args[2]));
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); !"quit".equals(line); line = in.readLine()) {
            try {
                shell.run(line.split(" "));
                System.out.println("done");
            } catch (Exception e) {
                System.out.println("failed " + chain(e));
            }
            System.out.flush();
        }
    }

    /** An exception and its causes, in one line. */
    private static String chain(Throwable e) {
        StringBuilder text = new StringBuilder(e.toString());
        for (Throwable cause = e.getCause(); cause != null; cause = cause.getCause()) {
            text.append(" <- ").append(cause);
        }
        return text.toString().replace('\n', ' ');
    }

    private void run(String[] words) throws Exception {
        switch (words[0]) {
            case "pin" -> pin = words[1].toCharArray();
            case "configure" -> configure(words[1]);
            case "look" -> look();
            case "load" -> load();
            case "get" -> get(words[1], Integer.parseInt(words[2]), words[3], words[4]);
            case "init" -> init(words[1]);
            case "update" -> signature.update(Files.readAllBytes(Path.of(words[1])));
            case "sign" -> Files.write(Path.of(words[1]), signature.sign());
            case "drop" -> drop();
            case "path" -> path(words[1], words[2], words[3]);
            case "logout" -> ((AuthProvider) token()).logout();
            default -> throw new IllegalArgumentException(words[0]);
        }
    }

    private Provider token() {
        return Security.getProvider(provider);
    }

    /** The holder types the PIN. */
    private void ask(Callback[] callbacks) throws IOException {
        for (Callback callback : callbacks) {
            if (callback instanceof PasswordCallback question) {
                long lines;
                try (var all = Files.lines(counted)) {
                    lines = all.count();
                }
                Files.writeString(asked, lines + "\n", StandardOpenOption.APPEND);
                question.setPassword(pin);
            }
        }
    }

    /** Adds the token's provider, for a program whose list of providers lacks it. */
    private static void configure(String file) {
        Security.addProvider(Security.getProvider("SunPKCS11").configure(file));
    }

    /** The key store of the token, without a PIN. */
    private void look() throws Exception {
        KeyStore.getInstance("PKCS11", token()).load(null, null);
    }

    /** The key store of the token, anew. */
    private void load() throws Exception {
        signature = null;
        store = KeyStore.Builder.newInstance("PKCS11", token(),
                new KeyStore.CallbackHandlerProtection(this::ask)).getKeyStore();
        for (String alias : Collections.list(store.aliases())) {
            System.out.println(alias + ": " + store.getCertificateChain(alias).length
                    + " certificates, key: " + store.isKeyEntry(alias));
        }
    }

    /**
     * A page of the server at this port, by this version of TLS ("TLS": what Java takes by itself).
     * The server's CA is in a file; kind is "PKIX", or "default" for the usual kind of key manager.
     */
    private void get(String version, int port, String ca, String kind) throws Exception {
        KeyManagerFactory keys = KeyManagerFactory.getInstance(
                kind.equals("default") ? KeyManagerFactory.getDefaultAlgorithm() : kind);
        keys.init(store, null);
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(trusted(ca));
        SSLContext context = SSLContext.getInstance(version);
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
        try (SSLSocket socket = (SSLSocket) context.getSocketFactory()
                .createSocket(new Socket("127.0.0.1", port), "localhost", port, true)) {
            if (!version.equals("TLS")) {
                socket.setEnabledProtocols(new String[] {version});
            }
            var parameters = socket.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            socket.setSSLParameters(parameters);
            socket.getOutputStream().write("GET / HTTP/1.0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            System.out.write(socket.getInputStream().readAllBytes());
            System.out.println();
        }
    }

    private static KeyStore trusted(String file) throws Exception {
        KeyStore trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, null);
        try (InputStream in = new FileInputStream(file)) {
            trusted.setCertificateEntry("ca", certificate(in));
        }
        return trusted;
    }

    private static Certificate certificate(InputStream in) throws Exception {
        return CertificateFactory.getInstance("X.509").generateCertificate(in);
    }

    /** Is the certificate in a file one of this CA? With critical policies "rejected" or "accepted". */
    private static void path(String file, String ca, String policies) throws Exception {
        PKIXParameters parameters = new PKIXParameters(trusted(ca));
        parameters.setRevocationEnabled(false);
        parameters.setPolicyQualifiersRejected(policies.equals("rejected"));
        try (InputStream in = new FileInputStream(file)) {
            CertPathValidator.getInstance("PKIX").validate(
                    CertificateFactory.getInstance("X.509")
                            .generateCertPath(List.of(certificate(in))), parameters);
        }
    }

    /** Begins a signature with the only key; one that was begun before is given up. */
    private void init(String algorithm) throws Exception {
        PrivateKey key = (PrivateKey) store.getKey(store.aliases().nextElement(), null);
        if (signature == null || !signature.getAlgorithm().equals(algorithm)) {
            signature = Signature.getInstance(algorithm, token());
        }
        if (algorithm.equals("RSASSA-PSS")) {
            signature.setParameter(new PSSParameterSpec("SHA-256", "MGF1",
                    MGF1ParameterSpec.SHA256, 32, 1));
        }
        signature.initSign(key);
    }

    /** Forgets a signature that was begun, as a program does that lets go of it. */
    private void drop() {
        signature = null;
        System.gc();
    }
}
