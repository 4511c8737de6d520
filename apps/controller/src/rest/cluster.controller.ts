import { Controller, Get, Req } from '@nestjs/common';
import os from 'node:os';
import type { FastifyRequest } from 'fastify';
import { contextIfAny, Public } from '../identity/request.js';
import { ObjectCache, type Spec } from '../store/index.js';
import { API_VERSION, versionInfo } from '../version.js';
import { baseOf } from './base-url.js';
import { parseRepresentation } from './list-query.js';
import { searchParams } from './links.js';
import { ObjectReader } from './object-reader.js';

/** How the controller itself is, and which version it speaks: what clients ask before they log in. */
@Controller('api')
export class ClusterController {
  private readonly upSince = timestamp(new Date());

  constructor(
    private readonly reader: ObjectReader,
    private readonly cache: ObjectCache,
  ) {}

  @Public()
  @Get('initial-data')
  initialData(@Req() request: FastifyRequest): Spec {
    return {
      version: versionInfo(),
      welcome_workflow_complete: true,
      session_cookie_name: 'avi-sessionid',
      user_initialized: true,
      url: `${baseOf(request)}/api/initial-data`,
    };
  }

  @Public()
  @Get('cluster')
  async cluster(@Req() request: FastifyRequest): Promise<Spec> {
    const object = this.reader.singleton('cluster');
    const context = contextIfAny(request);
    const shown = await this.reader.showOne(
      object,
      parseRepresentation(searchParams(request)),
      baseOf(request),
    );
    // Without a session only that it is there: clients use this to find out whether the controller answers.
    return context ? shown : { uuid: shown['uuid'], name: shown['name'], url: shown['url'] };
  }

  /** With the generation of the newest change: an SE runs it when its runtime shows that one, or a later one. */
  @Public()
  @Get('cluster/runtime')
  runtime(): Spec {
    return { ...this.state(), cluster_uuid: this.cache.clusterUuid, generation: this.cache.generation };
  }

  @Public()
  @Get('cluster/status')
  status(): Spec {
    return this.state();
  }

  @Get('cluster/version')
  version(): Spec {
    return { ...versionInfo(), node: os.hostname(), api: API_VERSION };
  }

  private state(): Spec {
    const cluster = this.reader.singleton('cluster');
    const up = { state: 'CLUSTER_ACTIVE', up_since: this.upSince };
    return {
      node_states: [{ name: os.hostname(), role: 'CLUSTER_LEADER', ...up }],
      cluster_state: { state: 'CLUSTER_UP_NO_HA', progress: 100, up_since: this.upSince },
      service_states: [],
      name: cluster.name,
    };
  }
}

const timestamp = (at: Date): string => at.toISOString().slice(0, 19).replace('T', ' ');
