// Clients of POST /v1/events: undici's fetch (Node's own) and axios. Each is a function (url, tls) that gives a function of a batch's events.
const { readFileSync } = require("node:fs");
const https = require("node:https");
const { gzipSync } = require("node:zlib");

const ndjson = (events) => events.map((event) => JSON.stringify(event) + "\n").join("");

function withFetch(url, files) {
    const { Agent, fetch } = require("undici");
    const [ca, cert, key] = files.map((file) => readFileSync(file));
    // docs/clients.md: fetch
    const dispatcher = new Agent({ connect: { ca, cert, key } });

    async function post(events) {
        const headers = { "Content-Type": "application/x-ndjson", "Content-Encoding": "gzip" };
        const reply = await fetch(`${url}/v1/events`, { method: "POST", body: gzipSync(ndjson(events)), headers, dispatcher });
        if (!reply.ok) throw new Error(`${reply.status}: ${await reply.text()}`);
        return reply.json();
    }
    // end
    return post;
}

function withAxios(url, files) {
    const { default: axios } = require("axios");
    const [ca, cert, key] = files.map((file) => readFileSync(file));
    // docs/clients.md: axios
    const client = axios.create({ baseURL: url, httpsAgent: new https.Agent({ ca, cert, key, keepAlive: true }), timeout: 60000 });

    async function post(events) {
        const reply = await client.post("/v1/events", events, { headers: { "Content-Type": "application/json" } });
        return reply.data;
    }
    // end
    return post;
}

module.exports = { fetch: withFetch, axios: withAxios };
