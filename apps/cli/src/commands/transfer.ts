import { readFileSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { text } from '../text.js';
import { clientOf, readStdin } from './shared.js';

export function exportConfiguration(): Command {
  return new Command('export')
    .description('write all configuration to a file or to standard output')
    .option('-f, --filename <file>', 'file to write')
    .option('--passphrase-file <file>', 'include secrets, sealed with the passphrase in this file')
    .action(async (options: { filename?: string; passphraseFile?: string }, command: Command) => {
      const passphrase =
        options.passphraseFile === undefined
          ? undefined
          : readFileSync(options.passphraseFile, 'utf8').trim();
      const client = clientOf(command);
      const configuration =
        passphrase === undefined
          ? await client.get('/api/configuration/export')
          : await client.post('/api/configuration/export', { passphrase });
      const output = `${JSON.stringify(configuration, null, 2)}\n`;
      if (options.filename === undefined) process.stdout.write(output);
      else writeFileSync(options.filename, output, { mode: 0o600 });
    });
}

export function restoreConfiguration(): Command {
  return new Command('restore')
    .description('load an export into an empty controller')
    .requiredOption('-f, --filename <file>', 'file to read; - for standard input')
    .option('--passphrase-file <file>', 'the passphrase that the secrets were sealed with')
    .action(async (options: { filename: string; passphraseFile?: string }, command: Command) => {
      const source = options.filename === '-' ? await readStdin() : readFileSync(options.filename, 'utf8');
      const passphrase =
        options.passphraseFile === undefined
          ? undefined
          : readFileSync(options.passphraseFile, 'utf8').trim();
      const configuration = JSON.parse(source) as Record<string, unknown>;
      const reply = await clientOf(command).post(
        '/api/configuration/restore',
        passphrase === undefined ? configuration : { ...configuration, passphrase },
      );
      console.log(`restored ${text(reply['objects'])} objects, epoch ${text(reply['epoch'])}`);
    });
}

export function version(): Command {
  return new Command('version')
    .description('versions of this command and of the controller')
    .action(async (_options, command: Command) => {
      const own = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
        version: string;
      };
      console.log(`client      ${own.version}`);
      const { Version } = await clientOf(command).get('/api/cluster/version');
      console.log(`controller  ${String(Version)}`);
    });
}
