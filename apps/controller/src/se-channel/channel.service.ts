import { Inject, Injectable } from '@nestjs/common';
import { type sendUnaryData, type ServerUnaryCall, status } from '@grpc/grpc-js';
import { se } from '@spillway/protocol';
import { HEARTBEAT_INTERVAL } from '@spillway/translator';
import { DataSource } from 'typeorm';
import { LOGGER, type Logger } from '../config/logger.js';
import { EventService } from '../event/index.js';
import { PeerNewsService } from '../peer-news/peer-news.service.js';
import { PkiService, serviceEngineOf } from '../pki/index.js';
import { ObjectCache } from '../store/index.js';
import { RuntimeWriter } from './runtime-writer.js';
import { type DisconnectReason, SeEvents } from './se-events.js';
import { MonitorCountIntake } from './monitor-counts.js';
import { Inspections } from './inspections.js';
import { SeSession, type SeStream } from './session.js';
import { SeSessions } from './sessions.js';
import { StatusIntake } from './status-intake.js';

/** How long a stream may stay silent before its Hello, in milliseconds. */
const HELLO_TIMEOUT = 5_000;
/** How often a heartbeat is written down, in milliseconds; in memory it is always the newest. */
const HEARTBEAT_WRITE = 2 * HEARTBEAT_INTERVAL;

const DISCONNECTED: Readonly<Record<DisconnectReason, string>> = {
  stream_lost: 'the stream to the controller was lost',
  heartbeat_missed: 'no heartbeats',
  replaced: 'a newer stream took over',
  stopping: 'the service engine was told to stop',
  released: 'the service engine was released',
};

const DELETED = `SELECT 1 FROM outbox WHERE uuid = $1 AND change = 'deleted' LIMIT 1`;

/** A refusal of a call, as gRPC has it. */
class Refusal extends Error {
  constructor(
    readonly code: status,
    readonly details: string,
  ) {
    super(details);
  }
}

/**
 * The service that SEs call. Who an SE is comes from its client certificate alone; its Hello only has to agree.
 */
@Injectable()
export class ChannelService {
  private readonly logger: Logger;

  constructor(
    private readonly dataSource: DataSource,
    private readonly cache: ObjectCache,
    private readonly pki: PkiService,
    private readonly sessions: SeSessions,
    private readonly inspections: Inspections,
    private readonly peerNews: PeerNewsService,
    private readonly monitorCounts: MonitorCountIntake,
    private readonly intake: StatusIntake,
    private readonly runtime: RuntimeWriter,
    private readonly events: SeEvents,
    private readonly log: EventService,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.logger = logger.child({ part: 'se-channel' });
  }

  readonly implementation: se.SeChannelServer = {
    attach: (stream) => this.#attach(stream),
    renew: (call, reply) => void this.#renew(call, reply),
  };

  /** An SE's object was deleted: it leaves all groups, forgets its snapshot and ends. */
  release(seUuid: string): void {
    this.sessions
      .get(seUuid)
      ?.end('released', { $case: 'release', value: { reason: 'the service engine was deleted' } });
  }

