import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Output } from './output.js';

const GENERATED = 'libs/protocol/src/generated';

/** gRPC types and services of every .proto file (ts-proto), and their descriptors for server reflection. */
export function generateProtocol(root: string): Output {
  const scratch = mkdtempSync(join(tmpdir(), 'spillway-protocol-'));
  try {
    const proto = join(root, 'proto');
    const template = join(scratch, 'buf.gen.yaml');
    const original = readFileSync(join(proto, 'buf.gen.yaml'), 'utf8');
    writeFileSync(
      template,
      original.replaceAll(`../${GENERATED}`, join(scratch, 'out')).replaceAll('../libs', join(root, 'libs')),
    );
    buf(root, ['lint']);
    buf(root, ['generate', '--template', template]);
    buf(root, ['build', '--exclude-source-info', '-o', join(scratch, 'descriptors.binpb')]);
    const files = globSync('**/*.ts', { cwd: join(scratch, 'out') }).sort();
    return new Map([
      ...files.map((f): [string, string] => [
        `${GENERATED}/${f}`,
        readFileSync(join(scratch, 'out', f), 'utf8'),
      ]),
      [`${GENERATED}/descriptors.ts`, descriptorModule(readFileSync(join(scratch, 'descriptors.binpb')))],
    ]);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The directories that hold nothing but what `generateProtocol` makes. */
export const ownedByProtocol = (output: Output): string[] =>
  [...new Set([...output.keys()].map((path) => dirname(path)))].filter((path) => path !== GENERATED);

function descriptorModule(set: Buffer): string {
  return `// Generated from proto/ by tools/codegen. Do not edit.
/** A google.protobuf.FileDescriptorSet in base64: every file under proto/. */
export const FILE_DESCRIPTOR_SET =
  '${set.toString('base64')}';
`;
}

function buf(root: string, args: readonly string[]): void {
  const run = spawnSync(join(root, 'libs/protocol/node_modules/.bin/buf'), args, {
    cwd: join(root, 'proto'),
    encoding: 'utf8',
  });
  if (run.error !== undefined) throw run.error;
  if (run.status !== 0) throw new Error(`buf ${args[0]} failed:\n${run.stdout}${run.stderr}`);
}
