<?php
// Checks the signature of a webhook: HMAC with PHP itself, Ed25519 with its extension `sodium`.

declare(strict_types=1);

const TOLERANCE = 5 * 60; // seconds that the clocks may be apart, and that a request may be under way

/** The request must not be believed; answer 401. */
class Refused extends Exception {}

/**
 * Returns if one of the signatures is made with one of the keys, `whsec_…` or `whpk_…`, and the request is recent. `$headers` has names in
 * lower case. `$body` is what was received, byte for byte: `file_get_contents('php://input')`.
 */
function verify(array $headers, string $body, array $keys, int $now): void
{
    [$id, $timestamp, $signatures] = array_map(fn($name) => $headers["webhook-$name"] ?? '', ['id', 'timestamp', 'signature']);
    if ($id === '' || $timestamp === '' || $signatures === '') {
        throw new Refused('a header is missing');
    }
    if (!ctype_digit($timestamp) || abs($now - (int) $timestamp) > TOLERANCE) {
        throw new Refused('too old, or the clocks differ');
    }
    $signed = "$id.$timestamp.$body";
    foreach (explode(' ', $signatures) as $signature) {
        [$version, $encoded] = explode(',', $signature, 2) + ['', ''];
        $seen = base64_decode($encoded, true);
        foreach ($keys as $key) {
            if ($seen !== false && holds($version, $seen, $signed, $key)) {
                return;
            }
        }
    }
    throw new Refused('no signature fits');
}

function holds(string $version, string $seen, string $signed, string $key): bool
{
    [$prefix, $encoded] = explode('_', $key, 2);
    $material = base64_decode($encoded, true);
    if ($version === 'v1' && $prefix === 'whsec') {
        return hash_equals(hash_hmac('sha256', $signed, $material, true), $seen);
    }
    if ($version === 'v1a' && $prefix === 'whpk' && strlen($seen) === SODIUM_CRYPTO_SIGN_BYTES) {
        return sodium_crypto_sign_verify_detached($seen, $signed, $material);
    }
    return false;
}

// Reads a request a line: id, timestamp, signatures, body in base64, keys, and the time now, separated by tabs.
while (($line = fgets(STDIN)) !== false) {
    [$id, $timestamp, $signatures, $body, $keys, $now] = explode("\t", rtrim($line, "\n"));
    $headers = ['webhook-id' => $id, 'webhook-timestamp' => $timestamp, 'webhook-signature' => $signatures];
    try {
        verify($headers, base64_decode($body), explode(' ', $keys), (int) $now);
        echo "ok\n";
    } catch (Refused $why) {
        echo "refused: {$why->getMessage()}\n";
    }
}
