import { expect, it } from '@jest/globals';
import type { CloudConnector, SeWish } from './connector.js';

/** A connector under test, and how to look at its cloud from outside. */
export interface ConnectorFixture {
  connector: CloudConnector;
  /** The same cloud, seen by a controller that started anew. */
  anew: () => CloudConnector;
  /** Ends the SE as a crash would, without the connector. */
  crash: (name: string) => Promise<void>;
  /** How many SEs of this name really run. */
  running: (name: string) => Promise<number>;
}

const wish = (n: number): SeWish => ({
  seUuid: `serviceengine-${n}`,
  name: `made-${n}`,
  groupUuid: 'serviceenginegroup-1',
  cloudUuid: 'cloud-1',
});

/** What holds for every connector. Call inside a `describe`. */
export function connectorConforms(fixture: () => ConnectorFixture): void {
  let tokens = 0;
  const token = () => Promise.resolve(`id.secret-${++tokens}.pin`);

  it('creates an SE that runs, and lists it', async () => {
    const { connector, running } = fixture();
    await connector.create(wish(1), token);
    expect(await running('made-1')).toBe(1);
    expect(await connector.list()).toEqual([
      expect.objectContaining({ name: 'made-1', seUuid: 'serviceengine-1', running: true }),
    ]);
  });

  it('creates it once, however often it is asked, also by a controller that started anew', async () => {
    const { connector, anew, running } = fixture();
    await connector.create(wish(1), token);
    await connector.create(wish(1), token);
    await anew().create(wish(1), token);
    expect(await running('made-1')).toBe(1);
    expect(await anew().list()).toHaveLength(1);
  });

  it('starts it again when it ended', async () => {
    const { connector, crash, running } = fixture();
    await connector.create(wish(1), token);
    await crash('made-1');
    expect(await connector.list()).toEqual([expect.objectContaining({ name: 'made-1', running: false })]);
    await connector.create(wish(1), token);
    expect(await running('made-1')).toBe(1);
  });

  it('deletes it, whole, and deleting again succeeds', async () => {
    const { connector, anew, running } = fixture();
    await connector.create(wish(1), token);
    await connector.create(wish(2), token);
    await anew().delete(wish(1));
    expect(await running('made-1')).toBe(0);
    expect((await connector.list()).map((se) => se.name)).toEqual(['made-2']);
    await connector.delete(wish(1));
    await connector.create(wish(1), token);
    expect(await running('made-1')).toBe(1);
  });

  it('leaves alone what another SE holds under the name', async () => {
    const { connector, running } = fixture();
    await connector.create(wish(1), token);
    const other = { ...wish(1), seUuid: 'serviceengine-9' };
    await expect(connector.create(other, token)).rejects.toMatchObject({ name: 'CloudError' });
    await connector.delete(other);
    expect(await running('made-1')).toBe(1);
  });

  it('a failed token leaves nothing that delete does not take away', async () => {
    const { connector, running } = fixture();
    await expect(connector.create(wish(1), () => Promise.reject(new Error('no token')))).rejects.toThrow(
      'no token',
    );
    await connector.delete(wish(1));
    expect(await connector.list()).toEqual([]);
    expect(await running('made-1')).toBe(0);
  });
}
