// post.cjs CLIENT URL LEDGER [CA CERTIFICATE KEY]: as ../python/post.py.
const { readFileSync } = require("node:fs");

const clients = { ...require("./native.cjs"), ...require("./otlp.cjs"), ...require("./cloudevents.cjs"), ...require("./hec.cjs") };
const [client, url, ledger, ...files] = process.argv.slice(2);

async function main() {
    const post = clients[client](url, files);
    for (const line of readFileSync(ledger, "utf8").trimEnd().split("\n")) {
        const { marker, events } = JSON.parse(line);
        try {
            await post(events);
            console.log(marker, "ok");
        } catch (error) {
            console.log(marker, "error", String(error).replaceAll("\n", " "));
        }
    }
    process.exit(0); // with the connections that it keeps
}

main();
