import { describe, expect, it } from '@jest/globals';
import type { Snapshot } from '@spillway/snapshot';
import fc from 'fast-check';
import type { PeerTopic } from '../peer-news/peer-news.js';
import { KnownServers } from './known-servers.js';

const vs = (uuid: string, pool: string) => ({ uuid, pool_uuid: pool });
const pool = (uuid: string, monitors: string[]) => ({ uuid, health_monitor_uuids: monitors });
const snapshot = {
  virtual_services: [vs('vs-1', 'pool-1'), vs('vs-2', 'pool-2'), vs('vs-3', 'pool-3')],
  pools: [pool('pool-1', ['m']), pool('pool-2', ['m']), pool('pool-3', [])],
} as unknown as Snapshot;

function side(verdicts: readonly { key: string; verdict: string }[]) {
  let topic: PeerTopic | undefined;
  const inherited: (readonly [string, boolean])[] = [];
  const known = new KnownServers(
    { verdicts: () => verdicts, inherit: (all) => void inherited.push(...all) },
    { add: (_name, t) => (topic = t) },
  );
  known.configure(snapshot);
  return { topic: topic!, inherited };
}

describe('what is known of servers', () => {
  it('is told of a virtual service, whole, in items that are small enough', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('up', 'down', 'unknown'), { maxLength: 300 }), (list) => {
        const verdicts = list.map((verdict, i) => ({ key: `pool-${1 + (i % 2)}/10.0.0.${i}:80`, verdict }));
        const from = side(verdicts);
        const to = side([]);
        const items = from.topic.all('vs-1', 0);
        for (const item of items) expect(item.length).toBeLessThanOrEqual(1000);
        to.topic.take('vs-1', items, 'se-2');
        expect(to.inherited).toEqual(
          verdicts
            .filter((v) => v.verdict !== 'unknown' && v.key.startsWith('pool-1/'))
            .map((v) => [v.key, v.verdict === 'up']),
        );
      }),
    );
  });

  it('concerns virtual services with a pool that is checked', () => {
    const { topic } = side([]);
    expect(['vs-1', 'vs-3', 'vs-9'].map((uuid) => topic.concerns(uuid))).toEqual([true, false, false]);
  });

  it('is not believed where it makes no sense, or is of another virtual service', () => {
    const { topic, inherited } = side([]);
    const items = ['+pool-2/10.0.0.1:80\n', 'pool-1/10.0.0.1:80\n', '\n+\n-\n', '\u0000\u00ff'];
    topic.take(
      'vs-1',
      items.map((text) => Buffer.from(text, 'latin1')),
      'se-2',
    );
    topic.take('vs-9', [Buffer.from('+pool-1/10.0.0.1:80\n')], 'se-2');
    expect(inherited).toEqual([]);
  });
});
