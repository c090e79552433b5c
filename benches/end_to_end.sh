#!/bin/sh
# Measures saves from the API to a receiver on this machine: load -> webhookc -> sink, and in turn load -> pipeline -> sink, where `pipeline`
# is the least that a durable sender must do. One line of JSON a run; compare by ratios between neighbouring lines.
#
# usage: benches/end_to_end.sh PROGRAMS E2E [SAVES [CONNECTIONS [RATE]]]
#   PROGRAMS  folder with the programs `load`, `sink` and `pipeline`
#   E2E       folder with `e2e.py` and `save.json.tmpl`
# environment: WEBHOOKC (target/release/webhookc), RUNS (3)
set -eu
programs=$1 e2e=$2 saves=${3:-20000} connections=${4:-64} rate=${5:-}
binary=${WEBHOOKC:-$(dirname "$0")/../target/release/webhookc}
binary=$(realpath "$binary")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat > "$folder/schema.xml" <<'X'
<data-model>
    <model name="asset" label="Asset">
        <field name="ts_ns" label="Time" type="integer" />
        <field name="name" label="Name" type="text" />
        <field name="serial_number" label="Serial number" type="text" />
        <field name="make" label="Make" type="text" />
        <field name="kind" label="Kind" type="text" />
        <field name="status" label="Status" type="text" />
        <field name="notes" label="Notes" type="text" />
        <field name="latitude" label="Latitude" type="number" />
        <field name="longitude" label="Longitude" type="number" />
        <field name="room" label="Room" type="text" />
        <field name="active" label="Active" type="boolean" />
        <field name="count" label="Count" type="integer" />
        <display>{name}</display>
        <webhook type="update" name="asset_saved"><field name="name" /></webhook>
    </model>
</data-model>
X
cat > "$folder/webhookc.toml" <<'X'
[listen]
address = "127.0.0.1:7391"
[egress]
allow_networks = ["127.0.0.0/8"]
[[endpoints]]
name = "receiver"
events = "*"
url = "http://127.0.0.1:9999/hook"
concurrency = 64
X
cat > "$folder/save.json" <<'X'
{"ts_ns":{ts_ns},"name":"Pump {seq}","serial_number":"SN-{seq}","make":"Acme","kind":"X200","status":"in service","notes":"{pad:600}","latitude":-33.918861,"longitude":18.4233,"room":"Room {mod:997}","active":true,"count":{seq}}
X

measure() {
    label=$1 process=$2
    shift 2
    python3 "$e2e/e2e.py" --bin "$programs" --label "$label" -n "$saves" --timeout 120 --watch "$label=$process" "$@" \
        -c "$connections" ${rate:+--rate "$rate"} || true
    kill "$process"
    wait "$process" || true
}

for run in $(seq "${RUNS:-3}"); do
    cd "$folder"
    rm -f webhookc.db*
    "$binary" serve > log 2>&1 &
    until curl -fs -o /dev/null http://127.0.0.1:7391/readyz; do kill -0 $! || { cat log; exit 1; }; sleep 0.1; done
    measure webhookc $! --url "http://127.0.0.1:7391/api/v1/tenants/default/objects/asset/{id}" \
        --sink-args "--id-field id --ts-field ts_ns" -- --method PUT --template save.json
    echo "store: $(($(stat -c %s webhookc.db) / saves)) bytes a save"

    "$programs/pipeline" --port 8091 --sink 9999 --dir "$folder/pipeline" &
    sleep 0.5
    measure pipeline $! --url http://127.0.0.1:8091/ -- --template "$e2e/save.json.tmpl"
done
