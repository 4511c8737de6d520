import { Injectable } from '@nestjs/common';
import { isKind } from '@spillway/model';
import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { DataSource } from 'typeorm';
import { ObjectCache } from '../store/index.js';

/** What the controller tells of itself: requests, configuration, SEs, operations, its own process. */
@Injectable()
export class ControllerMetrics {
  readonly requests: Histogram;

  constructor(
    registry: Registry,
    cache: ObjectCache,
    private readonly dataSource: DataSource,
  ) {
    const registers = [registry];
    collectDefaultMetrics({ register: registry, prefix: 'spillway_controller_' });
    this.requests = new Histogram({
      name: 'spillway_api_request_seconds',
      help: 'Requests to the REST API and how long they took',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
      registers,
    });
    const gauge = (
      name: string,
      help: string,
      collect: (this: Gauge) => void | Promise<void>,
      labelNames: string[] = [],
    ): Gauge => new Gauge({ name, help, labelNames, registers, collect });
    gauge('spillway_config_generation', 'The change that this replica is current with', function collect() {
      this.set(cache.generation);
    });
    gauge('spillway_config_epoch', 'Raised by a restore', function collect() {
      this.set(cache.epoch);
    });
    gauge('spillway_config_objects', 'Objects in this replica', function collect() {
      this.set(cache.size);
    });
    gauge(
      'spillway_service_engines_connected',
      'SEs connected to any replica',
      this.counted('SELECT count(*) AS n FROM se_runtime WHERE connected'),
    );
    gauge(
      'spillway_operations',
      'Operations that are under way, by type and state',
      this.counted(
        "SELECT type, state, count(*) AS n FROM operation WHERE state IN ('running', 'waiting') GROUP BY type, state",
      ),
      ['type', 'state'],
    );
  }

  /** Watches every request of the API. Routes are labelled by their pattern, and `:kind` only by kinds that exist. */
  watch(fastify: FastifyInstance): void {
    fastify.addHook('onResponse', (request, reply, done) => {
      const { kind } = request.params as { kind?: string };
      const pattern = request.routeOptions.url ?? 'none';
      const route = kind !== undefined && isKind(kind) ? pattern.replace(':kind', kind) : pattern;
      this.requests.observe(
        { method: request.method, route, status: String(reply.statusCode) },
        reply.elapsedTime / 1000,
      );
      done();
    });
  }

  /** Counts by a query at each scrape; its columns beside `n` are labels. */
  private counted(sql: string): (this: Gauge) => Promise<void> {
    const { dataSource } = this;
    return async function collect(this: Gauge) {
      const rows: Record<string, string>[] = await dataSource.query(sql);
      this.reset();
      for (const { n, ...labels } of rows) this.set(labels, Number(n));
    };
  }
}
