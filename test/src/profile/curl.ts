import { run } from '@spillway/testing';
import type { World } from '../support/world.js';

export interface CurlResponse {
  status: number;
  /** Names in lower case; several values of one name in their order. */
  fields: Map<string, string[]>;
  body: string;
}

/** A request by curl from where the world's clients are; `args` as on its command line. */
export async function curl(world: World, url: string, ...args: string[]): Promise<CurlResponse> {
  const inNetwork = world.netns ? { netns: world.netns } : {};
  const { stdout } = await run('curl', ['-sS', '-i', '--max-time', '10', ...args, url], inNetwork);
  const blocks = stdout.split('\r\n\r\n');
  // An interim response stands in front of the final one.
  while (/^HTTP\/\S+ 1\d\d/.test(blocks[0] ?? '')) blocks.shift();
  const [head = '', ...rest] = blocks;
  const [line = '', ...lines] = head.split('\r\n');
  const fields = new Map<string, string[]>();
  for (const field of lines) {
    const at = field.indexOf(':');
    const name = field.slice(0, at).toLowerCase();
    fields.set(name, [...(fields.get(name) ?? []), field.slice(at + 1).trim()]);
  }
  return { status: Number(line.split(' ')[1]), fields, body: rest.join('\r\n\r\n') };
}
