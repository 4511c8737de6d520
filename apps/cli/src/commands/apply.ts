import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import type { Client, Json } from '../client.js';
import { inReferenceOrder, isCurrent, parseManifests, type Manifest } from '../manifest.js';
import { find, uuidOf } from '../resolve.js';
import { clientOf, readStdin } from './shared.js';

export function apply(): Command {
  return new Command('apply')
    .description('create or change objects so that they are as the files say')
    .requiredOption('-f, --filename <files...>', 'YAML or JSON files; - for standard input')
    .option('--delete', 'delete the objects of the files instead, in reverse order')
    .action(async (options: { filename: string[]; delete?: boolean }, command: Command) => {
      const client = clientOf(command);
      const manifests: Manifest[] = [];
      for (const file of options.filename)
        manifests.push(
          ...parseManifests(file === '-' ? await readStdin() : readFileSync(file, 'utf8'), file),
        );
      const ordered = inReferenceOrder(manifests);
      for (const m of options.delete === true ? ordered.toReversed() : ordered)
        console.log(
          `${m.kind} ${m.name} ${options.delete === true ? await removeOne(client, m) : await applyOne(client, m)}`,
        );
    });
}

async function applyOne(client: Client, m: Manifest): Promise<string> {
  const existing = await find(client, m.kind, m.name);
  if (existing === undefined) {
    await client.post(`/api/${m.kind}`, m.spec);
    return 'created';
  }
  const current: Json = await client.get(
    `/api/${m.kind}/${uuidOf(existing)}?include_name=true&skip_default=true`,
  );
  if (isCurrent(m.spec, existing, current)) return 'unchanged';
  await client.put(`/api/${m.kind}/${uuidOf(existing)}`, m.spec);
  return 'configured';
}

async function removeOne(client: Client, m: Manifest): Promise<string> {
  const existing = await find(client, m.kind, m.name);
  if (existing === undefined) return 'not found';
  await client.delete(`/api/${m.kind}/${uuidOf(existing)}`);
  return 'deleted';
}
