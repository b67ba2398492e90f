// Splunk's JavaScript library, and winston over it. As native.cjs has it; the token is in the environment.
const token = process.env.INTEROP_TOKEN ?? "none";

function withLogger(url) {
    // docs/clients.md: splunk-logging
    const { Logger } = require("splunk-logging");

    const logger = new Logger({ token, url, maxRetries: 8, maxBatchCount: 0 });
    logger.requestOptions.strictSSL = true;
    logger.eventFormatter = (message) => message;

    function post(events) {
        for (const event of events) logger.send({ message: event, metadata: { time: event.time, host: "GW-3" } });
        return new Promise((resolve, reject) => {
            logger.flush((error, reply, body) => (error || body.code !== 0 ? reject(error ?? new Error(body.text)) : resolve()));
        });
    }
    // end
    return post;
}

function withWinston(url) {
    // docs/clients.md: winston-splunk-httplogger
    const winston = require("winston");
    const SplunkStreamEvent = require("winston-splunk-httplogger");

    const transport = new SplunkStreamEvent({ splunk: { token, url, maxRetries: 8, eventFormatter: ({ meta }) => meta.vsoc } });
    const logger = winston.createLogger({ transports: [transport] });
    transport.server.requestOptions.strictSSL = true;
    transport.server.error = (error) => transport.emit("error", error);

    function post(event) {
        return new Promise((resolve, reject) => {
            let refused;
            const note = (error) => (refused = error);
            logger.on("error", note);
            transport.once("logged", () => {
                logger.off("error", note);
                refused ? reject(refused) : resolve();
            });
            logger.error(event.message, { vsoc: event, splunk: { time: event.time, host: "GW-3" } });
        });
    }
    // end
    return async (events) => {
        for (const event of events) await post(event);
    };
}

module.exports = { "splunk-logging": withLogger, "winston-splunk-httplogger": withWinston };
