import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Metrics of delivery, in one registry. */
export class DeliveryMetrics {
  readonly live: Histogram;
  readonly sent: Counter;
  readonly bytes: Counter;
  readonly refused: Counter;
  readonly attached: Gauge;
  readonly pending: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    this.live = new Histogram({
      name: 'spillway_config_live_seconds',
      help: 'From the moment the API can answer a change until it is live on every connected SE that it concerns',
      buckets: [0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 5, 30],
      registers,
    });
    this.sent = new Counter({
      name: 'spillway_config_updates_total',
      help: 'Changes of configuration sent to SEs',
      labelNames: ['kind'],
      registers,
    });
    this.bytes = new Counter({
      name: 'spillway_config_update_bytes_total',
      help: 'Bytes of fragments sent to SEs',
      registers,
    });
    this.refused = new Counter({
      name: 'spillway_config_nacks_total',
      help: 'Changes of configuration that an SE refused',
      registers,
    });
    this.attached = new Gauge({
      name: 'spillway_se_streams',
      help: 'SEs attached to this replica',
      registers,
    });
    this.pending = new Gauge({
      name: 'spillway_config_pending',
      help: 'Changes that are not yet live on every connected SE that they concern',
      registers,
    });
  }
}
