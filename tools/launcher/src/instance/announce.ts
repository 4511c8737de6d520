import path from 'node:path';
import type { InstanceDirectory } from './directory.js';
import { defaultDirectory } from './directory.js';
import { initialPassword, username } from './session.js';
import type { Running } from './start.js';
import { sampleName } from '../sample/objects.js';

/** A path below the working directory is shorter to type from there. */
function shorter(directory: string): string {
  const relative = path.relative(process.cwd(), directory);
  return relative.startsWith('..') ? directory : relative || '.';
}

/** What to open and what to type next. */
export function announcement(
  directory: InstanceDirectory,
  { controller, sample, plan, notes }: Running,
): string {
  const option = directory.path === defaultDirectory ? '' : ` --dir ${shorter(directory.path)}`;
  const login = initialPassword(directory)
    ? `user ${username}, password in ${directory.file('controller/initial-password')}`
    : `user ${username}, with the password that you gave it`;
  const lines = [
    `Spillway is up: 1 controller, ${plan.serviceEngines.length} service engines (${plan.workers} worker${plan.workers === 1 ? '' : 's'} each).`,
    '',
    `  API      ${controller.api}   (${login})`,
  ];
  if (sample) lines.push(`  Sample   http://${sample.address}:${sample.port}/`);
  lines.push('', 'Next:');
  if (sample)
    lines.push(
      `  curl http://${sample.address}:${sample.port}/`,
      `  ./spillway get virtualservice${option}`,
      `  ./spillway scaleout ${sampleName} --wait${option}`,
    );
  lines.push(
    `  ./spillway get serviceengine${option}`,
    `  ./spillway status${option}`,
    `  ./spillway down${option}`,
  );
  for (const note of notes) lines.push('', `Note: ${note}`);
  return lines.join('\n');
}
