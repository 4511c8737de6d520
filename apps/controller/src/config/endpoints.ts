import { Injectable } from '@nestjs/common';

/** Where this replica's listeners are, for `controller.json`. Each part says so when it listens. */
export interface EndpointMap {
  api?: string;
  grpc?: string;
  status?: string;
  metrics?: string;
}

@Injectable()
export class Endpoints {
  private readonly known: EndpointMap = {};

  /** To be called by the end of `onApplicationBootstrap`. */
  set(name: keyof EndpointMap, url: string): void {
    this.known[name] = url;
  }

  all(): EndpointMap {
    return { ...this.known };
  }
}
