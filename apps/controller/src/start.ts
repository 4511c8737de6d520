import 'reflect-metadata';
import { mkdirSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import type http from 'node:http';
import type https from 'node:https';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { AppModule } from './app.module.js';
import { Endpoints } from './config/endpoints.js';
import { LOGGER, NestLogger, createLogger, type Logger } from './config/logger.js';
import type { Settings } from './config/settings.js';
import { ControllerMetrics } from './metrics/controller-metrics.js';
import { PkiService } from './pki/pki.service.js';
import { MAX_BODY_BYTES, registerBodyParsers } from './rest/body-parsers.js';
import { createHttpsServer } from './rest/https-server.js';
import { registerReplyHeaders } from './rest/reply-headers.js';
import { brokenRequestHandler } from './rest/unescaped-target.js';
import { createReadyFile, endpointOf, removeReadyFile } from './ready-file.js';

/** A controller that answers. */
export interface RunningController {
  /** `https://host:port` */
  readonly api: string;
  readonly app: NestFastifyApplication;
  readonly logger: Logger;
  /** Ends what it does and closes every listener and connection. */
  close(): Promise<void>;
}

/** Starts a controller and returns when its API answers and `controller.json` is written. */
export async function startController(settings: Settings): Promise<RunningController> {
  mkdirSync(settings.dir, { recursive: true, mode: 0o700 });
  let server: https.Server | undefined;
  let fastify: FastifyInstance | undefined;
  const adapter = new FastifyAdapter({
    serverFactory: (handler: http.RequestListener) => (server = createHttpsServer(handler)),
    routerOptions: { ignoreTrailingSlash: true, ignoreDuplicateSlashes: true, maxParamLength: 512 },
    clientErrorHandler: brokenRequestHandler(() => fastify),
    bodyLimit: MAX_BODY_BYTES,
    return503OnClosing: true,
    forceCloseConnections: 'idle',
  });
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.with(settings), adapter, {
    bodyParser: false,
    logger: new NestLogger(createLogger(settings.logLevel)),
    abortOnError: false,
  });
  try {
    const logger = app.get<Logger>(LOGGER);
    fastify = adapter.getInstance<FastifyInstance>();
    registerBodyParsers(fastify);
    registerReplyHeaders(fastify);
    app.get(ControllerMetrics).watch(fastify);
    await app.init();
    const certificate = await app.get(PkiService).serverCertificate();
    server?.setSecureContext({ key: certificate.keyPem, cert: certificate.certificatePem });
    await app.listen(settings.api.port, settings.api.host);
    const api = endpointOf(server?.address() as AddressInfo, settings.api.host);
    const endpoints = app.get(Endpoints);
    endpoints.set('api', api);
    createReadyFile(settings, endpoints.all());
    logger.info({ api }, 'the controller answers');
    return { api, app, logger, close: () => closeAll(app, settings) };
  } catch (err) {
    await app.close();
    throw err;
  }
}

async function closeAll(app: NestFastifyApplication, settings: Settings): Promise<void> {
  removeReadyFile(settings);
  await app.close();
}
