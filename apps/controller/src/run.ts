import { Endpoints, type EndpointMap } from './config/endpoints.js';
import { Lifecycle } from './config/lifecycle.js';
import { readSettings, SettingsError, type Listen, type Settings } from './config/settings.js';
import { startController, type RunningController } from './start.js';

/** How long the controller may take to end before it is ended. */
const LONGEST_STOP_MS = 15_000;

/** The program: start, start anew when asked, and on SIGTERM or SIGINT end what is under way and leave. */
export async function run(): Promise<void> {
  const settings = settingsOrExit();
  let controller = await startOrExit(settings);
  let busy: Promise<void> = Promise.resolve();
  let stopping = false;

  const restart = async (): Promise<void> => {
    if (stopping) return;
    controller.logger.info('starting anew');
    const same = onSamePorts(settings, controller.app.get(Endpoints).all());
    await controller.close();
    controller = await startOrExit(same);
    follow();
  };
  const follow = (): void =>
    controller.app.get(Lifecycle).onRestart(() => {
      busy = restart();
    });
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => process.exit(1), LONGEST_STOP_MS).unref();
    await busy;
    controller.logger.info({ signal }, 'stopping');
    try {
      await controller.close();
    } catch (err) {
      controller.logger.error({ err }, 'could not stop in order');
      process.exit(1);
    }
    process.exit(0);
  };
  follow();
  process.on('SIGTERM', (signal) => void stop(signal));
  process.on('SIGINT', (signal) => void stop(signal));
}

const keep = (listen: Listen, endpoint: string | undefined): Listen => {
  const port = /:(\d+)(?:\/|$)/.exec(endpoint ?? '')?.[1];
  return port === undefined ? listen : { ...listen, port: Number(port) };
};

/** The same listeners, also where they were given as "any free port": SEs and clients know them by now. */
function onSamePorts(settings: Settings, endpoints: EndpointMap): Settings {
  return {
    ...settings,
    api: keep(settings.api, endpoints.api),
    grpc: keep(settings.grpc, endpoints.grpc),
    status: keep(settings.status, endpoints.status),
    metrics: settings.metrics && keep(settings.metrics, endpoints.metrics),
  };
}

async function startOrExit(settings: Settings): Promise<RunningController> {
  try {
    return await startController(settings);
  } catch (err) {
    process.stderr.write(`spillway controller: ${(err as Error).stack ?? String(err)}\n`);
    return process.exit(1);
  }
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
