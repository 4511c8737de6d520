import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import type { Client, Json } from '../client.js';
import { inReferenceOrder, isCurrent, parseManifests, type Manifest } from '../manifest.js';
import { parseFormat, printRows } from '../output/print.js';
import { find, uuidOf } from '../resolve.js';
import { text } from '../text.js';
import { clientOf, readStdin, type GlobalOptions } from './shared.js';

export function apply(): Command {
  return new Command('apply')
    .description('create or change objects so that they are as the files say')
    .requiredOption('-f, --filename <files...>', 'YAML or JSON files; - for standard input')
    .option('--delete', 'delete the objects of the files instead, in reverse order')
    .action(async (options: { filename: string[]; delete?: boolean }, command: Command) => {
      if (options.delete === true) return removeFiles(options.filename, command);
      const client = clientOf(command);
      await tellEach(await manifestsOf(options.filename), command, (m) => applyOne(client, m));
    });
}

/** Deletes the objects of files, those first that refer to others. */
export async function removeFiles(files: readonly string[], command: Command): Promise<void> {
  const client = clientOf(command);
  await tellEach((await manifestsOf(files)).toReversed(), command, (m) => removeOne(client, m));
}

/** Everything in the files, in the order in which it can be created. */
async function manifestsOf(files: readonly string[]): Promise<Manifest[]> {
  const manifests: Manifest[] = [];
  for (const file of files)
    manifests.push(...parseManifests(file === '-' ? await readStdin() : readFileSync(file, 'utf8'), file));
  return inReferenceOrder(manifests);
}

/** A line for each object as it is done, or all results together where the output is for a program. */
async function tellEach(
  manifests: readonly Manifest[],
  command: Command,
  act: (m: Manifest) => Promise<string>,
): Promise<void> {
  const format = parseFormat(command.optsWithGlobals<GlobalOptions>().output);
  const results: Json[] = [];
  for (const m of manifests) {
    const result = await act(m);
    if (format === 'table') console.log(`${m.kind} ${m.name} ${result}`);
    results.push({ kind: m.kind, name: m.name, result });
  }
  if (format !== 'table')
    printRows(results, [{ title: 'NAME', value: (r) => `${text(r['kind'])}/${text(r['name'])}` }], format);
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
