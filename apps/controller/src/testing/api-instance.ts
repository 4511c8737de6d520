import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readSettings, type Settings } from '../config/settings.js';
import { startController, type RunningController } from '../start.js';
import { ApiSession } from './api-session.js';
import { testDatabase } from './database.js';

export const ADMIN_PASSWORD = 'correct horse battery';

/** A whole controller on free ports, with a database and a directory of its own. */
export interface ApiInstance {
  readonly running: RunningController;
  readonly settings: Settings;
  /** PEM of its CA. */
  readonly ca: string;
  /** A client without a session. */
  client(): ApiSession;
  /** A client that is logged in as admin. */
  admin(): Promise<ApiSession>;
  /** The same controller started anew over the same database and directory. */
  restart(): Promise<ApiInstance>;
  close(): Promise<void>;
}

export async function startApiInstance(extra: Readonly<Record<string, string>> = {}): Promise<ApiInstance> {
  const database = await testDatabase();
  const directory = mkdtempSync(path.join(tmpdir(), 'spillway-controller-'));
  const settings = readSettings({
    DATABASE_URL: await database.fresh(),
    SPILLWAY_DIR: path.join(directory, 'controller'),
    SPILLWAY_API_LISTEN: '127.0.0.1:0',
    SPILLWAY_GRPC_LISTEN: '127.0.0.1:0',
    SPILLWAY_STATUS_LISTEN: '127.0.0.1:0',
    SPILLWAY_ADMIN_PASSWORD: ADMIN_PASSWORD,
    SPILLWAY_FENCE_DIR: path.join(directory, 'fence'),
    SPILLWAY_LOG_LEVEL: process.env['SPILLWAY_LOG_LEVEL'] ?? 'silent',
    ...(process.env['REDIS_URL'] === undefined ? {} : { REDIS_URL: process.env['REDIS_URL'] }),
    ...extra,
  });
  let running = await startController(settings);
  const cleanUp = async (): Promise<void> => {
    await running.close();
    await database.stop();
    rmSync(directory, { recursive: true, force: true });
  };
  return describe(running, settings, {
    cleanUp,
    restart: async () => {
      await running.close();
      running = await startController(settings);
      return running;
    },
  });
}

interface Handles {
  cleanUp(): Promise<void>;
  restart(): Promise<RunningController>;
}

function describe(running: RunningController, settings: Settings, handles: Handles): ApiInstance {
  const ca = readFileSync(path.join(settings.dir, 'ca.pem'), 'utf8');
  return {
    running,
    settings,
    ca,
    client: () => new ApiSession(running.api, ca),
    admin: async () => {
      const session = new ApiSession(running.api, ca);
      await session.login('admin', ADMIN_PASSWORD);
      return session;
    },
    restart: async () => describe(await handles.restart(), settings, handles),
    close: () => handles.cleanUp(),
  };
}
