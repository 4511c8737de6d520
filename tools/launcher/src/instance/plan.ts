import os from 'node:os';
import { UsageError } from '../errors.js';
import { sampleAddress, samplePort } from '../sample/address.js';
import { type ControllerFile, findController } from './controller.js';
import type { InstanceDirectory } from './directory.js';
import type { UpOptions } from './options.js';
import { choosePorts } from './ports.js';
import { ownServiceEngines } from './service-engine.js';
import type { Ports, Sample, State } from './state.js';

/** What a start wants to be there, from the options and from what the instance was before. */
export interface Plan {
  database: State['database'];
  ports: Ports;
  workers: number;
  serviceEngines: string[];
  sample?: Sample;
  tune: boolean;
  /** The controller, where it runs already. */
  controller?: ControllerFile;
}

const defaultServiceEngines = 3;

/** Settles what a start wants. @throws UsageError when the options cannot be had on this directory */
export async function makePlan(
  directory: InstanceDirectory,
  state: State,
  options: UpOptions,
): Promise<Plan> {
  const database = sameDatabase(directory, state);
  const controller = findController(directory);
  if (controller && options.apiPort && options.apiPort !== state.ports?.api)
    throw new UsageError(
      `the controller of ${directory.path} already runs at ${controller.api}`,
      `stop it first: ./spillway down --dir ${directory.path}`,
    );
  const ports = controller && state.ports ? state.ports : await choosePorts(state.ports, options.apiPort);
  const serviceEngines = wantedServiceEngines(
    ownServiceEngines(directory, state),
    options.serviceEngines ?? (state.ports ? 0 : defaultServiceEngines),
  );
  const sample =
    state.sample ?? (options.empty || serviceEngines.length === 0 ? undefined : await newSample(directory));
  const workers =
    options.workers ??
    state.workers ??
    workersPerServiceEngine(os.availableParallelism(), serviceEngines.length);
  return {
    database,
    ports,
    workers,
    serviceEngines,
    tune: options.tune,
    ...(sample ? { sample } : {}),
    ...(controller ? { controller } : {}),
  };
}

/** Which database the environment asks for. @throws UsageError when the instance has its data in the other one */
function sameDatabase(directory: InstanceDirectory, state: State): State['database'] {
  const asked = process.env.DATABASE_URL ? 'external' : 'embedded';
  if (!state.ports || state.database === asked) return asked;
  const [had, remedy] =
    state.database === 'external'
      ? ['DATABASE_URL', 'set DATABASE_URL again']
      : ['the embedded database', 'unset DATABASE_URL'];
  throw new UsageError(`${directory.path} was started with ${had}`, `${remedy}, or give another --dir`);
}

async function newSample(directory: InstanceDirectory): Promise<Sample> {
  const address = sampleAddress(directory.path);
  return { address, port: await samplePort(address), origins: [0, 0, 0], created: false };
}

/**
 * The SEs that the launcher starts: those it had, and as many more as are asked for. It never takes one away;
 * that is an operation of the controller.
 */
export function wantedServiceEngines(had: string[], asked: number): string[] {
  const wanted = [...had];
  for (let number = 1; wanted.length < asked; number += 1) {
    const name = `se-${number}`;
    if (!wanted.includes(name)) wanted.push(name);
  }
  return wanted;
}

/** One machine: its cores are shared among the SEs, with one worker each at least. */
export function workersPerServiceEngine(cores: number, serviceEngines: number): number {
  return Math.max(1, Math.floor(cores / Math.max(1, serviceEngines)));
}
