import { Command } from 'commander';
import { text } from '../text.js';
import { clientOf, seconds } from './shared.js';

/** What a service engine that is started by hand enrols with. */
export function enrolmentToken(): Command {
  return new Command('enrolment-token')
    .description('make a one-time token that lets one service engine enrol')
    .option('--name <name>', 'name that the service engine gets; otherwise it brings its own')
    .option('--group <name>', 'service engine group', 'Default-Group')
    .option('--cloud <name>', 'cloud', 'Default-Cloud')
    .option('--ttl <seconds>', 'how long the token can be used', seconds, 3600)
    .action(
      async (options: { name?: string; group: string; cloud: string; ttl: number }, command: Command) => {
        const reply = await clientOf(command).post('/api/se-enrolment/token', {
          name: options.name ?? '',
          se_group_ref: options.group,
          cloud_ref: options.cloud,
          ttl: options.ttl,
        });
        // Alone on standard output, for $(spillway enrolment-token).
        console.log(text(reply['token']));
        console.error(`can be used once, until ${text(reply['expires_at'])}`);
      },
    );
}
