import { X509Certificate } from 'node:crypto';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { OCSP_RESPONSE_KIND, ocspResponseOf, type OcspResponse } from '@spillway/translator';
import { LOGGER, type Logger } from '../config/logger.js';
import { QueueService } from '../queue/queue.service.js';
import { ObjectCache, ObjectStore, type Spec, type StoredObject } from '../store/index.js';
import { ocspAnswer, ocspRequest } from './message.js';

const LOOK_MS = 300_000;
const WAIT_MS = 5_000;
const MOST_BYTES = 32_768;
/** A response without an end is asked for again after this long. */
const DAY_MS = 86_400_000;
const BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

interface Wanted {
  readonly object: StoredObject;
  readonly certificate: X509Certificate;
  readonly issuer: X509Certificate;
  readonly url: string;
}

/**
 * Fetches the OCSP responses of certificates with `enable_ocsp_stapling`, for SEs to staple. Nobody waits for it: a
 * certificate is served without a response until there is one, and again when the last one has run out.
 */
@Injectable()
export class OcspService implements OnModuleInit {
  private readonly logger: Logger;

  constructor(
    private readonly store: ObjectStore,
    private readonly cache: ObjectCache,
    private readonly queue: QueueService,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.logger = logger.child({ part: 'ocsp' });
  }

  onModuleInit(): void {
    this.queue.sweep('ocsp', LOOK_MS, () => this.look());
    this.queue.handle('ocsp-of', ({ uuid }) => this.lookAt(String(uuid)));
    this.cache.changes.subscribe((changes) => {
      for (const { kind, uuid } of changes)
        if (kind === 'sslkeyandcertificate')
          this.queue.add('ocsp-of', { uuid }, { key: uuid, attempts: 1 }).catch(() => undefined); // the sweep comes too
    });
  }

  /** Every certificate, and responses whose certificate is gone. */
  async look(): Promise<void> {
    for (const { uuid } of this.cache.byKind('sslkeyandcertificate')) await this.lookAt(uuid);
    for (const held of this.cache.byKind(OCSP_RESPONSE_KIND)) {
      const { certificate_uuid: of } = held.spec as unknown as OcspResponse;
      if (this.cache.get(of) === undefined) await this.put(of, undefined);
    }
  }

  /** Asks for one certificate where that is due. */
  async lookAt(uuid: string, now = Date.now()): Promise<void> {
    const object = this.cache.get(uuid);
    const held = this.cache.get(ocspResponseOf(uuid))?.spec as unknown as OcspResponse | undefined;
    const wanted = object === undefined ? undefined : wantedOf(object, this.cache);
    if (wanted === undefined) {
      if (held !== undefined) await this.put(uuid, undefined);
      return;
    }
    const current = held?.fingerprint === wanted.certificate.fingerprint256 ? held : undefined;
    if (current !== undefined && now < Date.parse(current.refresh_at)) return;
    try {
      await this.put(uuid, await this.fetch(wanted, now));
    } catch (err) {
      this.logger.warn({ err, certificate: wanted.object.name, url: wanted.url }, 'no OCSP response');
      if (held !== undefined && (current === undefined || now >= Date.parse(current.expires_at)))
        await this.put(uuid, undefined);
    }
  }

  private async fetch({ object, certificate, issuer, url }: Wanted, now: number): Promise<OcspResponse> {
    const reply = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/ocsp-request' },
      body: new Uint8Array(ocspRequest(certificate, issuer)),
      redirect: 'error',
      signal: AbortSignal.timeout(WAIT_MS),
    });
    if (!reply.ok) throw new Error(`the responder answered ${reply.status}`);
    const bytes = Buffer.from(await reply.arrayBuffer());
    if (bytes.length > MOST_BYTES) throw new Error(`a response of ${bytes.length} bytes`);
    const answer = ocspAnswer(bytes, certificate);
    const expires = answer.nextUpdate?.getTime() ?? now + DAY_MS;
    if (expires <= now) throw new Error(`the response has run out at ${new Date(expires).toISOString()}`);
    if (answer.status !== 'good')
      this.logger.warn({ certificate: object.name, status: answer.status }, 'not a good certificate');
    return {
      certificate_uuid: object.uuid,
      fingerprint: certificate.fingerprint256,
      response: bytes.toString('base64'),
      status: answer.status,
      refresh_at: new Date(now + (expires - now) / 2).toISOString(),
      expires_at: new Date(expires).toISOString(),
    };
  }

  private async put(uuid: string, response: OcspResponse | undefined): Promise<void> {
    const key = ocspResponseOf(uuid);
    await this.store.transaction(async (tx) => {
      const there = tx.get(key) !== undefined;
      if (response === undefined) {
        if (there) await tx.remove(OCSP_RESPONSE_KIND, key);
        return;
      }
      const spec = { name: key, ...response } as unknown as Spec;
      if (there) await tx.replace(OCSP_RESPONSE_KIND, key, spec);
      else await tx.create(OCSP_RESPONSE_KIND, spec, { uuid: key });
    });
  }
}

/** What to ask for; undefined where nothing is to be asked, or nobody could be. */
function wantedOf(object: StoredObject, cache: Pick<ObjectCache, 'get'>): Wanted | undefined {
  const { spec } = object;
  if (spec['enable_ocsp_stapling'] !== true) return undefined;
  const pems = pemsOf(spec);
  for (const authority of (spec['ca_certs'] ?? []) as { ca_ref?: string }[])
    pems.push(...pemsOf(cache.get(authority.ca_ref ?? '')?.spec ?? {}));
  try {
    const [certificate, ...others] = pems.map((pem) => new X509Certificate(pem));
    const issuer = others.find((other) => certificate?.checkIssued(other));
    if (certificate === undefined || issuer === undefined) return undefined;
    const url = /^OCSP - URI:(http:\S+)$/m.exec(certificate.infoAccess ?? '')?.[1];
    return url?.startsWith('http://') === true ? { object, certificate, issuer, url } : undefined;
  } catch {
    return undefined;
  }
}

const pemsOf = (spec: Readonly<Spec>): string[] => {
  const text = (spec['certificate'] as { certificate?: string } | undefined)?.certificate ?? '';
  return [...(text.match(BLOCK) ?? [])];
};
