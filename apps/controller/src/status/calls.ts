import { type sendUnaryData, status as code } from '@grpc/grpc-js';
import { CallRefused } from './viewer.js';

const refusalOf = (error: unknown): { code: code; details: string } =>
  error instanceof CallRefused
    ? { code: error.code, details: error.details }
    : { code: code.UNAVAILABLE, details: 'the controller cannot answer now; try again' };

/** Answers a call with what `make` gives, or with its refusal. */
export function answer<T>(reply: sendUnaryData<T>, make: () => Promise<T>): void {
  make().then(
    (value) => reply(null, value),
    (error: unknown) => reply(refusalOf(error)),
  );
}

interface Streaming {
  emit(event: 'error', error: { code: code; details: string }): boolean;
  on(event: 'cancelled' | 'close' | 'error', listener: () => void): unknown;
}

/** Runs a server stream until its client leaves; `begin` gives what ends it. */
export function stream(call: Streaming, begin: () => Promise<() => void>): void {
  let end: (() => void) | undefined;
  let left = false;
  const leave = (): void => {
    left = true;
    end?.();
    end = undefined;
  };
  for (const event of ['cancelled', 'close', 'error'] as const) call.on(event, leave);
  const run = async (): Promise<void> => {
    end = await begin();
    if (left) leave();
  };
  run().catch((error: unknown) => call.emit('error', refusalOf(error)));
}
