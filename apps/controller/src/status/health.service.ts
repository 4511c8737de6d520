import { Injectable } from '@nestjs/common';
import { type ServerWritableStream, status as code } from '@grpc/grpc-js';
import { health } from '@spillway/protocol';
import { answer, stream } from './calls.js';
import { type Picture, servingOf } from './picture.js';
import { StatusBoard } from './status-board.js';
import { CallRefused, type Viewer, Viewers } from './viewer.js';

const Serving = health.HealthCheckResponse_ServingStatus;
type ServingStatus = health.HealthCheckResponse_ServingStatus;

/** `grpc.health.v1.Health` for `serviceengine/<name>`, `virtualservice/<name>`, and "" for the controller. */
@Injectable()
export class HealthService {
  constructor(
    private readonly board: StatusBoard,
    private readonly viewers: Viewers,
  ) {}

  readonly implementation: health.HealthServer = {
    check: (call, reply) =>
      answer(reply, async () => this.#check(await this.viewers.of(call), call.request.service)),
    list: (call, reply) => answer(reply, async () => this.#list(await this.viewers.of(call))),
    watch: (call) => stream(call, async () => this.#watch(call, await this.viewers.of(call))),
  };

  async #check(viewer: Viewer, service: string): Promise<health.HealthCheckResponse> {
    const status = serving(await this.board.read(), viewer, service);
    if (status === Serving.SERVICE_UNKNOWN)
      throw new CallRefused(code.NOT_FOUND, `${service} is not known; List gives the names`);
    return { status };
  }

  async #list(viewer: Viewer): Promise<health.HealthListResponse> {
    const picture = await this.board.read();
    const statuses: Record<string, health.HealthCheckResponse> = {
      '': { status: serving(picture, viewer, '') },
    };
    for (const [name, entry] of picture ?? [])
      if (viewer(entry)) statuses[name] = { status: servingOf(entry) };
    return { statuses };
  }

  /** The status now and at each change; SERVICE_UNKNOWN for a name that may still come to be. */
  #watch(
    call: ServerWritableStream<health.HealthCheckRequest, health.HealthCheckResponse>,
    viewer: Viewer,
  ): () => void {
    let last: ServingStatus | undefined;
    return this.board.watch((picture) => {
      const status = serving(picture, viewer, call.request.service);
      if (status === last) return;
      last = status;
      call.write({ status });
    });
  }
}

/** While nothing can be told, a name that may be known is UNKNOWN and the controller does not serve. */
function serving(picture: Picture | undefined, viewer: Viewer, service: string): ServingStatus {
  if (service === '') return picture === undefined ? Serving.NOT_SERVING : Serving.SERVING;
  if (picture === undefined) return Serving.UNKNOWN;
  const entry = picture.get(service);
  return entry !== undefined && viewer(entry) ? servingOf(entry) : Serving.SERVICE_UNKNOWN;
}
