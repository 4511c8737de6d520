import { check, equal, runCases, type Case } from './suite/cases.js';
import { transportHere } from './suite/transport.js';
import { warm } from './warm.js';

const transport = await transportHere();

const cases: Case[] = [
  {
    name: 'serves so many requests to itself and leaves nothing behind',
    async run() {
      const first = await warm(transport, { requests: 3000, milliseconds: 30_000 });
      check(first.requests >= 3000, `${first.requests} requests`);
      equal(transport.queuedBytes(), 0, 'queued bytes');
    },
  },
  {
    name: 'stops in time',
    async run() {
      const { requests, milliseconds } = await warm(transport, { requests: 1e9, milliseconds: 100 });
      check(
        requests > 0 && requests < 1e6 && milliseconds < 5000,
        `${requests} requests in ${milliseconds} ms`,
      );
    },
  },
];

await runCases(cases);
