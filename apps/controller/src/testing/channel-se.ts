import 'reflect-metadata';
import { generateKeyPairSync, randomUUID, webcrypto } from 'node:crypto';
import https from 'node:https';
import * as grpc from '@grpc/grpc-js';
import * as x509 from '@peculiar/x509';
import {
  CONTROLLER_CHANNEL_OPTIONS,
  type ConfigChange,
  ownScopes,
  se,
  UpdateCollector,
} from '@spillway/protocol';
import { applyDelta, type Fragment, type FragmentId, parseFragment } from '@spillway/snapshot';
import { until } from './until.js';

/** What an SE keeps of its identity. */
export interface SeIdentity {
  seUuid: string;
  seName: string;
  keyPem: string;
  certificatePem: string;
  caPem: string;
  grpc: string;
}

export interface HttpReply {
  status: number;
  body: Record<string, unknown>;
}

/** A request of the API over TLS that checks the certificate against `ca`; without it nothing is checked. */
export function apiCall(
  url: string,
  method: string,
  body?: unknown,
  options: { ca?: string; headers?: Record<string, string> } = {},
): Promise<HttpReply> {
  return new Promise((resolve, reject) => {
    const request = https.request(
      url,
      {
        method,
        agent: false,
        headers: { 'content-type': 'application/json', ...options.headers },
        ...(options.ca === undefined ? { rejectUnauthorized: false } : { ca: options.ca }),
      },
      (reply) => {
        let text = '';
        reply.setEncoding('utf8');
        reply.on('data', (chunk: string) => (text += chunk));
        reply.on('end', () =>
          resolve({
            status: reply.statusCode ?? 0,
            body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
          }),
        );
      },
    );
    request.on('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** A key and a certificate request signed by it. */
export async function certificateRequest(key?: string): Promise<{ csrPem: string; keyPem: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keyPem =
    key ??
    generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    }).privateKey;
  const privateKey = await webcrypto.subtle.importKey('pkcs8', der(keyPem), algorithm, true, ['sign']);
  const jwk = await webcrypto.subtle.exportKey('jwk', privateKey);
  const publicKey = await webcrypto.subtle.importKey(
    'jwk',
    { kty: jwk.kty ?? '', crv: jwk.crv ?? '', x: jwk.x ?? '', y: jwk.y ?? '' },
    algorithm,
    true,
    ['verify'],
  );
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=se',
    keys: { privateKey, publicKey },
    signingAlgorithm: algorithm,
  });
  return { csrPem: csr.toString('pem'), keyPem };
}

const der = (pem: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Buffer.from(pem.replaceAll(/-----[A-Z ]+-----|\s/g, ''), 'base64'));

/** Enrols as an SE does: fetches the CA, checks its hash, sends token and request. */
export async function enrol(api: string, token: string, seName = ''): Promise<SeIdentity> {
  const { body: ca } = await apiCall(`${api}/api/se-enrolment/ca`, 'GET');
  const { csrPem, keyPem } = await certificateRequest();
  const reply = await apiCall(
    `${api}/api/se-enrolment`,
    'POST',
    { token, csr_pem: csrPem, se_name: seName },
    { ca: String(ca['ca_pem']) },
  );
  if (reply.status !== 200) throw new Error(`enrolment: ${reply.status} ${JSON.stringify(reply.body)}`);
  return identityOf(reply.body, keyPem);
}

export const identityOf = (body: Record<string, unknown>, keyPem: string): SeIdentity => ({
  seUuid: String(body['se_uuid']),
  seName: String(body['se_name']),
  keyPem,
  certificatePem: String(body['certificate_pem']),
  caPem: String(body['ca_pem']),
  grpc: String(body['grpc']),
});

export const channelClient = (identity: SeIdentity): se.SeChannelClient =>
  new se.SeChannelClient(
    identity.grpc,
    grpc.credentials.createSsl(
      Buffer.from(identity.caPem),
      Buffer.from(identity.keyPem),
      Buffer.from(identity.certificatePem),
    ),
    CONTROLLER_CHANNEL_OPTIONS,
  );

export interface ChannelSeOptions {
  /** False: changes are collected and not answered. Default true. */
  answer?: boolean;
  /** Says the same identity in its Hello when undefined. */
  seUuid?: string;
  epoch?: number;
  generation?: number;
  fragments?: ReadonlyMap<FragmentId, Fragment>;
  bootId?: string;
  /** Milliseconds between heartbeats; 0 sends none. */
  heartbeat?: number;
  host?: Partial<se.Host>;
}