  #attach(stream: SeStream): void {
    let session: SeSession | undefined;
    const refuse = (error: unknown): void => {
      const refusal =
        error instanceof Refusal
          ? error
          : new Refusal(status.INTERNAL, 'the controller could not take the stream');
      if (!(error instanceof Refusal)) this.logger.error({ err: error }, 'could not attach a service engine');
      stream.emit('error', { code: refusal.code, details: refusal.details });
    };
    const timer = setTimeout(
      () => refuse(new Refusal(status.DEADLINE_EXCEEDED, 'the first message must be a Hello, within 5 s')),
      HELLO_TIMEOUT,
    );
    let queue: Promise<void> = Promise.resolve();
    const first = async (message: se.SeMessage): Promise<void> => {
      session = await this.#hello(stream, message);
    };
    stream.on('data', (message: se.SeMessage) => {
      if (session !== undefined) return this.#message(session, message);
      clearTimeout(timer);
      // What comes while the Hello is checked waits for it.
      queue = queue
        .then(() => (session === undefined ? first(message) : this.#message(session, message)))
        .catch(refuse);
    });
    const gone = (): void => {
      clearTimeout(timer);
      session?.closed();
    };
    stream.on('end', () => {
      gone();
      stream.end();
    });
    stream.on('cancelled', gone);
    stream.on('close', gone);
    stream.on('error', gone);
  }

  async #hello(stream: SeStream, message: se.SeMessage): Promise<SeSession> {
    if (message.body?.$case !== 'hello')
      throw new Refusal(status.FAILED_PRECONDITION, 'the first message must be a Hello');
    const hello = message.body.value;
    const seUuid = await this.#identity(stream.getAuthContext().sslPeerCertificate);
    if (hello.seUuid !== seUuid)
      throw new Refusal(
        status.PERMISSION_DENIED,
        `the certificate is of ${seUuid}, the Hello of ${hello.seUuid}; an SE speaks for itself only`,
      );
    const object = this.cache.get(seUuid);
    if (object?.kind !== 'serviceengine') return this.#unknown(stream, seUuid);
    const session = new SeSession(stream, hello, object.name, (s) => this.#detached(s));
    void session.send({
      $case: 'welcome',
      value: { epoch: this.cache.epoch, heartbeatIntervalMs: HEARTBEAT_INTERVAL },
    });
    this.sessions.attach(session);
    this.#attached(session);
    return session;
  }

  /** A deletion that is on record releases the SE; an object that is merely missing never does. */
  async #unknown(stream: SeStream, seUuid: string): Promise<never> {
    const deleted: unknown[] = await this.dataSource.query(DELETED, [seUuid]);
    if (deleted.length === 0)
      throw new Refusal(
        status.NOT_FOUND,
        `service engine ${seUuid} is not known here (any more); enrol it again`,
      );
    stream.write({ body: { $case: 'release', value: { reason: 'the service engine was deleted' } } });
    throw new Refusal(status.NOT_FOUND, `service engine ${seUuid} was deleted`);
  }

