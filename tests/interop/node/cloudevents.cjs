// CloudEvents' JavaScript SDK, binary mode. As native.cjs has it.
const { readFileSync } = require("node:fs");
const https = require("node:https");

function withSdk(url, files) {
    const { default: axios } = require("axios");
    const [ca, cert, key] = files.map((file) => readFileSync(file));
    // docs/clients.md: cloudevents (JavaScript)
    const { CloudEvent, emitterFor } = require("cloudevents");

    const httpsAgent = new https.Agent({ ca, cert, key, keepAlive: true });
    const emit = emitterFor((message) => axios.post(`${url}/v1/events`, message.body, { headers: message.headers, httpsAgent }));

    function post(event) {
        return emit(new CloudEvent({ id: event.id, source: "urn:gateway:GW-3", type: "vsoc.event", data: event }));
    }
    // end
    return async (events) => {
        for (const event of events) await post(event);
    };
}

module.exports = { "cloudevents (JavaScript)": withSdk };
