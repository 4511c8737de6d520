import type { ApiClient } from '../api/client.js';
import { ensurePostgres } from '../postgres/server.js';
import { createSample, moveServers } from '../sample/create.js';
import { findOrigins, originsReady, startOrigins } from '../sample/origins.js';
import { type ControllerFile, controllerReady, findController, startController } from './controller.js';
import type { InstanceDirectory } from './directory.js';
import type { UpOptions } from './options.js';
import { makePlan, type Plan } from './plan.js';
import { sampleAnswers, serviceEngineConnects } from './ready.js';
import { findServiceEngine, enrolledUuid, startServiceEngine } from './service-engine.js';
import { adminSession } from './session.js';
import { type Sample, StateFile } from './state.js';

/** A running instance, for what is said about it and for its supervision. */
export interface Running {
  plan: Plan;
  controller: ControllerFile;
  sample?: Sample;
  /** What the user should know. */
  notes: string[];
}

const passwordChanged =
  'the password of admin was changed, so nothing could be asked of the API; new SEs and the sample were left out';

/**
 * Starts what is missing of an instance: database then controller, at the same time the SEs that have their
 * identity and the origin servers; then, with the API, the SEs that must enrol and the sample's objects.
 * Returns when all of it can be used. When it throws, what it started still runs: see `guarded`.
 */
export async function startInstance(directory: InstanceDirectory, options: UpOptions): Promise<Running> {
  const state = new StateFile(directory);
  const plan = await makePlan(directory, state.state, options);
  state.update({
    database: plan.database,
    ports: plan.ports,
    workers: plan.workers,
    service_engines: plan.serviceEngines,
    ...(plan.sample ? { sample: plan.sample } : {}),
  });
  const enrolled = plan.serviceEngines.filter((name) => enrolledUuid(directory, name) !== undefined);
  const [controller, sample] = await together(
    bringUpController(directory, state, plan),
    bringUpOrigins(directory, state, plan.sample),
    ...enrolled.map((name) => bringUpServiceEngine(directory, state, plan, name)),
  );
  const api = await adminSession(directory, controller.api);
  const running: Running = { plan, controller, notes: [], ...(sample ? { sample } : {}) };
  try {
    if (api) await finish(directory, state, running, api, enrolled);
    else running.notes.push(passwordChanged);
  } finally {
    api?.close();
  }
  return running;
}

/** What needs the API: enrolment, the sample's objects, and the knowledge that everything is ready. */
async function finish(
  directory: InstanceDirectory,
  state: StateFile,
  running: Running,
  api: ApiClient,
  enrolled: string[],
): Promise<void> {
  const { plan, sample } = running;
  const connects = async (name: string): Promise<void> =>
    await serviceEngineConnects(directory, api, name, () =>
      Boolean(findServiceEngine(directory, name) ?? state.running(`se/${name}`)),
    );
  const fresh = plan.serviceEngines.filter((name) => !enrolled.includes(name));
  await together(
    ...enrolled.map(async (name) => await noted(running, connects(name))),
    ...fresh.map(async (name) => {
      const { token } = await api.post<{ token: string }>('/api/se-enrolment/token', { name });
      await bringUpServiceEngine(directory, state, plan, name, token);
      await connects(name);
    }),
  );
  const known = plan.serviceEngines.map((name) => [name, enrolledUuid(directory, name)]);
  state.update({ enrolled: Object.fromEntries(known.filter(([, uuid]) => uuid !== undefined)) });
  // Not before there are SEs: the controller would make one for it.
  await makeSample(state, api, plan.sample, sample);
  if (sample?.created) await noted(running, sampleAnswers(sample));
  else if (sample) await sampleAnswers(sample);
}

/** What was there before may have been changed or deleted since by its owner: that is told, and stops nothing. */
async function noted(running: Running, work: Promise<void>): Promise<void> {
  await work.catch((error: unknown) =>
    running.notes.push(error instanceof Error ? error.message : String(error)),
  );
}

/** All of them to their end, then the first failure: nothing may still be starting when a start is undone. */
async function together<T extends readonly unknown[]>(
  ...work: T
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(work);
  return await Promise.all(work);
}

/**
 * Starts database and controller unless they run; answers when the controller is ready. A controller that runs
 * says nothing about its database: that may have died alone.
 */
export async function bringUpController(
  directory: InstanceDirectory,
  state: StateFile,
  plan: Plan,
): Promise<ControllerFile> {
  const databaseUrl = process.env.DATABASE_URL || (await ensurePostgres(directory.postgres)).url;
  const running = findController(directory);
  if (running) return running;
  let identity = state.running('controller');
  if (!identity) {
    ({ identity } = await startController(directory, plan.ports, databaseUrl));
    state.started('controller', identity);
  }
  return await controllerReady(directory, identity);
}

/** Starts the sample's servers unless they run; answers the sample with the ports that they have. */
export async function bringUpOrigins(
  directory: InstanceDirectory,
  state: StateFile,
  sample: Sample | undefined,
): Promise<Sample | undefined> {
  if (!sample) return undefined;
  const running = findOrigins(directory);
  if (running) return { ...sample, origins: running.ports };
  const { identity } = await startOrigins(directory, sample.origins);
  state.started('origins', identity);
  const ready = { ...sample, origins: await originsReady(directory, identity) };
  // Once its objects exist they say where the servers are; until they follow, the old ports are remembered.
  if (!sample.created) state.update({ sample: ready });
  return ready;
}

/** Starts an SE unless it runs; one that is not enrolled needs a token. */
export async function bringUpServiceEngine(
  directory: InstanceDirectory,
  state: StateFile,
  { ports, workers, tune }: Plan,
  name: string,
  token?: string,
): Promise<void> {
  if (findServiceEngine(directory, name) ?? state.running(`se/${name}`)) return;
  const { identity } = await startServiceEngine(directory, name, {
    api: `https://127.0.0.1:${ports.api}`,
    workers,
    tune,
    ...(token === undefined ? {} : { token }),
  });
  state.started(`se/${name}`, identity);
}

async function makeSample(
  state: StateFile,
  api: ApiClient,
  before: Sample | undefined,
  sample: Sample | undefined,
): Promise<void> {
  if (!sample || !before) return;
  if (!sample.created) await createSample(api, sample);
  else if (before.origins.join() !== sample.origins.join())
    await moveServers(api, before.origins, sample.origins);
  state.update({ sample: { ...sample, created: true } });
}