/** The other end of the channel: speaks the real protocol over real mTLS and keeps what it is given. */
export class ChannelSe {
  readonly received: se.ControllerMessage[] = [];
  /** Changes that were put together, in order. */
  readonly changes: ConfigChange[] = [];
  fragments: Map<FragmentId, Fragment>;
  epoch: number;
  generation: number;
  /** How the stream ended. */
  ended: { code: number; details: string } | undefined;
  answer: boolean;
  /** What its heartbeats say. */
  figures: Partial<se.Heartbeat> = {};
  /** Refuses what this returns a reason for. */
  refuse: (change: ConfigChange) => string | undefined = () => undefined;
  readonly #client: se.SeChannelClient;
  readonly #stream: grpc.ClientDuplexStream<se.SeMessage, se.ControllerMessage>;
  readonly #collector = new UpdateCollector();
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(
    readonly identity: SeIdentity,
    options: ChannelSeOptions = {},
  ) {
    this.answer = options.answer ?? true;
    this.fragments = new Map(options.fragments);
    this.epoch = options.epoch ?? 0;
    this.generation = options.generation ?? 0;
    this.#client = channelClient(identity);
    this.#stream = this.#client.attach();
    this.#stream.on('data', (message: se.ControllerMessage) => this.#take(message));
    this.#stream.on('error', () => undefined);
    this.#stream.on('status', (s: grpc.StatusObject) => (this.ended = { code: s.code, details: s.details }));
    this.#stream.on('end', () => this.#stream.end());
    this.say({
      $case: 'hello',
      value: {
        seUuid: options.seUuid ?? identity.seUuid,
        seName: identity.seName,
        version: '0',
        bootId: options.bootId ?? randomUUID(),
        epoch: this.epoch,
        generation: this.generation,
        host: {
          hostname: 'h',
          cores: 1,
          memoryBytes: 1,
          pidScope: 'elsewhere',
          netScope: ownScopes().netScope,
          supervisorPid: 0,
          supervisorStartTime: 0,
          workers: 1,
          ...options.host,
        },
        modes: [{ mode: 'host', available: true, reason: '' }],
        advice: [],
      },
    });
    if (options.heartbeat !== undefined && options.heartbeat > 0)
      this.#timer = setInterval(() => this.heartbeat(), options.heartbeat);
  }

  say(body: NonNullable<se.SeMessage['body']>): void {
    this.#stream.write({ body });
  }

  heartbeat(): void {
    this.say({ $case: 'heartbeat', value: se.Heartbeat.fromPartial(this.figures) });
  }

  status(placements: se.PlacementStatus[], servers: se.ServerStatus[] = [], full = false): void {
    this.say({ $case: 'status', value: { full, placements, servers, advice: [] } });
  }

  /** Waits for the message of a kind. */
  async got(
    kind: NonNullable<se.ControllerMessage['body']>['$case'],
    count = 1,
  ): Promise<se.ControllerMessage> {
    const all = await until(
      () => this.received.filter((m) => m.body?.$case === kind),
      (list) => list.length >= count,
      `${count} ${kind} at ${this.identity.seName} (stream: ${JSON.stringify(this.ended)})`,
    );
    return all[count - 1]!;
  }

  /** Waits until this many changes came whole. */
  async change(count: number): Promise<ConfigChange> {
    await until(
      () => this.changes.length,
      (n) => n >= count,
      `change ${count} at ${this.identity.seName}`,
    );
    return this.changes[count - 1]!;
  }

  async whenEnded(): Promise<{ code: number; details: string }> {
    await until(
      () => this.ended !== undefined,
      (ended) => ended,
      `end of the stream of ${this.identity.seName}`,
    );
    return this.ended ?? { code: -1, details: '' };
  }

  /** Answers the newest change. */
  ack(change: ConfigChange): void {
    this.#apply(change);
    this.say({ $case: 'ack', value: { epoch: change.epoch, generation: change.generation } });
  }

  close(): void {
    clearInterval(this.#timer);
    this.#stream.cancel();
    this.#client.close();
  }

  #take(message: se.ControllerMessage): void {
    this.received.push(message);
    if (message.body?.$case !== 'configUpdate') return;
    const change = this.#collector.add(message.body.value);
    if (change === undefined) return;
    this.changes.push(change);
    const reason = this.refuse(change);
    const { epoch, generation } = change;
    if (reason !== undefined)
      this.say({
        $case: 'nack',
        value: { epoch, generation, code: 'TEST_REFUSED', reason, path: 'pools.0' },
      });
    else if (this.answer) this.ack(change);
  }

  #apply(change: ConfigChange): void {
    const put = change.put.map((f) => parseFragment(f.type, f.key, JSON.parse(f.body.toString()) as unknown));
    const before: ReadonlyMap<FragmentId, Fragment> = change.full ? new Map() : this.fragments;
    this.fragments = applyDelta(before, { put, remove: [...change.remove] });
    this.epoch = change.epoch;
    this.generation = change.generation;
  }
}
