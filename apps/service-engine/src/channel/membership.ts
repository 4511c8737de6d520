import type { se } from '@spillway/protocol';
import type { Logger } from '../log/logger.js';
import type { Options } from '../settings/options.js';
import { enrol, EnrolmentError, renewExpired } from './enrolment.js';
import {
  freshness,
  MOST_RENEWAL_PAUSE,
  newKey,
  newRequest,
  renewalPause,
  type IdentityStore,
  type SeIdentity,
} from './identity.js';
import { TokenSource } from './token-source.js';

/** Who this SE is to its cluster: enrols once, and keeps the certificate from running out. */
export class Membership {
  #identity: SeIdentity | undefined;
  /** For the first certificate; the same for every attempt. */
  readonly #newKey = newKey();
  readonly #tokens: TokenSource;

  constructor(
    private readonly store: IdentityStore,
    private readonly options: Options,
    private readonly log: Logger,
  ) {
    this.#identity = store.load();
    this.#tokens = new TokenSource(options.enrolmentToken, options.enrolmentTokenFile);
  }

  /** Enrols where that has not been done, and renews a certificate that ran out. `@throws` when neither can be */
  async current(): Promise<SeIdentity> {
    const known = this.#identity;
    if (known !== undefined && freshness(known.certificatePem, Date.now()) !== 'expired') return known;
    const fresh =
      known === undefined
        ? await this.#enrol()
        : await renewExpired(known, this.options.controllers, this.log);
    this.#take(fresh);
    this.log.info(known === undefined ? 'enrolled' : 'renewed an expired certificate', { se: fresh.seName });
    return fresh;
  }

  /**
   * Renews the certificate after two thirds of its life, for as long as the process lives.
   *
   * @param renew asks the controller; undefined while there is none
   */
  keepFresh(renew: (csrPem: string) => Promise<se.RenewReply> | undefined): void {
    const pem = this.#identity?.certificatePem;
    const pause = pem === undefined ? MOST_RENEWAL_PAUSE : renewalPause(pem, Date.now());
    setTimeout(() => {
      void this.#renewSoon(renew).finally(() => this.keepFresh(renew));
    }, pause).unref();
  }

  /** The SE is no longer wanted. */
  forget(): void {
    this.store.clear();
  }

  async #enrol(): Promise<SeIdentity> {
    const { controllers, seName } = this.options;
    const token = this.#tokens.next();
    try {
      return await enrol(controllers, token, this.#newKey, seName, this.log);
    } catch (error) {
      if (error instanceof EnrolmentError) this.#tokens.refused(token);
      throw error;
    }
  }

  async #renewSoon(renew: Parameters<Membership['keepFresh']>[0]): Promise<void> {
    const identity = this.#identity;
    if (identity === undefined || freshness(identity.certificatePem, Date.now()) === 'fresh') return;
    try {
      const reply = await renew(await newRequest(identity.keyPem, identity.seUuid));
      if (reply === undefined) return;
      this.#take({ ...identity, certificatePem: reply.certificatePem, caPem: reply.caPem });
      this.log.info('renewed the certificate');
    } catch (error) {
      this.log.warn('the certificate could not be renewed, it is tried again', { error });
    }
  }

  #take(identity: SeIdentity): void {
    this.store.save(identity);
    this.#identity = identity;
  }
}
