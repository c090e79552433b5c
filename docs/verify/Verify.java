// Checks the signature of a webhook, HMAC or Ed25519, with nothing but Java 17.

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Scanner;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public class Verify {
    /** Seconds that the clocks may be apart, and that a request may be under way. */
    static final long TOLERANCE = 5 * 60;
    /** What stands before an Ed25519 public key in the encoding that Java reads (RFC 8410). */
    static final byte[] ED25519 = HexFormat.of().parseHex("302a300506032b6570032100");

    /** The request must not be believed; answer 401. */
    static class Refused extends Exception {
        Refused(String why) {
            super(why);
        }
    }

    /**
     * Returns if one of the signatures is made with one of the keys, `whsec_…` or `whpk_…`, and the request is recent. `headers` has names
     * in lower case. `body` is what was received, byte for byte, before anything parses it.
     */
    static void verify(Map<String, String> headers, byte[] body, List<String> keys, long now) throws Refused, GeneralSecurityException {
        String id = headers.getOrDefault("webhook-id", "");
        String timestamp = headers.getOrDefault("webhook-timestamp", "");
        String signatures = headers.getOrDefault("webhook-signature", "");
        if (id.isEmpty() || timestamp.isEmpty() || signatures.isEmpty()) {
            throw new Refused("a header is missing");
        }
        if (!timestamp.matches("[0-9]{1,18}") || Math.abs(now - Long.parseLong(timestamp)) > TOLERANCE) {
            throw new Refused("too old, or the clocks differ");
        }
        ByteArrayOutputStream signed = new ByteArrayOutputStream();
        signed.writeBytes((id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8));
        signed.writeBytes(body);
        for (String signature : signatures.split(" ")) {
            String[] parts = signature.split(",", 2);
            for (String key : keys) {
                if (parts.length == 2 && holds(parts[0], parts[1], signed.toByteArray(), key)) {
                    return;
                }
            }
        }
        throw new Refused("no signature fits");
    }

    static boolean holds(String version, String encoded, byte[] signed, String key) throws GeneralSecurityException {
        byte[] seen;
        try {
            seen = Base64.getDecoder().decode(encoded);
        } catch (IllegalArgumentException notBase64) {
            return false;
        }
        byte[] material = Base64.getDecoder().decode(key.substring(key.indexOf('_') + 1));
        if (version.equals("v1") && key.startsWith("whsec_")) {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(material, "HmacSHA256"));
            return MessageDigest.isEqual(seen, mac.doFinal(signed));
        }
        if (version.equals("v1a") && key.startsWith("whpk_") && seen.length == 64) {
            ByteArrayOutputStream encodedKey = new ByteArrayOutputStream();
            encodedKey.writeBytes(ED25519);
            encodedKey.writeBytes(material);
            Signature signature = Signature.getInstance("Ed25519");
            signature.initVerify(KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(encodedKey.toByteArray())));
            signature.update(signed);
            return signature.verify(seen);
        }
        return false;
    }

    /** Reads a request a line: id, timestamp, signatures, body in base64, keys, and the time now, separated by tabs. */
    public static void main(String[] arguments) throws GeneralSecurityException {
        Scanner lines = new Scanner(System.in, StandardCharsets.UTF_8);
        while (lines.hasNextLine()) {
            String[] part = lines.nextLine().split("\t");
            Map<String, String> headers = Map.of("webhook-id", part[0], "webhook-timestamp", part[1], "webhook-signature", part[2]);
            try {
                verify(headers, Base64.getDecoder().decode(part[3]), List.of(part[4].split(" ")), Long.parseLong(part[5]));
                System.out.println("ok");
            } catch (Refused why) {
                System.out.println("refused: " + why.getMessage());
            }
        }
    }
}
