import os from 'node:os';
import type { Logger } from '../log/logger.js';
import { newRequest, type SeIdentity } from './identity.js';
import { fetchPinnedCa, post, RestError } from './rest.js';

/** An SE cannot become, or stay, a member of its cluster; the message says what to do. */
export class EnrolmentError extends Error {
  readonly code = 'ENROLMENT_REFUSED';
}

interface Reply {
  se_uuid: string;
  se_name: string;
  certificate_pem: string;
  ca_pem: string;
  grpc: string;
}

const TOKEN = /^[^.\s]+\.[^.\s]+\.([0-9a-fA-F]{64})$/;

/**
 * Enrols with a one-time token at the first controller that answers. Asked again with the same key, as after a lost
 * answer, the controller gives the same SE.
 *
 * @param keyPem the key that this SE will be known by
 * @param name what the SE is called where the token names nobody; the host name where it is left out
 * @throws {EnrolmentError} when the token is refused, so that asking again is of no use
 * @throws {RestError} when no controller could be asked
 */
export async function enrol(
  controllers: readonly string[],
  token: string,
  keyPem: string,
  name: string | undefined,
  log: Logger,
): Promise<SeIdentity> {
  const pin = TOKEN.exec(token)?.[1];
  if (pin === undefined)
    throw new EnrolmentError('SPILLWAY_ENROLMENT_TOKEN must be id.secret.<sha256 of the CA certificate>');
  const seName = name ?? os.hostname();
  const csr_pem = await newRequest(keyPem, seName);
  const body = { token, csr_pem, se_name: seName };
  const { reply, caPem } = await atAnyOf(controllers, log, async (controller) => {
    const ca = await fetchPinnedCa(controller, pin);
    return { reply: readReply(await post(controller, '/api/se-enrolment', body, ca)), caPem: ca };
  });
  return {
    seUuid: reply.se_uuid,
    seName: reply.se_name,
    grpc: grpcAddresses(reply.grpc, controllers),
    keyPem,
    certificatePem: reply.certificate_pem,
    caPem: reply.ca_pem === '' ? caPem : reply.ca_pem,
  };
}

/** A new certificate for an SE whose own ran out; the key that it enrolled with proves who it is. */
export async function renewExpired(
  identity: SeIdentity,
  controllers: readonly string[],
  log: Logger,
): Promise<SeIdentity> {
  const csr_pem = await newRequest(identity.keyPem, identity.seUuid);
  const reply = await atAnyOf(controllers, log, async (controller) =>
    readReply(
      await post(
        controller,
        '/api/se-enrolment/renew',
        { se_uuid: identity.seUuid, csr_pem },
        identity.caPem,
      ),
    ),
  );
  return {
    ...identity,
    certificatePem: reply.certificate_pem,
    caPem: reply.ca_pem === '' ? identity.caPem : reply.ca_pem,
    grpc: reply.grpc === '' ? identity.grpc : grpcAddresses(reply.grpc, controllers),
  };
}

async function atAnyOf<T>(
  controllers: readonly string[],
  log: Logger,
  ask: (controller: string) => Promise<T>,
): Promise<T> {
  let last: unknown = new RestError('SPILLWAY_CONTROLLER names no controller', 0);
  for (const controller of controllers)
    try {
      return await ask(controller);
    } catch (error) {
      last = error;
      if (error instanceof RestError && error.status >= 400 && error.status < 500 && error.status !== 429)
        throw new EnrolmentError(error.message);
      log.warn('a controller could not be asked', { controller, error });
    }
  throw last;
}

function readReply(value: unknown): Reply {
  const reply = (value ?? {}) as Record<string, unknown>;
  const text = (key: keyof Reply): string => (typeof reply[key] === 'string' ? reply[key] : '');
  if (text('certificate_pem') === '')
    throw new RestError('the answer of the controller holds no certificate', 0);
  return {
    se_uuid: text('se_uuid'),
    se_name: text('se_name'),
    certificate_pem: text('certificate_pem'),
    ca_pem: text('ca_pem'),
    grpc: text('grpc'),
  };
}

/**
 * Where the channel can be had: what the controller said, then the same port on the other controllers, so that the SE
 * finds another replica when one is gone.
 */
export function grpcAddresses(grpc: string, controllers: readonly string[]): string[] {
  const said = grpc.split(',').flatMap(
    (a) =>
      a
        .trim()
        .replace(/^https?:\/\//, '')
        .replace(/\/$/, '') || [],
  );
  const port = /:(\d+)$/.exec(said[0] ?? '')?.[1];
  const others = port === undefined ? [] : controllers.map((c) => `${new URL(c).hostname}:${port}`);
  return [...new Set([...said, ...others])];
}
