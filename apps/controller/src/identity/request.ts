import { SetMetadata } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { errors } from '../errors.js';
import type { Access } from './permissions.js';
import type { RequestContext } from './principal.js';

const contexts = new WeakMap<object, RequestContext>();

/** Who asks and for which tenant; set by the guard for every route that is not `@Public()`. */
export function contextOf(request: FastifyRequest): RequestContext {
  const context = contexts.get(request.raw);
  if (!context) throw errors.unauthenticated();
  return context;
}

/** The same for routes that also serve clients without a session. */
export function contextIfAny(request: FastifyRequest): RequestContext | undefined {
  return contexts.get(request.raw);
}

export function setContext(request: FastifyRequest, context: RequestContext): void {
  contexts.set(request.raw, context);
}

export const PUBLIC = 'spillway:public';
export const NEEDS = 'spillway:needs';

/** A route or controller that answers without a session. */
export const Public = (): MethodDecorator & ClassDecorator => SetMetadata(PUBLIC, true);

export interface Need {
  readonly kind: string;
  readonly access: Access;
}

/** A route that needs this access to a kind in the tenant of the request. Others need a session only. */
export const Needs = (kind: string, access: Access): MethodDecorator & ClassDecorator =>
  SetMetadata(NEEDS, { kind, access });
