// Verifies a request as a receiver in another language would, with nothing but what its owner was told: reads a JSON object from
// standard input, prints one line a check, `ok NAME` or `bad NAME`. Standard Webhooks (`v1`, `v1a`) and the `journey` profile.

import { createHmac, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

const { headers, body, secrets, strangers, publicKey, keys } = JSON.parse(readFileSync(0, "utf8"));
const bytes = Buffer.from(body, "base64");
const check = (name, good) => console.log(`${good ? "ok" : "bad"} ${name}`);

const content = (payload) => Buffer.concat([Buffer.from(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.`), payload]);
const signatures = headers["webhook-signature"].split(" ").map((signature) => signature.split(","));
const of = (version) => signatures.filter(([seen]) => seen === version).map(([, signature]) => signature);

const hmac = (secret, payload) =>
    createHmac("sha256", Buffer.from(secret.replace("whsec_", ""), "base64")).update(content(payload)).digest("base64");
const forged = Buffer.concat([bytes, Buffer.from(" ")]);
secrets.forEach((secret, index) => {
    check(`v1 of secret ${index}`, of("v1").includes(hmac(secret, bytes)) && !of("v1").includes(hmac(secret, forged)));
});
strangers.forEach((secret, index) => check(`no v1 of stranger ${index}`, !of("v1").includes(hmac(secret, bytes))));
check("one v1 a secret", of("v1").length === secrets.length);

if (publicKey) {
    const x = Buffer.from(publicKey.replace("whpk_", ""), "base64").toString("base64url");
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
    const good = (payload) => of("v1a").some((signature) => verify(null, content(payload), key, Buffer.from(signature, "base64")));
    check("v1a by the public key", good(bytes) && !good(forged));
    check("the public key is published", keys.some((known) => known.kty === "OKP" && known.x === x));
}

const rsa = keys.find((known) => known.kid === headers["x-journey-signature-rsa-sha256-key-id"]);
if (rsa) {
    const key = createPublicKey({ key: rsa, format: "jwk" });
    const signature = Buffer.from(headers["x-journey-signature-rsa-sha256"], "base64");
    check("rsa by the published key", verify("sha256", bytes, key, signature) && !verify("sha256", forged, key, signature));
    const secret = Buffer.from(secrets[0].replace("whsec_", ""), "base64");
    check("hmac of the body", createHmac("sha256", secret).update(bytes).digest("hex") === headers["x-journey-signature"]);
}
