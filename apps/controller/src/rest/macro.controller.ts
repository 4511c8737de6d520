import { Body, Controller, Delete, Post, Req, Res } from '@nestjs/common';
import { isKind, kinds } from '@spillway/model';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { errors } from '../errors.js';
import { contextOf } from '../identity/request.js';
import { ObjectStore, type Spec, type StoredObject, type StoreTransaction } from '../store/index.js';
import { heldReferences } from '../store/references.js';
import { FieldReport } from './field-report.js';
import { parseRepresentation } from './list-query.js';
import { searchParams } from './links.js';
import { macroKind, planMacro, stepOf, type MacroStep } from './macro.js';
import { ObjectReader } from './object-reader.js';
import { ObjectWriter, type Writing } from './object-writer.js';
import { urlOf } from './representation.js';
import { writingOf } from './writing.js';

/** Several objects in one request: all of them are made, or none. */
@Controller('api/macro')
export class MacroController {
  constructor(
    private readonly reader: ObjectReader,
    private readonly writer: ObjectWriter,
    private readonly store: ObjectStore,
  ) {}

  @Post()
  async create(
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Spec> {
    const { kind, data } = macroOf(body);
    const context = contextOf(request);
    const report = new FieldReport();
    const writing = writingOf(context, request, report);
    const steps = planMacro(kind, data);
    const object = await this.store.transaction((tx) => this.makeAll(tx, steps, writing));
    for (const [name, value] of Object.entries(report.headers())) void reply.header(name, value);
    void reply.status(201).header('Location', encodeURI(urlOf(context.base, object, true)));
    return this.reader.shown(
      object.uuid,
      { ...parseRepresentation(searchParams(request)), includeName: true },
      context.base,
    );
  }

  /** Deletes the object and what only it used. */
  @Delete()
  async remove(
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const { kind, data } = macroOf(body);
    const context = contextOf(request);
    const writing = writingOf(context, request, new FieldReport());
    const uuid = data['uuid'];
    if (typeof uuid !== 'string')
      throw errors.badRequest('MACRO_INVALID', 'data.uuid names the object to delete.');
    this.reader.find(kind, uuid, context);
    await this.store.transaction((tx) => this.removeOwned(tx, uuid, writing));
    void reply.status(204);
  }

  private async makeAll(
    tx: StoreTransaction,
    steps: readonly MacroStep[],
    writing: Writing,
  ): Promise<StoredObject> {
    const made: StoredObject[] = [];
    for (const step of steps) {
      const read = await this.writer.read(step.kind, linked(step.body, made), writing);
      made.push(await this.writer.create(tx, read, writing));
    }
    const last = made.at(-1);
    if (!last) throw errors.badRequest('MACRO_INVALID', 'The macro makes nothing.');
    return last;
  }

  private async removeOwned(tx: StoreTransaction, uuid: string, writing: Writing): Promise<void> {
    const object = tx.get(uuid);
    if (!object || !isKind(object.kind)) return;
    const children = heldReferences(object.spec).map((reference) => reference.uuid);
    await this.writer.remove(tx, object.kind, uuid, writing);
    for (const child of new Set(children)) {
      const owned = tx.get(child);
      if (owned && isOwnable(owned) && tx.referrers(child).length === 0)
        await this.removeOwned(tx, child, writing);
    }
  }
}

/** Infrastructure and system objects never go along. */
function isOwnable(object: StoredObject): boolean {
  if (object.systemDefault || !isKind(object.kind)) return false;
  return (
    ![
      'tenant',
      'cloud',
      'vrfcontext',
      'serviceenginegroup',
      'serviceengine',
      'network',
      'user',
      'role',
    ].includes(object.kind) && !kinds[object.kind].singleton
  );
}

function linked(body: Spec, made: readonly StoredObject[]): Spec {
  const change = (value: unknown): unknown => {
    const step = stepOf(value);
    if (step !== undefined) return made[step]?.uuid ?? value;
    if (Array.isArray(value)) return value.map(change);
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(Object.entries(value).map(([key, held]) => [key, change(held)]));
    return value;
  };
  return change(body) as Spec;
}

function macroOf(body: unknown): { kind: ReturnType<typeof macroKind>; data: Spec } {
  const { model_name: modelName, data } = (body ?? {}) as Spec;
  if (typeof data !== 'object' || data === null || Array.isArray(data))
    throw errors.badRequest('MACRO_INVALID', 'A macro is {"model_name": "VirtualService", "data": {...}}.');
  return { kind: macroKind(modelName), data: data as Spec };
}
