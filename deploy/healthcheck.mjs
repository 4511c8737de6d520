// Ends with 0 when the endpoint answers 200 within two seconds. Runs on Node and on Bun.
// usage: healthcheck.mjs URL | healthcheck.mjs --metrics-of supervisor.json
import { readFileSync } from 'node:fs';
import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';

const [first, file] = process.argv.slice(2);
const url = new URL(first === '--metrics-of' ? JSON.parse(readFileSync(file, 'utf8')).metrics : first);
// The certificate names the host that clients use, not this loopback address: what is asked is only "does it answer".
const options = { timeout: 2000, rejectUnauthorized: false };
const request = (url.protocol === 'https:' ? getHttps : getHttp)(url, options, (reply) => {
  reply.resume();
  process.exit(reply.statusCode === 200 ? 0 : 1);
});
request.on('timeout', () => process.exit(1));
request.on('error', () => process.exit(1));
