import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '@spillway/testing';

/** One line of a Dockerfile: `COPY`, its flags, and the rest. */
export interface Instruction {
  op: string;
  flags: Record<string, string>;
  text: string;
}

/** What one `FROM` begins. */
export interface Stage {
  name: string;
  base: string;
  instructions: Instruction[];
}

/** deploy/Dockerfile, stage by stage. */
export function readDockerfile(): Stage[] {
  const text = readFileSync(join(repository, 'deploy/Dockerfile'), 'utf8')
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\s*\\\n\s*/g, ' ');
  const stages: Stage[] = [];
  for (const line of text.split('\n').filter((each) => each.trim() !== '')) {
    const [, op = '', rest = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
    if (op === 'FROM') {
      const [, base = '', name = ''] = /^(\S+) AS (\S+)$/.exec(rest) ?? [];
      stages.push({ name, base, instructions: [] });
    } else stages.at(-1)?.instructions.push({ op, ...withoutFlags(rest) });
  }
  return stages;
}

function withoutFlags(text: string): { flags: Record<string, string>; text: string } {
  const flags: Record<string, string> = {};
  let rest = text;
  for (let flag = FLAG.exec(rest); flag; flag = FLAG.exec(rest)) {
    flags[flag[1] ?? ''] = flag[2] ?? '';
    rest = rest.slice(flag[0].length);
  }
  return { flags, text: rest };
}

const FLAG = /^--([a-z-]+)=(\S+)\s+/;

/** What a container of this stage runs and with what. */
export interface ImageConfig {
  environment: Record<string, string>;
  user: string;
  command: string[];
  health: string[] | undefined;
}

export function imageConfig(stage: Stage): ImageConfig {
  const last = (op: string): string | undefined => stage.instructions.findLast((i) => i.op === op)?.text;
  const health = last('HEALTHCHECK');
  return {
    environment: Object.fromEntries(
      stage.instructions
        .filter(({ op }) => op === 'ENV')
        .flatMap(({ text }) => text.split(/\s+/).map((pair) => pair.split('=') as [string, string])),
    ),
    user: last('USER') ?? '0:0',
    command: JSON.parse(last('CMD') ?? '[]') as string[],
    health: health === undefined ? undefined : (JSON.parse(health.replace(/^CMD /, '')) as string[]),
  };
}
