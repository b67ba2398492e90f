#!/bin/sh
# check_by_hand.sh FOLDER: the root that leaf.bin and proof.tlog-proof of an extracted bundle's record give (RFC 6962 §2.1.1).
digest() { openssl dgst -sha256 -binary | base64; }
node() { { printf '\001'; echo "$1" | base64 -d; echo "$2" | base64 -d; } | digest; }
proof=$1/proof.tlog-proof
at=$(sed -n 's/^index //p' "$proof") last=$(($(sed '1,/^$/d' "$proof" | sed -n 2p) - 1)) root=$(sed '1,/^$/d' "$proof" | sed -n 3p)
hash=$({ printf '\000'; cat "$1/leaf.bin"; } | digest)
path=$(sed -n '/^$/q;3,$p' "$proof")
for other in $path; do
    if [ $((at % 2)) = 1 ] || [ "$at" = "$last" ]; then
        hash=$(node "$other" "$hash")
        while [ $((at % 2)) = 0 ] && [ "$at" != 0 ]; do at=$((at / 2)) last=$((last / 2)); done
    else hash=$(node "$hash" "$other"); fi
    at=$((at / 2)) last=$((last / 2))
done
echo "$hash computed" && echo "$root in the signed head" && [ "$hash" = "$root" ]
