import { readSettings, SettingsError, type Settings } from './config/settings.js';
import { startController, type RunningController } from './start.js';

/** How long the controller may take to end before it is ended. */
const LONGEST_STOP_MS = 15_000;

/** The program: start, and on SIGTERM or SIGINT end what is under way and leave. */
export async function run(): Promise<void> {
  const settings = settingsOrExit();
  let controller: RunningController;
  try {
    controller = await startController(settings);
  } catch (err) {
    process.stderr.write(`spillway controller: ${(err as Error).stack ?? String(err)}\n`);
    process.exit(1);
  }
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    stopping = true;
    controller.logger.info({ signal }, 'stopping');
    setTimeout(() => process.exit(1), LONGEST_STOP_MS).unref();
    controller.close().then(
      () => process.exit(0),
      (err: unknown) => {
        controller.logger.error({ err }, 'could not stop in order');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

function settingsOrExit(): Settings {
  try {
    return readSettings(process.env);
  } catch (err) {
    if (!(err instanceof SettingsError)) throw err;
    process.stderr.write(`spillway controller: ${err.message}\n`);
    return process.exit(2);
  }
}
