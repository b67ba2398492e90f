#!/bin/bash
# post.sh CLIENT URL LEDGER [CA CERTIFICATE KEY]: as python/post.py, with command line programs.
set -u
client=$1 url=$2 ledger=$3
tls=()
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

with_curl() {
    [[ -z ${1-} ]] || tls=(--cacert "$1" --cert "$2" --key "$3")
    # docs/clients.md: curl
    curl --silent --show-error --fail-with-body --retry 8 --retry-connrefused "${tls[@]}" --data-binary @events.ndjson.gz \
        --header 'Content-Type: application/x-ndjson' --header 'Content-Encoding: gzip' "$url/v1/events"
    # end
}

with_wget() {
    [[ -z ${1-} ]] || tls=(--ca-certificate="$1" --certificate="$2" --private-key="$3")
    # docs/clients.md: wget
    wget --quiet --content-on-error --output-document=- --tries=8 --waitretry=1 --retry-on-http-error=408,409,429,503 "${tls[@]}" \
        --post-file=events.ndjson.gz --header='Content-Type: application/x-ndjson' --header='Content-Encoding: gzip' "$url/v1/events"
    # end
}

while IFS= read -r line; do
    marker=$(jq -r .marker <<<"$line")
    jq -c '.events[]' <<<"$line" | gzip >"$folder/events.ndjson.gz"
    if report=$(cd "$folder" && "with_$client" "${@:4}" 2>&1); then
        echo "$marker ok"
    else
        echo "$marker error ${report//$'\n'/ }"
    fi
done <"$ledger"
