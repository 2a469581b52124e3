#!/usr/bin/env node
// SPDX-License-Identifier: BSL-1.0
//
// Sends heartbeats and messages back to whoever sent them. README.md says more.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { WebSocketServer } from 'ws';

const usage = `Usage: node server.js [OPTION...]

  --port N         listen at this port, 8002 by default; 0 takes a free one
  --host ADDRESS   listen at this address, 127.0.0.1 by default
  --certificate FILE, --key FILE
                   serve wss with this certificate and its key, in PEM
  --echo           send back whatever comes, text and binary
  --deflate        accept compression (permessage-deflate)
  --stdin          send each line of standard input to all clients as it is, and end with it
  --help`;

function readArguments() {
    const { values } = parseArgs({
        options: {
            port: { type: 'string', default: '8002' },
            host: { type: 'string', default: '127.0.0.1' },
            certificate: { type: 'string' },
            key: { type: 'string' },
            echo: { type: 'boolean', default: false },
            deflate: { type: 'boolean', default: false },
            stdin: { type: 'boolean', default: false },
            help: { type: 'boolean', default: false },
        },
    });
    const port = Number(values.port);
    if (!/^\d+$/.test(values.port) || port > 65535) throw new Error('--port takes a number from 0 to 65535');
    if (!values.certificate !== !values.key) throw new Error('--certificate and --key need each other');
    return { ...values, port };
}

// The beginning of a text on a single line.
function shown(text) {
    const line = text.slice(0, 200).replace(/\p{Cc}/gu, ' ');
    return line.length < text.length ? `${line}...` : line;
}

// What is sent back: heartbeats and messages, nothing else. The text itself, since numbers above 2^53 would not survive
// being read and written again. Throws for what is not JSON.
function answerTo(text) {
    const kind = JSON.parse(text)?.ModeCode;
    return kind === 'heart_beat' || kind === 'message' ? text : undefined;
}

let connections = 0;

function serve(client, request, echo) {
    const number = ++connections;
    const log = (what) => console.log(`[${number}] ${what}`);
    const { remoteAddress, remotePort } = request.socket;
    log(`connection from ${remoteAddress} port ${remotePort}`);

    client.on('message', (data, isBinary) => {
        if (echo) return client.send(data, { binary: isBinary });
        if (isBinary) return log(`message, binary, of ${data.length} bytes`);
        const text = data.toString();
        log(`message ${shown(text)}`);
        try {
            const answer = answerTo(text);
            if (answer !== undefined) client.send(answer);
        } catch (error) {
            log(`error: not JSON: ${error.message}`);
        }
    });
    client.on('error', (error) => log(`error: ${error.message}`));
    client.on('close', (code, reason) => log(`close ${code} ${shown(reason.toString())}`.trimEnd()));
}

function start({ host, port, certificate, key, echo, deflate, stdin }) {
    const secure = certificate && createServer({ cert: readFileSync(certificate), key: readFileSync(key) });
    const server = new WebSocketServer({ perMessageDeflate: deflate, ...(secure ? { server: secure } : { host, port }) });
    secure?.listen(port, host);

    server.on('listening', () => {
        const { address, family, port: taken } = server.address();
        console.log(`listening on ${secure ? 'wss' : 'ws'}://${family === 'IPv6' ? `[${address}]` : address}:${taken}`);
    });
    server.on('connection', (client, request) => serve(client, request, echo));
    server.on('error', (error) => {
        console.error(`error: ${error.message}`);
        process.exit(1);
    });

    const lines = stdin ? createInterface({ input: process.stdin }) : undefined;
    lines?.on('line', (line) => {
        for (const client of server.clients) client.send(line);
    });

    // Says goodbye to all clients, and cuts off those that do not answer. Nothing is left to do then, so Node ends.
    let ending = false;
    function end() {
        if (ending) return;
        ending = true;
        server.close();
        secure?.close();
        lines?.close();
        for (const client of server.clients) client.close(1001, 'the server is going away');
        setTimeout(() => server.clients.forEach((client) => client.terminate()), 1000).unref();
    }
    lines?.on('close', end);
    process.once('SIGINT', end);
    process.once('SIGTERM', end);
}

try {
    const settings = readArguments();
    if (settings.help) {
        console.log(usage);
    } else {
        start(settings);
    }
} catch (error) {
    console.error(`${error.message}\n${usage}`);
    process.exitCode = 2;
}