  #attached(session: SeSession): void {
    const { hello } = session;
    const after = (before: { bootId: string; operState: string }): void => {
      const cameUp = before.operState === 'OPER_DOWN';
      if (cameUp)
        this.log.note({
          eventId: 'SE_UP',
          kind: 'serviceengine',
          objUuid: session.seUuid,
          objName: session.seName,
          description: `ServiceEngine ${session.seName} is up`,
        });
      this.events.emit('connected', {
        seUuid: session.seUuid,
        seName: session.seName,
        bootId: hello.bootId,
        restarted: before.bootId !== hello.bootId,
        cameUp,
      });
    };
    this.logger.info({ se: session.seName, epoch: hello.epoch, generation: hello.generation }, 'attached');
    this.runtime.attach(
      session.seUuid,
      session.id,
      {
        connected: true,
        oper_state: 'OPER_UP',
        oper_reason: '',
        boot_id: hello.bootId,
        version: hello.version,
        epoch: String(hello.epoch),
        generation: String(hello.generation),
        host: { ...hello.host },
        modes: hello.modes,
        advice: hello.advice,
      },
      after,
    );
  }

  #detached(session: SeSession): void {
    if (!this.sessions.detach(session)) return;
    const reason = session.endReason;
    this.logger.info({ se: session.seName, reason }, 'detached');
    this.runtime.set(
      session.seUuid,
      session.id,
      { connected: false, oper_reason: DISCONNECTED[reason] },
      () => this.events.emit('disconnected', { seUuid: session.seUuid, seName: session.seName, reason }),
      true,
    );
  }

  #message(session: SeSession, message: se.SeMessage): void {
    if (session.ended) return;
    session.heardAt = Date.now();
    const { body } = message;
    switch (body?.$case) {
      case 'ack':
        return this.sessions.ack(session, body.value);
      case 'nack':
        return this.sessions.nack(session, body.value);
      case 'status':
        return this.#status(session, body.value);
      case 'heartbeat':
        return this.#heartbeat(session, body.value);
      case 'stopping':
        return this.#stopping(session, body.value);
      case 'inspection':
        return this.inspections.take(session, body.value);
      case 'monitorCounts':
        return this.monitorCounts.take(body.value);
      case 'peerNews':
        return this.peerNews.take(session, body.value);
      case 'hello':
        this.logger.warn({ se: session.seName }, 'a second Hello on one stream is ignored');
        return;
      case undefined:
        // A message that a newer SE knows and this controller does not.
        return;
    }
  }

  #status(session: SeSession, news: se.Status): void {
    this.intake.status(session.seUuid, news);
    if (news.full || news.advice.length > 0)
      this.runtime.set(session.seUuid, session.id, { advice: news.advice });
  }

  #heartbeat(session: SeSession, heartbeat: se.Heartbeat): void {
    session.heartbeat = heartbeat;
    if (heartbeat.deactivations.length > 0)
      this.events.emit('primaryPoolsDown', { seUuid: session.seUuid, pools: heartbeat.deactivations });
    if (session.heardAt - session.heartbeatWrittenAt < HEARTBEAT_WRITE) return;
    session.heartbeatWrittenAt = session.heardAt;
    this.runtime.set(session.seUuid, session.id, { heartbeat: { ...heartbeat } });
  }

  #stopping(session: SeSession, stopping: se.Stopping): void {
    session.endReason = 'stopping';
    const event = {
      seUuid: session.seUuid,
      seName: session.seName,
      drainTimeout: stopping.drainTimeoutMs,
    };
    this.runtime.set(
      session.seUuid,
      session.id,
      { oper_state: 'OPER_DISABLING', oper_reason: 'the service engine was told to stop and drains' },
      () => this.events.emit('stopping', event),
      true,
    );
  }

  async #renew(
    call: ServerUnaryCall<se.RenewRequest, se.RenewReply>,
    reply: sendUnaryData<se.RenewReply>,
  ): Promise<void> {
    try {
      const seUuid = await this.#identity(call.getAuthContext().sslPeerCertificate);
      if (this.cache.get(seUuid)?.kind !== 'serviceengine')
        throw new Refusal(status.NOT_FOUND, `service engine ${seUuid} is not known here (any more)`);
      const signed = await this.pki.signServiceEngine(call.request.csrPem, seUuid);
      await this.dataSource.query(
        `UPDATE se_runtime SET public_key_fingerprint = $2, certificate_serial = $3, certificate_not_after = $4
         WHERE se_uuid = $1`,
        [seUuid, signed.publicKeyFingerprint, signed.serial, signed.notAfter],
      );
      reply(null, { certificatePem: signed.certificatePem, caPem: await this.pki.caPem() });
    } catch (error) {
      if (error instanceof Refusal) reply({ code: error.code, details: error.details });
      else if ((error as { code?: unknown }).code === 'CERTIFICATE_REQUEST_INVALID')
        reply({ code: status.INVALID_ARGUMENT, details: (error as Error).message });
      else {
        this.logger.error({ err: error }, 'could not renew a certificate');
        reply({
          code: status.UNAVAILABLE,
          details: 'the controller could not renew the certificate; try again',
        });
      }
    }
  }

  async #identity(certificate: Parameters<typeof serviceEngineOf>[0]): Promise<string> {
    const seUuid = serviceEngineOf(certificate, await this.pki.clusterUuid());
    if (seUuid === undefined)
      throw new Refusal(
        status.UNAUTHENTICATED,
        'a client certificate of a service engine of this cluster is needed',
      );
    return seUuid;
  }
}
