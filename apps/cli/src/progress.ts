import type { Client, Json } from './client.js';
import { CliError, EXIT } from './errors.js';
import { text } from './text.js';

const ENDED = new Set(['succeeded', 'failed', 'cancelled']);

/** Follows an operation to its end, telling each new state on stderr; a failed or cancelled one is an error. */
export async function follow(
  client: Client,
  uuid: string,
  options: { timeout: number; quiet: boolean },
): Promise<Json> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), options.timeout * 1000);
  let last = '';
  let operation: Json = {};
  try {
    for await (const { data } of client.events(`/api/operation/${uuid}/watch`, abort.signal)) {
      if (data === '') continue;
      operation = JSON.parse(data) as Json;
      const line = describe(operation);
      if (!options.quiet && line !== last) console.error(line);
      last = line;
      if (ENDED.has(String(operation['state']))) break;
    }
  } catch (error) {
    if (abort.signal.aborted)
      throw new CliError(
        `operation ${uuid} has not ended after ${options.timeout} s and goes on; last: ${last.split('\n')[0]?.trim()}`,
        EXIT.timeout,
      );
    throw error;
  } finally {
    clearTimeout(timer);
  }
  if (!ENDED.has(String(operation['state']))) operation = await client.get(`/api/operation/${uuid}`);
  if (operation['state'] !== 'succeeded')
    throw new CliError(
      `operation ${uuid} ${String(operation['state'])}: ${String(operation['error'] || operation['text'])}`,
    );
  return operation;
}

function describe(o: Json): string {
  const progress = text(o['progress'] ?? 0).padStart(3);
  return `${progress}%  ${text(o['step']).padEnd(16)} ${text(o['text'] ?? o['state'])}${howToAnswer(o)}`;
}

/** The line to type for an operation that asks. */
function howToAnswer(o: Json): string {
  const question = o['question'] as { fields?: { name: string; text: string }[] } | undefined;
  const field = question?.fields?.[0];
  if (o['state'] !== 'waiting' || field === undefined) return '';
  return `\n      spillway operations answer ${text(o['uuid'])} '{"${field.name}": "..."}'   (${field.text})`;
}
