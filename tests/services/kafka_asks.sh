# shellcheck shell=bash
# Whether a broker would answer clients, asked as clients ask: requests of Kafka's protocol over bash's own sockets. Sourced by
# `kafka`, which sets ADDRESS (of all brokers), BROKERS (how many belong to the cluster) and RUNNING (how many of them run) first.
# Not here: waiting, which is wait_ready's.

# of_string TEXT: as the protocol has it, in hexadecimal: its length in two bytes, then it.
of_string() { printf '%04x' "${#1}" && printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n'; }

# read_bytes COUNT FD: decimal numbers, one a line.
read_bytes() { timeout 5 head -c "$1" <&"$2" | od -An -v -tu1 -w1 | tr -d ' '; }

# ask PORT API VERSION BODY: prints the answer's bytes behind its correlation id. The body is in hexadecimal. Call it in a
# subshell: a broker that hangs up ends who writes to it.
ask() {
    local fd message size=()
    printf -v message '%04x%04x00000001ffff%s' "$2" "$3" "$4"
    printf -v message '%08x%s' $((${#message} / 2)) "$message"
    { exec {fd}<>"/dev/tcp/$ADDRESS/$1"; } 2>/dev/null || return 1
    # shellcheck disable=SC2001,SC2059 # \x before each two digits; the format is what is sent
    printf "$(sed 's/../\\x&/g' <<<"$message")" >&"$fd"
    mapfile -t size < <(read_bytes 4 "$fd")
    ((${#size[@]} == 4)) || return 1
    read_bytes $((size[0] << 24 | size[1] << 16 | size[2] << 8 | size[3])) "$fd" | tail -n +5
}

# Metadata without topics (API 3, version 5): the answer lists all brokers that run. The port is open earlier than that.
knows_all_brokers() {
    local answer
    mapfile -t answer < <(ask "$1" 3 5 0000000000)
    ((${#answer[@]} > 8 && answer[7] >= RUNNING))
}

# in_step PORT: each partition of all topics (API 3, version 5) has a leader, which has taken back the replicas of all brokers
# that it knows. Where brokers are missing, a partition may wait for one of them. mawk has no bit operations, nor needs it any.
in_step() {
    ask "$1" 3 5 ffffffff00 | awk -v all=$((RUNNING == BROKERS)) '
        function number(count,    value) { value = 0; while (count-- > 0) value = value * 256 + byte[at++]; return value }
        function skip_string(    length_) { length_ = number(2); if (length_ != 65535) at += length_ }
        function list(    count) { count = number(4); at += 4 * count; return count }
        { byte[NR] = $1 }
        END {
            at = 5; bad = NR < 5 # throttle time
            for (brokers = number(4); brokers > 0; brokers--) { at += 4; skip_string(); at += 4; skip_string() }
            skip_string(); at += 4 # cluster, controller
            for (topics = number(4); topics > 0; topics--) {
                at += 2; skip_string(); at += 1
                for (partitions = number(4); partitions > 0; partitions--) {
                    at += 6; leader = number(4); replicas = list(); replicas_in_step = list(); offline = list()
                    if (leader < 2147483648) bad += replicas_in_step + offline < replicas
                    else bad += all
                }
            }
            exit bad > 0
        }'
}

# coordinator PORT KIND KEY: prints the number of the broker that coordinates (API 10, version 1): KIND 0 groups, 1
# transactions. The first who asks makes the brokers create their topic, so this fails a few times.
coordinator() {
    local answer name
    mapfile -t answer < <(ask "$1" 10 1 "$(of_string "$3")0$2")
    ((${#answer[@]} > 8 && answer[4] == 0 && answer[5] == 0)) || return 1
    name=$((answer[6] << 8 | answer[7])) # the text of no error is null or NONE
    ((name != 65535)) || name=0
    printf '%s\n' "${answer[11 + name]}"
}

# begins_transactions PORT: its producer id (API 22, version 0) is that of a client that comes first: the coordinator has
# loaded its topic and written to it.
begins_transactions() {
    local answer
    mapfile -t answer < <(ask "$1" 22 0 "$(of_string services-start)000003e8")
    ((${#answer[@]} > 6 && answer[4] == 0 && answer[5] == 0))
}
