import { ClientContext, wireHere } from '@spillway/proxy/tls';
import { canonical, type Certificate, type ClientTls } from '@spillway/snapshot';

/** TLS that a check uses until it gives it back. */
export interface TlsLease {
  readonly context: ClientContext;
  release(): void;
}

/** TLS as traffic has it, one context for all checks that ask for the same. */
export class TlsContexts {
  private readonly contexts = new Map<string, { context: ClientContext; users: number }>();

  /** `@throws` when the library is missing, or does not take what is asked for */
  take(spec: ClientTls, certificate: Certificate | null): TlsLease {
    const key = canonical({ spec, certificate });
    const shared = this.contexts.get(key) ?? {
      context: new ClientContext(wireHere(), spec, certificate, []),
      users: 0,
    };
    this.contexts.set(key, shared);
    shared.users++;
    let taken = true;
    return {
      context: shared.context,
      release: () => {
        if (!taken) return;
        taken = false;
        if (--shared.users > 0) return;
        this.contexts.delete(key);
        shared.context.dispose();
      },
    };
  }

  /** Contexts that somebody uses. */
  get size(): number {
    return this.contexts.size;
  }
}
