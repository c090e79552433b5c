// Checks the signature of a webhook, HMAC or Ed25519, with nothing but Node.js.

import { createHmac, createPublicKey, timingSafeEqual, verify as verifySignature } from "node:crypto";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const TOLERANCE = 5 * 60; // seconds that the clocks may be apart, and that a request may be under way

/**
 * Throws unless one of the signatures is made with one of the keys, `whsec_…` or `whpk_…`, and the request is recent; answer 401 then.
 * `headers` has names in lower case. `body` is a Buffer of what was received, byte for byte, before anything parses it:
 * in Express, `express.raw({ type: () => true })`.
 */
export function verify(headers, body, keys, now) {
    const [id, timestamp, signatures] = ["id", "timestamp", "signature"].map((name) => headers[`webhook-${name}`]);
    if (!id || !timestamp || !signatures) {
        throw new Error("a header is missing");
    }
    if (!/^\d+$/.test(timestamp) || Math.abs(now - Number(timestamp)) > TOLERANCE) {
        throw new Error("too old, or the clocks differ");
    }
    const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
    for (const signature of signatures.split(" ")) {
        const [version, encoded] = signature.split(",");
        const seen = Buffer.from(encoded ?? "", "base64");
        if (keys.some((key) => holds(version, seen, signed, key))) {
            return;
        }
    }
    throw new Error("no signature fits");
}

function holds(version, seen, signed, key) {
    const [prefix, encoded] = key.split("_");
    const material = Buffer.from(encoded, "base64");
    if (version === "v1" && prefix === "whsec") {
        const expected = createHmac("sha256", material).update(signed).digest();
        return seen.length === expected.length && timingSafeEqual(seen, expected);
    }
    if (version === "v1a" && prefix === "whpk") {
        const jwk = { kty: "OKP", crv: "Ed25519", x: material.toString("base64url") };
        return verifySignature(null, signed, createPublicKey({ key: jwk, format: "jwk" }), seen);
    }
    return false;
}

// Reads a request a line: id, timestamp, signatures, body in base64, keys, and the time now, separated by tabs.
if (import.meta.url === pathToFileURL(process.argv[1]).href) {
    for (const line of readFileSync(0, "utf8").split("\n").filter(Boolean)) {
        const [id, timestamp, signatures, body, keys, now] = line.split("\t");
        const headers = { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures };
        try {
            verify(headers, Buffer.from(body, "base64"), keys.split(" "), Number(now));
            console.log("ok");
        } catch (why) {
            console.log(`refused: ${why.message}`);
        }
    }
}
