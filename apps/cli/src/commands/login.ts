import { readFileSync } from 'node:fs';
import { stdin, stderr } from 'node:process';
import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import { Client } from '../client.js';
import { saveContext, userContextFile, type Context } from '../context.js';
import { readStdin } from './shared.js';

interface LoginOptions {
  api: string;
  username: string;
  passwordStdin?: boolean;
  ca?: string;
  insecure?: boolean;
  hours: string;
}

export function login(): Command {
  return new Command('login')
    .description('log in to a controller and remember it')
    .requiredOption('--api <url>', 'https://host:port of the controller')
    .option('--username <name>', 'user', 'admin')
    .option('--password-stdin', 'read the password from standard input')
    .option('--ca <file>', "PEM of the CA that signed the controller's certificate")
    .option('--insecure', 'do not verify the certificate (for a first look only)')
    .option('--hours <n>', 'life of the token that is kept instead of the password', '24')
    .action(async (options: LoginOptions) => {
      const context: Context = {
        api: options.api.replace(/\/+$/, ''),
        ca: options.ca === undefined ? undefined : readFileSync(options.ca, 'utf8'),
        insecure: options.insecure,
        username: options.username,
        password: options.passwordStdin === true ? (await readStdin()).trimEnd() : await ask('Password: '),
        file: userContextFile(),
      };
      const client = new Client(context);
      await client.login();
      const { token } = await client.post('/api/user-token', { hours: Number(options.hours) });
      saveContext({ ...context, token: String(token) });
      console.log(`Logged in to ${context.api} as ${context.username}.`);
    });
}

export function logout(): Command {
  return new Command('logout').description('forget the saved login').action(() => {
    saveContext({ api: '', username: '', file: userContextFile() });
    console.log('Logged out.');
  });
}

/** Asks on the terminal without showing what is typed. */
async function ask(prompt: string): Promise<string> {
  const lines = createInterface({ input: stdin, output: stderr, terminal: true });
  stderr.write(prompt);
  // readline echoes through this method; the password must not appear.
  Object.assign(lines, { _writeToOutput: () => undefined });
  try {
    return await lines.question('');
  } finally {
    lines.close();
    stderr.write('\n');
  }
}
