import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { health, reflection, reflectionV1alpha, status } from '@spillway/protocol';
import { Endpoints } from '../config/endpoints.js';
import { LOGGER, type Logger } from '../config/logger.js';
import { SETTINGS, type Settings } from '../config/settings.js';
import { GrpcListener } from '../grpc/listener.js';
import { Reflection, serveReflection } from '../grpc/reflection.js';
import { PkiService } from '../pki/index.js';
import { stream } from './calls.js';
import { HealthService } from './health.service.js';
import { StatusService } from './status.service.js';
import { Viewers } from './viewer.js';

const SERVICES = [
  'grpc.health.v1.Health',
  'spillway.status.v1.Status',
  'grpc.reflection.v1.ServerReflection',
  'grpc.reflection.v1alpha.ServerReflection',
];

/** The listener for outsiders: health, status and reflection, over TLS, on loopback unless told otherwise. */
@Injectable()
export class StatusServer implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #listener = new GrpcListener();

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly pki: PkiService,
    private readonly viewers: Viewers,
    private readonly healthService: HealthService,
    private readonly statusService: StatusService,
    private readonly endpoints: Endpoints,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { server } = this.#listener;
    server.addService(health.HealthService, this.healthService.implementation);
    server.addService(status.StatusService, this.statusService.implementation);
    const of = new Reflection(SERVICES);
    const implementation: reflection.ServerReflectionServer = {
      serverReflectionInfo: (call) =>
        stream(call, async () => {
          await this.viewers.of(call);
          serveReflection(of, call);
          return () => undefined;
        }),
    };
    server.addService(reflection.ServerReflectionService, implementation);
    server.addService(reflectionV1alpha.ServerReflectionService, implementation);
    await this.pki.outsiderCertificate();
    await this.#listener.listen(this.settings.status, this.pki, 'optional', (err) =>
      this.logger.error({ err }, 'could not renew the certificate of the status listener'),
    );
    this.endpoints.set('status', this.#listener.endpoint);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#listener.close();
  }
}
